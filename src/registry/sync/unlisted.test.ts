import { describe, expect, test } from 'vitest';
import { moduleName } from '../../../test/support/registry-world.ts';
import { policyConfig, snapshotRecord } from '../decide/policy.fixture.ts';
import { policyOf } from '../decide/policy.ts';
import { type UnlistedVersion, unlisted } from './unlisted.ts';

const read = { triedAt: '', readAt: '2026-01-01T00:00:00.000Z' };
const firstSeen = '2026-01-01T00:00:00.000Z';
const never: UnlistedVersion = {
  module: moduleName('alice/json'),
  recorded: undefined,
  firstSeen: undefined,
  isSupplied: false,
  isPlannedOtherwise: false,
};
const served: UnlistedVersion = { ...never, recorded: 'main', firstSeen };

function ask(
  known: UnlistedVersion,
  { enabled = true, fallback = true, observations = { main: read } as Parameters<typeof unlisted>[2] } = {},
) {
  const policy = policyOf(policyConfig([{ name: 'main', enabled }], fallback), [snapshotRecord('main')]);
  return unlisted(known, policy, observations, () => '2026-01-01T00:05:00.000Z');
}

describe('a version that is not listed', () => {
  test('and never was is absent, once every source that may supply it was read', () => {
    expect(ask(never)).toMatchObject({ kind: 'absent' });
    expect(ask({ ...never, recorded: 'main' })).toMatchObject({ kind: 'absent' });
  });

  test('waits for a source that could not be read, for as long as that is left alone, whatever was served', () => {
    for (const known of [never, served])
      expect(ask(known, { observations: { main: { ...read, failure: 'it is down' } } })).toMatchObject({
        kind: 'unavailable',
        cause: { reason: 'not-current', until: '2026-01-01T00:05:00.000Z', retryAfterMs: 60_000 },
      });
  });

  test('and was served once is gone, with the day it was', () => {
    expect(ask(served)).toEqual({ kind: 'gone', firstSeen });
    expect(ask({ ...served, isSupplied: true })).toEqual({ kind: 'gone', firstSeen });
    expect(ask(served, { fallback: false })).toEqual({ kind: 'gone', firstSeen });
  });

  test('and was served once is not known to be gone where the index was made by other settings than these', () => {
    expect(ask({ ...served, isPlannedOtherwise: true })).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'not-current', retryAfterMs: 1000 },
    });
    expect(ask({ ...never, isPlannedOtherwise: true })).toMatchObject({ kind: 'absent' });
  });

  test('and was served once is held back where its source is disabled or removed, or nothing is fetched on demand', () => {
    const reasonOf = (outcome: ReturnType<typeof ask>) =>
      outcome.kind === 'unavailable' ? outcome.cause.reason : outcome.kind;
    expect(reasonOf(ask(served, { enabled: false }))).toBe('disabled');
    expect(reasonOf(ask({ ...served, recorded: 'removed' }))).toBe('disabled');
    expect(reasonOf(ask({ ...served, isSupplied: true }, { fallback: false }))).toBe('not-cached');
  });
});
