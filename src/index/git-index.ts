import { GitError } from '../support/git/git.ts';
import { inRepository } from './in-repository.ts';
import { type IndexChange, writeChange } from './index-change.ts';
import { createIndexObjects, type IndexObjects } from './index-objects.ts';
import { createIndexRefs, createServedHistory } from './index-refs.ts';
import { requireIndex } from './index-standing.ts';
import { servedRef } from './layout.ts';
import { removeBrokenMain } from './mend-index.ts';
import { packIfScattered } from './pack-objects.ts';
import type { Scratch } from './scratch.ts';
import { removeStaleLocks, removeStaleObjects } from './stale-files.ts';
import { type StateView, viewState } from './state-view.ts';

/**
 * The bare git repository that is the registry's database (design §2). `refs/registry/state` is the commit
 * point; `main` follows it. Nothing here decides: it reads trees and writes what it is told.
 */
export interface GitIndex extends IndexObjects {
  readonly directory: string;
  /**
   * The state now; read again on each call, parsed once per commit. Throws `StorageError` where a newer program has
   * written it: nothing here writes to such data.
   */
  state(): Promise<StateView>;
  /** As it was at an earlier commit. */
  stateAt(commit: string): Promise<StateView>;
  /** Its commit alone, read again on each call. */
  stateCommit(): Promise<string>;
  /** Writes what `commit` would make real, and moves no ref: a state to plan on. */
  prepare(change: IndexChange): Promise<StateView>;
  commit(change: IndexChange): Promise<StateView>;
  /** Makes a state real that another way of writing it has made; fails if `base` is no longer the state. */
  adopt(base: string, next: string): Promise<StateView>;
  /**
   * Puts right what a killed process left: removes its locks and rolls `main` forward. Only while holding the
   * registry's lock.
   */
  settle(): Promise<void>;
  /** Removes what killed processes left of objects in the making a day ago or earlier. */
  removeStaleObjects(): Promise<void>;
  /** Whether `main` is where the state says. */
  isSettled(): Promise<boolean>;
  servedCommit(): Promise<string>;
  /** The recent history of `main`, newest first. */
  servedHistory(): Promise<readonly string[]>;
}

export interface OpenIndexOptions {
  /**
   * Given by whoever only looks: nothing is written to the repository then, `main` is taken to be where the state says, and
   * what is prepared goes here. The caller removes it.
   */
  readonly scratch?: Scratch | undefined;
}

/**
 * Opens the repository, rolling `main` forward to the state if a crash came between the two. Where that fails, for a
 * lock in the way or a disk that cannot be written, the index is served as it was before: see `settle`.
 */
export async function openGitIndex(directory: string, { scratch }: OpenIndexOptions = {}): Promise<GitIndex> {
  await requireIndex(directory);
  const objects = createIndexObjects(directory, () => scratch?.variables() ?? {});
  const refs = createIndexRefs(directory);
  let cached: StateView | undefined;

  async function state(): Promise<StateView> {
    const commit = await refs.stateCommit();
    if (cached?.commit !== commit) cached = await viewState(directory, commit, objects.read);
    return cached;
  }
  const servedByState = async () => (await state()).served;
  const history = createServedHistory(directory, scratch ? servedByState : refs.readMain);
  const followState = () => refs.followState(servedByState);
  const write = (change: IndexChange) => writeChange({ directory, objects, scratch }, change);

  async function adopt(base: string, next: string): Promise<StateView> {
    if (scratch) throw new Error('the data were opened to be looked at, not to be changed');
    // Whoever has moved the state meanwhile may know more than this program does.
    await state();
    await refs.moveState(next, base);
    const view = await state();
    await followState();
    // Housekeeping: what was committed stands, and the next commit tries again.
    await packIfScattered(directory).catch(ignoreGitError);
    return view;
  }

  if (!scratch) await followState().catch(ignoreGitError);
  return {
    ...objects,
    directory,
    state,
    stateAt: (commit) => viewState(directory, commit, objects.read),
    stateCommit: refs.stateCommit,
    prepare: async (change) => viewState(directory, await write(change), objects.read),
    commit: async (change) => adopt(change.base.commit, await write(change)),
    adopt,
    async settle() {
      await removeStaleLocks(directory);
      await removeBrokenMain(directory);
      await inRepository(directory, `move ${servedRef}`, followState());
    },
    removeStaleObjects: () => removeStaleObjects(directory),
    isSettled: async () => (await refs.findMain()) === (await servedByState()),
    servedCommit: history.tip,
    servedHistory: history.commits,
  };
}

function ignoreGitError(error: unknown): void {
  if (!(error instanceof GitError)) throw error;
}
