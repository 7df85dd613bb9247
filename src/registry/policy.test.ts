import { describe, expect, test } from 'vitest';
import { moduleName } from '../../test/support/registry-world.ts';
import { policyConfig, snapshotRecord } from './policy.fixture.ts';
import { claimantOf, maySupply, type PolicySource, policyDigest, policyOf } from './policy.ts';

const source = (settings: Partial<PolicySource> = {}): PolicySource => ({
  name: 's',
  priority: 50,
  isEnabled: true,
  isRemoved: false,
  hasBeenRead: true,
  namespaces: [],
  include: [],
  exclude: [],
  claims: settings.namespaces ?? [],
  holdsNewNames: 'all',
  deletedUpstream: 'keep',
  fileLimits: { maxBytes: 1, maxLines: 1, maxMalformed: 1 },
  ...settings,
});

describe('a policy', () => {
  test('has the most trusted source first, and equals in the order of the file', () => {
    const config = policyConfig([
      { name: 'mooncakes', priority: 100 },
      { name: 'b', priority: 50 },
      { name: 'internal', priority: 25, enabled: false },
      { name: 'a', priority: 50 },
      { name: 'negative', priority: -1 },
    ]);
    const { sources } = policyOf(config, []);
    expect(sources.map(({ name }) => name)).toEqual(['negative', 'internal', 'b', 'a', 'mooncakes']);
    expect(sources.filter(({ isEnabled }) => !isEnabled).map(({ name }) => name)).toEqual(['internal']);
  });

  test('knows which sources have been read', () => {
    const config = policyConfig([{ name: 'old' }, { name: 'new' }]);
    const { sources } = policyOf(config, [snapshotRecord('old')]);
    expect(sources.map(({ name, hasBeenRead }) => [name, hasBeenRead])).toEqual([
      ['old', true],
      ['new', false],
    ]);
  });

  test('keeps a removed source as it was trusted, without any say in new names', () => {
    const config = policyConfig([{ name: 'mooncakes', priority: 100 }]);
    const { sources } = policyOf(config, [
      snapshotRecord('mooncakes', 100),
      snapshotRecord('partner', 50),
      snapshotRecord('archive', 100),
    ]);
    expect(sources.map(({ name }) => name)).toEqual(['partner', 'mooncakes', 'archive']);
    expect(sources[0]).toMatchObject({ isRemoved: true, isEnabled: false, namespaces: [] });
  });

  test('passes on whether versions may be fetched on demand', () => {
    for (const upstreamFallback of [true, false])
      expect(policyOf(policyConfig([], upstreamFallback), []).upstreamFallback).toBe(upstreamFallback);
  });
});

describe('the digest of a policy', () => {
  const digest = (
    settings: Parameters<typeof policyConfig>[0],
    read: readonly string[] = [],
    fallback = true,
  ) =>
    policyDigest(
      policyOf(
        policyConfig(settings, fallback),
        read.map((name) => snapshotRecord(name)),
      ),
    );
  const base = [{ name: 'a', priority: 1 }, { name: 'b' }];

  test('is the same for the same decisions', () => {
    expect(digest(base)).toBe(digest(structuredClone(base)));
    expect(digest(base)).toBe(digest(base.toReversed()));
  });

  test.each([
    ['a priority', () => digest([{ name: 'a', priority: 2 }, { name: 'b' }])],
    ['an order of equals', () => digest([{ name: 'b', priority: 1 }, { name: 'a' }])],
    [
      'whether a source is enabled',
      () => digest([{ name: 'a', priority: 1, enabled: false }, { name: 'b' }]),
    ],
    ['a claim', () => digest([{ name: 'a', priority: 1, namespaces: ['x/*'] }, { name: 'b' }])],
    ['an inclusion', () => digest([{ name: 'a', priority: 1, include: ['x/*'] }, { name: 'b' }])],
    ['an exclusion', () => digest([{ name: 'a', priority: 1, exclude: ['x/*'] }, { name: 'b' }])],
    ['a source more', () => digest([...base, { name: 'c' }])],
    ['a source less', () => digest(base.slice(1))],
    ['a source read for the first time', () => digest(base, ['a'])],
    ['fetching on demand', () => digest(base, [], false)],
  ])('changes with %s', (_, other) => {
    expect(other()).not.toBe(digest(base));
  });
});

describe('what a source may supply', () => {
  test.each([
    ['anything', {}, 'any/thing', true],
    ['what it includes', { include: ['org/*'] }, 'org/a', true],
    ['nothing but that', { include: ['org/*'] }, 'other/a', false],
    ['nothing it excludes', { exclude: ['org/secret*'] }, 'org/secret/key', false],
    ['the rest', { exclude: ['org/secret*'] }, 'org/open', true],
    [
      'nothing it includes and excludes',
      { include: ['org/*'], exclude: ['org/secret'] },
      'org/secret',
      false,
    ],
    ['what it claims, whatever it includes', { include: ['org/*'], namespaces: ['own/*'] }, 'own/a', true],
    ['nothing it claims and excludes', { exclude: ['own/a'], namespaces: ['own/*'] }, 'own/a', false],
    ['names by their letter case', { include: ['org/*'] }, 'Org/a', false],
  ])('is %s', (_, settings, name, expected) => {
    expect(maySupply(source(settings), moduleName(name))).toBe(expected);
  });
});

describe('the claimant of a name', () => {
  const policy = {
    upstreamFallback: true,
    acceptedNames: [],
    sources: [
      source({
        name: 'internal',
        namespaces: ['company/*', 'tools/x'],
        isEnabled: false,
        hasBeenRead: false,
      }),
      source({ name: 'partner', namespaces: ['partner-*'] }),
      source({ name: 'mooncakes' }),
    ],
  };

  test.each([
    ['company/tool', 'internal'],
    ['company/deep/tool', 'internal'],
    ['tools/x', 'internal'],
    ['tools/x/y', undefined],
    ['companyx/tool', undefined],
    ['partner-org/a', 'partner'],
    ['moonbitlang/core', undefined],
  ])('%s is %s', (name, expected) => {
    expect(claimantOf(policy, moduleName(name))?.name).toBe(expected);
  });
});
