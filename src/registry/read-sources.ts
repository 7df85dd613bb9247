import type { GitIndex } from '../index/git-index.ts';
import { readIndexPath } from '../index/layout.ts';
import type { SnapshotRecord } from '../index/registry-state.ts';
import { detailOf, type Lookup, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Snapshot, Source } from '../sources/source.ts';
import { findObjection, parseCommit } from './hold-snapshot.ts';
import type { Observations } from './observations.ts';
import type { SourceRefresh } from './reports.ts';

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
  readonly index: GitIndex;
  readonly sources: ReadonlyMap<string, Source>;
}

/** As long as the slowest honest fetch. */
export const lockWaitMs = 10 * 60_000;

export async function readSource(
  context: ReadContext,
  name: string,
  known: readonly SnapshotRecord[],
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const source = context.sources.get(name);
  const record = known.find((candidate) => candidate.source === name);
  const commit = record?.commit;
  if (!source) throw new Error(`source ${name} is not connected`);
  const result = await source.readSnapshot(commit, signal);
  return { source: name, known: commit, result: await refuseEmpty(context.index, record, result) };
}

/** A repository without index files is no index: nothing tells a wrong address from a registry that lost everything. */
async function refuseEmpty(
  index: GitIndex,
  known: SnapshotRecord | undefined,
  result: Lookup<Snapshot>,
): Promise<Lookup<Snapshot>> {
  if (result.kind !== 'found' || result.value.commit === known?.commit) return result;
  const { tree } = result.value;
  const isIndexFile = (path: string) => readIndexPath(path).kind !== 'other';
  // Mostly a file that changed answers it; the whole index is listed only where none does.
  const changed = known === undefined ? [] : await index.diff(known.tree, tree);
  for (const [path, id] of changed) if (id !== undefined && isIndexFile(path)) return result;
  for (const path of (await index.list(tree)).keys()) if (isIndexFile(path)) return result;
  const detail = `commit ${result.value.commit.slice(0, 10)} of its index has no .index file below user/`;
  return unavailable({ reason: 'bad-answer', detail });
}

/**
 * Holds back what `findObjection` objects to until two readings in a row agree: the same commit again, or one that
 * goes on from it without a new objection, since a busy index never stands still for two readings.
 */
export async function judgeReading(
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
  before: Snapshot,
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
      const isStaleUpstream = 'isStale' in result.value && result.value.isStale === true;
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
