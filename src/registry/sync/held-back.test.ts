import { describe, expect, test } from 'vitest';
import { moduleName } from '../../../test/support/registry-world.ts';
import type { Pending } from '../../index/pending-names.ts';
import { policyConfig, snapshotRecord } from '../decide/policy.fixture.ts';
import { heldBackOf } from './held-back.ts';
import type { Observations } from './observations.ts';

const since = '2026-01-02T00:00:00.000Z';
const undecided = (...waitsFor: string[]): Pending => ({ kind: 'undecided', waitsFor, since });
const contended = (source: string): Pending => ({ kind: 'contended', source, origin: 'mooncakes', since });

const failing: Observations = {
  internal: { triedAt: since, failure: 'connection refused', failureClass: 'connection' },
  partner: { triedAt: since, isStaleUpstream: true },
};

/** What waits, told with internal never read, partner read, both of more trust than mooncakes. */
function heldBack(pending: Readonly<Record<string, Pending>>, observations = failing) {
  const config = policyConfig([
    { name: 'mooncakes', priority: 100 },
    { name: 'partner', priority: 50 },
    { name: 'internal', priority: 25, namespaces: ['company/*'] },
  ]);
  const snapshots = [snapshotRecord('mooncakes', 100), snapshotRecord('partner', 50)];
  const names = Object.entries(pending).map(([name, reason]) => [moduleName(name), reason] as const);
  return heldBackOf(new Map(names), { config, snapshots, observations });
}

describe('names that wait', () => {
  test('are counted by the sources they wait for, most first, with their owners', () => {
    const both = undecided('internal', 'partner');
    const names = { 'b/y': both, 'a/x': both, 'b/x': both, 'c/x': undecided('partner') };
    expect(heldBack(names)).toEqual([
      {
        kind: 'new',
        names: 3,
        owners: [
          { owner: 'b', names: 2 },
          { owner: 'a', names: 1 },
        ],
        examples: ['a/x', 'b/x', 'b/y'],
        waitsFor: [
          { source: 'internal', claims: true, failureClass: 'connection', failure: 'connection refused' },
          {
            ...{ source: 'partner', claims: false, failureClass: 'stale-upstream' },
            failure: 'it says itself that it is not up to date',
          },
        ],
        since,
      },
      expect.objectContaining({ names: 1, examples: ['c/x'] }),
    ]);
  });

  test('are ten examples and ten owners of any number', () => {
    const names = Array.from({ length: 1587 }, (_, i) => [`o${i % 30}/m${i}`, undecided('partner')] as const);
    const [group, ...more] = heldBack(Object.fromEntries(names));
    expect(more).toEqual([]);
    expect(group).toMatchObject({ names: 1587, owners: { length: 10 }, examples: { length: 10 } });
  });

  test('may wait for nothing but a sync, or for a source that nobody has asked yet', () => {
    expect(heldBack({ 'a/x': undecided() })).toMatchObject([{ names: 1, waitsFor: [] }]);
    expect(heldBack({ 'a/x': undecided('partner') }, {})).toMatchObject([
      { waitsFor: [{ source: 'partner', failureClass: 'not-read', failure: 'it was not read yet' }] },
    ]);
    // One that was slow: the others did not wait for it.
    const read = { partner: { triedAt: since, readAt: since } };
    expect(heldBack({ 'a/x': undecided('partner') }, read)).toMatchObject([
      { waitsFor: [{ failureClass: 'not-read', failure: 'it was not read in the last sync' }] },
    ]);
  });

  test('are, of those that are served, only those whose claimant was never read: the others are conflicts', () => {
    expect(heldBack({ 'company/tool': contended('internal'), 'a/x': contended('partner') })).toMatchObject([
      { kind: 'claimed', names: 1, examples: ['company/tool'], waitsFor: [{ source: 'internal' }] },
    ]);
  });
});
