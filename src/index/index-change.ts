import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { importCommits, type NewCommit, type TreeEdit } from '../support/git/git-import.ts';
import { inRepository } from './in-repository.ts';
import type { IndexObjects } from './index-objects.ts';
import { heldPathOf, snapshotPathOf } from './layout.ts';
import { formatPending, type PendingNames } from './pending-names.ts';
import {
  currentFormat,
  decisionsFile,
  findingsFile,
  formatFile,
  formatState,
  pendingFile,
  type RegistryState,
  stateFile,
  type ViewRecord,
} from './registry-state.ts';
import type { Scratch } from './scratch.ts';
import { formatLines } from './state-lines.ts';
import type { StateView } from './state-view.ts';

/** A change to the served index and the state, made real by one ref update. */
export interface IndexChange {
  /** What the change was planned on; it fails if that is no longer the state. */
  readonly base: StateView;
  /** Absent: the served index stays as it is. */
  readonly served?: {
    readonly edits: readonly TreeEdit[];
    readonly message: string;
    readonly isRoot: boolean;
  };
  readonly state: Omit<RegistryState, 'served' | 'format' | 'views' | 'extra'>;
  /** All that there are to be; absent: they stay as they are. */
  readonly views?: readonly ViewChange[] | undefined;
  /** Of the ledger, and of whatever else the state's tree has for single modules. */
  readonly stateEdits: readonly TreeEdit[];
  readonly findings: readonly Finding[];
  /** All names that wait. */
  readonly pending: PendingNames;
  /** All of them; absent: they stay as they are. */
  readonly decisions?: readonly OperatorDecision[] | undefined;
  readonly message: string;
  readonly date: Date;
}

/** What becomes of a view: another commit, or the one that it has. */
export interface ViewChange {
  readonly record: Omit<ViewRecord, 'commit'>;
  readonly commit:
    | string
    | {
        /** The commit that it goes on from; absent: it begins anew, and `edits` are all of its files. */
        readonly base: string | undefined;
        readonly edits: readonly TreeEdit[];
        readonly message: string;
      };
}

/** Where a change is written: into the repository, or beside it by whoever only looks. */
interface WritingPlace {
  readonly directory: string;
  readonly objects: Pick<IndexObjects, 'measure'>;
  readonly scratch: Scratch | undefined;
}

/** Writes the commits of a change, and moves no ref. Answers with the state's. */
export async function writeChange(
  { directory, objects, scratch }: WritingPlace,
  change: IndexChange,
): Promise<string> {
  if (change.base.format !== currentFormat)
    throw new StorageError(`the data in ${directory} still have format ${change.base.format}`, {
      hint: 'run "moonbit-registry sync", which brings them to the format of this program',
    });
  const baseTree = await objects.measure(`${change.base.served}:`);
  if (!baseTree) throw new StorageError(`the served commit ${change.base.served} has no tree`);
  await scratch?.make();
  const place = scratch?.gitDirectory ?? directory;
  const importing = importCommits(place, commitBuilders(change, baseTree.id), scratch?.variables());
  const ids = await inRepository(directory, 'write a commit', importing);
  return ids.at(-1) ?? '';
}

/** One builder for the served index if it changes, one for the state. */
function commitBuilders(
  change: IndexChange,
  baseTree: string,
): ((earlier: readonly string[]) => NewCommit)[] {
  const { base, served, date } = change;
  const snapshotEdits = change.state.snapshots.flatMap(({ source, tree, held }): TreeEdit[] => [
    { path: snapshotPathOf(source), mode: '040000', object: tree },
    ...(held ? [{ path: heldPathOf(source), mode: '040000', object: held.tree } as const] : []),
  ]);
  const recordOf = (source: string) => change.state.snapshots.find((kept) => kept.source === source);
  const dropped = base.snapshots.flatMap(({ source, held }) => [
    ...(recordOf(source) ? [] : [snapshotPathOf(source)]),
    ...(held && !recordOf(source)?.held ? [heldPathOf(source)] : []),
  ]);
  const views = change.views?.filter(({ commit }) => typeof commit !== 'string') ?? [];
  const before = served ? 1 : 0;
  const state = (earlier: readonly string[]): NewCommit => ({
    base: base.commit,
    merge: [...(served ? [0] : []), ...views.map((_, position) => before + position)],
    message: change.message,
    date,
    edits: [
      { path: formatFile, content: `${currentFormat}\n` },
      {
        path: stateFile,
        content: formatState({
          ...change.state,
          served: served ? (earlier[0] ?? '') : base.served,
          views: viewsAfter(change, views, earlier.slice(before)),
          extra: base.extra,
        }),
      },
      { path: findingsFile, content: formatLines(change.findings) },
      { path: pendingFile, content: formatPending(change.pending) },
      ...(change.decisions ? [{ path: decisionsFile, content: formatLines(change.decisions) }] : []),
      ...dropped.map((path): TreeEdit => ({ path })),
      ...snapshotEdits,
      ...change.stateEdits,
    ],
  });
  const viewBuilders = views.map((view) => () => viewCommit(view, date));
  if (!served) return [...viewBuilders, state];
  const startingTree: TreeEdit[] = served.isRoot ? [{ path: '', mode: '040000', object: baseTree }] : [];
  const aggregated = (): NewCommit => ({
    ...(served.isRoot ? {} : { base: base.served }),
    message: served.message,
    date,
    edits: [...startingTree, ...served.edits],
  });
  return [aggregated, ...viewBuilders, state];
}

function viewCommit({ commit }: ViewChange, date: Date): NewCommit {
  if (typeof commit === 'string') throw new Error('this view has its commit already');
  const { base, edits, message } = commit;
  return { ...(base === undefined ? {} : { base }), message, date, edits };
}

/** `written` are those with another commit, and `ids` are those commits. */
function viewsAfter(
  { base, views }: IndexChange,
  written: readonly ViewChange[],
  ids: readonly string[],
): readonly ViewRecord[] {
  if (!views) return base.views;
  return views.map((view) => {
    const { record, commit } = view;
    return { ...record, commit: typeof commit === 'string' ? commit : (ids[written.indexOf(view)] ?? '') };
  });
}
