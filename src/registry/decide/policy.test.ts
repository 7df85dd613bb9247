import { describe, expect, test } from 'vitest';
import { moduleName } from '../../../test/support/registry-world.ts';
import { defaultSourceLimits } from '../../config/normalise.ts';
import { policyConfig, snapshotRecord } from './policy.fixture.ts';
import { claimantOf, maySupply, policyDigest, policyOf } from './policy.ts';

type Settings = Parameters<typeof policyConfig>[0][number];

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

  test('takes a reading at another address for none, and one that does not say its address for one at this', () => {
    const config = policyConfig([{ name: 'same' }, { name: 'moved' }, { name: 'old' }]);
    const at = (name: string, indexUrl: string | undefined) => ({ ...snapshotRecord(name), indexUrl });
    const { sources } = policyOf(config, [
      at('same', 'https://same.example/index'),
      at('moved', 'https://elsewhere.example/index'),
      at('old', undefined),
    ]);
    expect(sources.filter(({ hasBeenRead }) => hasBeenRead).map(({ name }) => name)).toEqual(['same', 'old']);
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
    settings: readonly Settings[],
    read: readonly string[] = [],
    fallback = true,
    accepted: readonly string[] = [],
  ) =>
    policyDigest(
      policyOf(
        policyConfig(settings, fallback),
        read.map((name) => snapshotRecord(name)),
        { acceptedNames: accepted },
      ),
    );
  const first = { name: 'a', priority: 1 };
  const base = [first, { name: 'b' }];

  test('is the same for the same decisions', () => {
    expect(digest(base)).toBe(digest(structuredClone(base)));
    expect(digest(base)).toBe(digest(base.toReversed()));
  });

  test('is the same whatever a source was read to hold, and when', () => {
    const record = snapshotRecord('a', 1);
    const held = { commit: 'e'.repeat(40), tree: 'f'.repeat(40), since: '2026-02-02T00:00:00.000Z' };
    const later = { ...record, commit: 'a'.repeat(40), tree: 'b'.repeat(40), since: held.since };
    const digestOf = (snapshot: typeof record) => policyDigest(policyOf(policyConfig(base), [snapshot]));
    expect(digestOf(later)).toBe(digestOf(record));
    expect(digestOf({ ...record, ...{ held } })).toBe(digestOf(record));
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
    ['what a claim holds back', () => digest([{ ...first, holdsNewNames: 'claimed' }, { name: 'b' }])],
    ['what deletions do', () => digest([{ ...first, deletedUpstream: 'follow' }, { name: 'b' }])],
    [
      'how large a file may be',
      () => digest([{ ...first, limits: { ...defaultSourceLimits(), indexFileBytes: 1 } }, { name: 'b' }]),
    ],
    ['a look-alike that is accepted', () => digest(base, [], true, ['Company/tool'])],
  ])('changes with %s', (_, other) => {
    expect(other()).not.toBe(digest(base));
  });

  test('changes with the address of a source that was read', () => {
    const read = [{ ...snapshotRecord('a', 1), indexUrl: 'https://a.example/index' }];
    const moved = [{ ...first, indexUrl: 'https://b.example/index' }, { name: 'b' }];
    expect(policyDigest(policyOf(policyConfig(moved), read))).not.toBe(
      policyDigest(policyOf(policyConfig(base), read)),
    );
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
    ['only names as they are included', { include: ['org/*'] }, 'Org/a', false],
    ['only names as they are claimed', { include: ['x/*'], namespaces: ['own/*'] }, 'Own/a', false],
    ['nothing that looks like what it excludes', { exclude: ['Org/*'] }, 'oRG/a', false],
    ['nothing that looks like it to a disk', { exclude: ['keys/*'] }, '\u212aeys/a', false],
    ['what looks like nothing it excludes', { exclude: ['Org/*'] }, 'orgs/a', true],
  ])('is %s', (_, settings, name, expected) => {
    const [source] = policyOf(policyConfig([{ name: 's', ...settings }]), []).sources;
    expect(source && maySupply(source, moduleName(name))).toBe(expected);
  });
});

describe('the claimant of a name', () => {
  const config = policyConfig([
    { name: 'internal', namespaces: ['Company/*', 'tools/x'], enabled: false },
    { name: 'partner', namespaces: ['partner-*'] },
    { name: 'mooncakes' },
  ]);
  const claimant = (name: string, accepted: readonly string[] = []) =>
    claimantOf(policyOf(config, [], { acceptedNames: accepted }), moduleName(name))?.name;

  test.each([
    ['Company/tool', 'internal'],
    ['Company/deep/tool', 'internal'],
    ['company/tool', 'internal'],
    ['COMPANY/tool', 'internal'],
    ['tools/x', 'internal'],
    ['Tools/X', 'internal'],
    ['tools/x/y', undefined],
    ['companyx/tool', undefined],
    ['partner-org/a', 'partner'],
    ['moonbitlang/core', undefined],
  ])('%s is %s', (name, expected) => {
    expect(claimant(name)).toBe(expected);
  });

  test('of a look-alike that the operator has accepted is who claims it as it is written', () => {
    const accepted = ['company/tool', 'Company/tool'];
    expect(claimant('company/tool', accepted)).toBeUndefined();
    expect(claimant('Company/tool', accepted)).toBe('internal');
    expect(claimant('company/other', accepted)).toBe('internal');
  });
});
