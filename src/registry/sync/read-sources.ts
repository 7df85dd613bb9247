import type { GitIndex } from '../../index/git-index.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { detailOf, type Lookup } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Snapshot, Source } from '../../sources/source.ts';
import type { Log } from '../../support/log.ts';
import { findObjection, parseCommit } from '../decide/hold-snapshot.ts';
import { containSource } from './contain-source.ts';
import type { Observations } from './observations.ts';
import type { SourceRefresh } from './source-refresh.ts';

/** What reading one source's index gave. */
export interface Reading {
  readonly source: string;
  /** The commit known before reading. */
  readonly known: string | undefined;
  readonly result: Lookup<Snapshot>;
  /** Why it is not taken yet. */
  readonly objection?: string | undefined;
}

interface ReadContext {
  readonly sources: ReadonlyMap<string, Source>;
  readonly log: Log;
}

/** As long as the slowest honest fetch. */
export const lockWaitMs = 10 * 60_000;

/** Rejects when the caller gives up or our own disk fails; whatever else goes wrong is this source's reading. */
export async function readSource(
  { sources, log }: ReadContext,
  name: string,
  known: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const result = await containSource({ source: name, doing: 'its index was read', log, signal }, async () => {
    const source = sources.get(name);
    if (!source) throw new Error(`source ${name} is not connected`);
    return source.readSnapshot(known, signal);
  });
  return { source: name, known, result };
}

/**
 * Holds back what `findObjection` objects to until two readings in a row agree: the same commit again, or one that
 * goes on from it without a new objection, since a busy index never stands still for two readings. What goes wrong
 * meanwhile is this source's reading, but for our own disk.
 */
export async function judgeReading(
  reading: Reading,
  record: SnapshotRecord | undefined,
  observation: Observations[string] | undefined,
  index: GitIndex,
  log: Log,
): Promise<Reading> {
  let judged = reading;
  const context = { source: reading.source, doing: 'its index was compared with the one before', log };
  const result = await containSource(context, async () => {
    judged = await judge(reading, record, observation, index);
    return judged.result;
  });
  return { ...judged, result };
}

async function judge(
  reading: Reading,
  record: SnapshotRecord | undefined,
  observation: Observations[string] | undefined,
  index: GitIndex,
): Promise<Reading> {
  const { result, known } = reading;
  if (result.kind !== 'found' || record?.commit !== known || !record || result.value.commit === known)
    return reading;
  const objection = await compare(index, record, result.value, observation?.earlier ?? []);
  if (objection === undefined) return reading;
  const held = observation?.held;
  if (held === result.value.commit) return reading;
  const tree = held === undefined ? undefined : await index.treeOf(held);
  if (held === undefined || tree === undefined) return { ...reading, objection };
  if ((await compare(index, { commit: held, tree }, result.value, [])) === undefined) return reading;
  return { ...reading, objection };
}

/** Costs what changed, however large the index. */
async function compare(
  index: GitIndex,
  before: Pick<Snapshot, 'commit' | 'tree'>,
  after: Snapshot,
  earlier: readonly string[],
): Promise<string | undefined> {
  const [old, current, changed] = await Promise.all([
    readCommitIfThere(index, before.commit),
    index.read(after.commit),
    index.diff(before.tree, after.tree),
  ]);
  const lost = [...changed].flatMap(([path, id]): ModuleName[] => {
    const target = readIndexPath(path);
    return target.kind === 'module' && id === undefined ? [target.module] : [];
  });
  return findObjection({
    before: parseCommit(before.commit, old),
    after: parseCommit(after.commit, current),
    earlier,
    lost,
  });
}

/**
 * What was read before is in the state as a tree. Its commit is named nowhere in git, since its parents are not here, so
 * `git gc` removes it: the source then sends everything once more, and only the commit's date is not known.
 */
async function readCommitIfThere(index: GitIndex, commit: string): Promise<Buffer | undefined> {
  return (await index.treeOf(commit)) === undefined ? undefined : index.read(commit);
}

export function describeReading(
  { source, known, result, objection }: Reading,
  records: readonly SnapshotRecord[],
): SourceRefresh {
  const last = records.find((record) => record.source === source)?.commit;
  if (result.kind === 'found') {
    const { commit } = result.value;
    if (objection === undefined) {
      const outcome = commit === known ? 'unchanged' : 'fresh';
      const isStaleUpstream = result.value.isStale;
      return { source, outcome, commit, ...(isStaleUpstream ? { isStaleUpstream } : {}) };
    }
    const detail = `its index ${objection}; held back until it is read like this once more`;
    return { source, outcome: 'held', detail, commit: last, heldCommit: commit };
  }
  const failure = {
    detail: detailOf(result),
    reason: result.kind === 'unavailable' ? result.cause.reason : undefined,
  };
  return last === undefined
    ? { source, outcome: 'never-read', ...failure }
    : { source, outcome: 'stale', ...failure, commit: last };
}
