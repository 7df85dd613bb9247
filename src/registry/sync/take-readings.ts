import type { Config } from '../../config/config.ts';
import { indexAddress } from '../../config/index-address.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { unavailable } from '../../model/lookup.ts';
import { isReadAt } from '../decide/policy.ts';
import type { Reading } from './read-sources.ts';

/** A reading with the address it was made at: it says nothing about another. */
export interface AddressedReading extends Reading {
  /** As `indexAddress` gives it. */
  readonly indexUrl: string;
}

/** Readings of enabled sources. One of an address that the source no longer has says nothing about it. */
export function readingsOf(readings: readonly AddressedReading[], config: Config): AddressedReading[] {
  return readings.flatMap((reading) => {
    const source = config.sources.find(({ name }) => name === reading.source);
    if (!source?.enabled) return [];
    const address = indexAddress(source);
    if (address === reading.indexUrl) return [reading];
    const detail = 'its address was changed while it was read; the next sync reads it there';
    return [{ ...reading, indexUrl: address, result: unavailable({ reason: 'connection', detail }) }];
  });
}

/**
 * Sources whose listing is known as it is now: read in this sync, not held back, not stale by their own account, and taken. So are
 * those of an earlier round of it, as long as they have the address they were read at.
 */
export function currentSources(
  readings: readonly AddressedReading[],
  earlier: ReadonlySet<string>,
  snapshots: readonly SnapshotRecord[],
  config: Config,
): Set<string> {
  const recordOf = (name: string) => snapshots.find(({ source }) => source === name);
  const addressOf = (name: string) => {
    const source = config.sources.find((candidate) => candidate.name === name);
    return source ? indexAddress(source) : '';
  };
  const read = readings.filter(
    ({ source, result, objection }) =>
      result.kind === 'found' &&
      objection === undefined &&
      !result.value.isStale &&
      // Another process may have come between with a reading of its own.
      recordOf(source)?.commit === result.value.commit,
  );
  return new Set([
    ...[...earlier].filter((name) => isReadAt(recordOf(name), addressOf(name))),
    ...read.map(({ source }) => source),
  ]);
}

/**
 * What the state will record: what was read, or else the last good snapshot (rule 4), and beside it a reading that is held back.
 * A reading that started from an older state than the current one is dropped: whoever came between read the source at
 * least as late.
 */
export function nextSnapshots(
  records: readonly SnapshotRecord[],
  readings: readonly AddressedReading[],
  config: Config,
  now: string,
): SnapshotRecord[] {
  const priorities = new Map(config.sources.map((source) => [source.name, source.priority]));
  const next = new Map(
    records.map((record) => [
      record.source,
      { ...record, priority: priorities.get(record.source) ?? record.priority },
    ]),
  );
  for (const { source, known, result, objection, indexUrl } of readings) {
    const before = next.get(source);
    if (result.kind !== 'found' || before?.commit !== known) continue;
    const { commit, tree, hosts } = result.value;
    if (objection !== undefined && before) {
      const since = before.held?.commit === commit ? before.held.since : now;
      next.set(source, { ...before, held: { commit, tree, since } });
      continue;
    }
    const { held: _, hosts: earlier, ...rest } = before ?? first(source, priorities.get(source) ?? 0, now);
    const since = before?.commit === commit ? before.since : now;
    // Who says nothing of the kind for once is not taken to host everything.
    const said = hosts ?? (before?.indexUrl === indexUrl ? earlier : undefined);
    next.set(source, { ...rest, commit, tree, since, indexUrl, ...(said && { hosts: said }) });
  }
  return [...next.values()];
}

function first(source: string, priority: number, since: string): SnapshotRecord {
  return { source, priority, since, commit: '', tree: '', indexUrl: undefined };
}
