import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { GitError, runGit } from '../support/git/git.ts';
import { diskFailureOf } from '../support/git/git-disk.ts';
import { importCommits } from '../support/git/git-import.ts';
import { createGitObjectReader, findTree, type GitObjectReader } from '../support/git/git-objects.ts';
import { confirmAbsence, damageHint } from './confirm-absence.ts';
import { commitBuilders, type IndexChange } from './index-change.ts';
import { findIndexProblem, requireIndex } from './index-standing.ts';
import { diffTrees, listFiles } from './index-trees.ts';
import { servedRef, stateRef } from './layout.ts';
import { removeBrokenMain } from './mend-index.ts';
import { packIfScattered } from './pack-objects.ts';
import { type PendingNames, parsePending } from './pending-names.ts';
import { createRefReader, readRefIfThere } from './ref-reader.ts';
import {
  currentFormat,
  decisionsFile,
  findingsFile,
  formatFile,
  formatProblem,
  parseDecisions,
  parseFindings,
  parseState,
  pendingFile,
  type RegistryState,
  stateFile,
} from './registry-state.ts';
import { restoreHint } from './restore-hint.ts';
import type { Scratch } from './scratch.ts';
import { removeStaleLocks, removeStaleObjects } from './stale-files.ts';

const maxRememberedTips = 16;

/** What reading an object of unknown size gave. */
export type BoundedRead =
  | { readonly kind: 'read'; readonly bytes: Buffer }
  | { readonly kind: 'too-large'; readonly sizeBytes: number }
  | { readonly kind: 'missing' };

/** The state at one commit. Immutable: a change makes another commit. */
export interface StateView extends RegistryState {
  readonly commit: string;
  findings(): Promise<Finding[]>;
  decisions(): Promise<OperatorDecision[]>;
  /** Names that wait to be decided, or for a decision of the operator. */
  pending(): Promise<PendingNames>;
}

/**
 * The bare git repository that is the registry's database (design §2). `refs/registry/state` is the commit
 * point; `main` follows it. Nothing here decides: it reads trees and writes what it is told.
 */
export interface GitIndex {
  readonly directory: string;
  /**
   * The state now; read again on each call, parsed once per commit. Throws `StorageError` where a newer program has
   * written it: nothing here writes to such data.
   */
  state(): Promise<StateView>;
  /** Its commit alone, read again on each call. */
  stateCommit(): Promise<string>;
  /** Every file below a tree-ish, by path: object ids. Empty where there is no such tree. */
  list(treeish: string): Promise<Map<string, string>>;
  /** Paths that differ between two trees, with the file's id in the second; `undefined` where it has no file there. */
  diff(from: string, to: string): Promise<ReadonlyMap<string, string | undefined>>;
  /** The id of the file at a path; `undefined` if there is none. */
  identify(treeish: string, path: string): Promise<string | undefined>;
  read(name: string): Promise<Buffer | undefined>;
  /** Size and type of an object, without reading it; `undefined` where there is none. */
  measure(
    name: string,
  ): Promise<{ readonly id: string; readonly sizeBytes: number; readonly type: string } | undefined>;
  /** As `read`, of an object that is no larger than `maxBytes`: its size is asked first. */
  readBounded(id: string, maxBytes: number): Promise<BoundedRead>;
  /** The tree of any commit; `undefined` where it is not all here, whatever the reason. */
  treeOf(commit: string): Promise<string | undefined>;
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
  close(): void;
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
  const variables = () => scratch?.variables() ?? {};
  const reader = createFreshReader(directory, variables);
  const readRef = createRefReader(directory);
  let cached: StateView | undefined;
  const diff = rememberDiffs(directory, variables);
  // A client that was told of a tip asks for it although a new root may have come between.
  const recentTips: string[] = [];
  let history: { readonly tip: string; readonly commits: readonly string[] } | undefined;

  async function ask<T>(name: string, askFor: (objects: GitObjectReader) => Promise<T | undefined>) {
    const objects = reader.current();
    const work = askFor(objects).then(async (object) => object ?? confirmAbsence(objects, directory, name));
    try {
      return (await inRepository(directory, `read ${name}`, work)) ?? undefined;
    } catch (error) {
      reader.renew(objects);
      throw error;
    }
  }

  async function read(name: string): Promise<Buffer | undefined> {
    return (await ask(name, (objects) => objects.read(name)))?.content;
  }

  const identify = (name: string) => ask(name, (objects) => objects.identify(name));

  async function readBounded(id: string, maxBytes: number): Promise<BoundedRead> {
    const facts = await identify(id);
    if (facts === undefined) return { kind: 'missing' };
    if (facts.sizeBytes > maxBytes) return { kind: 'too-large', sizeBytes: facts.sizeBytes };
    const bytes = await read(id);
    return bytes === undefined ? { kind: 'missing' } : { kind: 'read', bytes };
  }

  async function servedCommit(): Promise<string> {
    if (scratch) return (await state()).served;
    const tip = await inRepository(directory, `read ${servedRef}`, readRef(servedRef));
    if (recentTips[0] !== tip) {
      recentTips.unshift(tip);
      recentTips.splice(maxRememberedTips);
    }
    return tip;
  }

  async function state(): Promise<StateView> {
    const commit = await stateCommit();
    if (cached?.commit !== commit) cached = await viewOf(commit);
    return cached;
  }

  async function stateCommit(): Promise<string> {
    const commit = await readRefIfThere(readRef, stateRef);
    if (commit !== undefined) return commit;
    throw (
      (await findIndexProblem(directory)) ??
      new StorageError(`the index in ${directory} is damaged: git finds no commit in ${stateRef}`, {
        hint: restoreHint,
      })
    );
  }

  async function viewOf(commit: string): Promise<StateView> {
    const format = (await read(`${commit}:${formatFile}`))?.toString('utf8') ?? '';
    const problem = formatProblem(format, directory);
    if (problem) throw problem;
    const bytes = await read(`${commit}:${stateFile}`);
    if (!bytes)
      throw new StorageError(
        `${stateRef} in ${directory} is ${commit}, which has no ${stateFile} that can be read`,
        {
          hint: damageHint,
        },
      );
    const findings = async () => parseFindings((await read(`${commit}:${findingsFile}`)) ?? Buffer.alloc(0));
    const decisions = async () =>
      parseDecisions((await read(`${commit}:${decisionsFile}`)) ?? Buffer.alloc(0));
    const pending = async () => parsePending((await read(`${commit}:${pendingFile}`)) ?? Buffer.alloc(0));
    return { ...parseState(bytes, Number(format.trim()), directory), commit, findings, decisions, pending };
  }

  async function write(change: IndexChange): Promise<string> {
    if (change.base.format !== currentFormat)
      throw new StorageError(`the data in ${directory} still have format ${change.base.format}`, {
        hint: 'run "moonbit-registry sync", which brings them to the format of this program',
      });
    const baseTree = await identify(`${change.base.served}:`);
    if (!baseTree) throw new StorageError(`the served commit ${change.base.served} has no tree`);
    await scratch?.make();
    const place = scratch?.gitDirectory ?? directory;
    const importing = importCommits(place, commitBuilders(change, baseTree.id), variables());
    const ids = await inRepository(directory, 'write a commit', importing);
    return ids.at(-1) ?? '';
  }

  async function adopt(base: string, next: string): Promise<StateView> {
    if (scratch) throw new Error('the data were opened to be looked at, not to be changed');
    // Whoever has moved the state meanwhile may know more than this program does.
    await state();
    await moveRef(directory, stateRef, next, base);
    const view = await state();
    await followState();
    // Housekeeping: what was committed stands, and the next commit tries again.
    await packIfScattered(directory).catch(ignoreGitError);
    return view;
  }

  async function followState(): Promise<void> {
    // `main` is read first: a state read after it is never older than what another process moved `main` to.
    const current = await readRefIfThere(readRef, servedRef);
    const { served } = await state();
    if (current === served) return;
    try {
      await runGit(['update-ref', servedRef, served, current ?? ''], { gitDir: directory });
    } catch (error) {
      if ((await readRefIfThere(readRef, servedRef)) === current) throw error;
      await followState();
    }
  }

  async function settle(): Promise<void> {
    await removeStaleLocks(directory);
    await removeBrokenMain(directory);
    await inRepository(directory, `move ${servedRef}`, followState());
  }

  if (!scratch) await followState().catch(ignoreGitError);
  return {
    directory,
    settle,
    removeStaleObjects: () => removeStaleObjects(directory),
    isSettled: async () => (await readRefIfThere(readRef, servedRef)) === (await state()).served,
    state,
    stateCommit,
    read,
    measure: identify,
    readBounded,
    treeOf: (commit) => findTree(reader.current(), commit),
    prepare: async (change) => viewOf(await write(change)),
    commit: async (change) => adopt(change.base.commit, await write(change)),
    adopt,
    async list(treeish) {
      const tree = await identify(treeish);
      const listing = tree ? listFiles(directory, tree.id, variables()) : new Map<string, string>();
      return inRepository(directory, `list ${treeish}`, Promise.resolve(listing));
    },
    diff,
    async identify(treeish, path) {
      const object = await identify(`${treeish}:${path}`);
      return object?.type === 'blob' ? object.id : undefined;
    },
    servedCommit,
    async servedHistory() {
      const tip = await servedCommit();
      if (history?.tip !== tip) {
        const listed = runGit(['rev-list', '--max-count=1000', tip], { gitDir: directory });
        const listing = await inRepository(directory, `read the history of ${servedRef}`, listed);
        history = { tip, commits: listing.toString().trim().split('\n') };
      }
      return [...history.commits, ...recentTips];
    },
    close: () => reader.close(),
  };
}

/** A reader of objects, begun anew where they are read from elsewhere since: git looks at its variables but once. */
function createFreshReader(directory: string, variables: () => Readonly<Record<string, string>>) {
  let place = variables();
  let reader = createGitObjectReader(directory, place);
  let isClosed = false;
  return {
    current(): GitObjectReader {
      const now = variables();
      if (now.GIT_OBJECT_DIRECTORY !== place.GIT_OBJECT_DIRECTORY) {
        reader.close();
        place = now;
        reader = createGitObjectReader(directory, place);
      }
      return reader;
    },
    /** A git that has met damage may go on as if it were still there. */
    renew(failed: GitObjectReader): void {
      if (isClosed || failed !== reader) return;
      reader.close();
      reader = createGitObjectReader(directory, place);
    },
    close() {
      isClosed = true;
      reader.close();
    },
  };
}

const maxRememberedDiffs = 16;

/** A sync compares the same two trees more than once, and in a large index that takes git a while. */
function rememberDiffs(
  directory: string,
  variables: () => Readonly<Record<string, string>>,
): GitIndex['diff'] {
  const known = new Map<string, ReturnType<GitIndex['diff']>>();
  return (from, to) => {
    const key = `${from} ${to}`;
    const before = known.get(key);
    if (before) return before;
    const work = inRepository(
      directory,
      `compare ${from} and ${to}`,
      diffTrees(directory, from, to, variables()),
    );
    if (known.size >= maxRememberedDiffs) known.clear();
    known.set(key, work);
    work.catch(() => known.delete(key));
    return work;
  };
}

async function moveRef(directory: string, ref: string, next: string, expected: string): Promise<void> {
  try {
    await runGit(['update-ref', ref, next, expected], { gitDir: directory });
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const failure = diskFailureOf(`move ${ref} in ${directory}`, cause);
    if (failure) throw failure;
    throw new StorageError(`cannot move ${ref} from ${expected} to ${next}: ${firstLine(cause.stderr)}`, {
      cause,
      hint: 'another process may have changed the registry meanwhile: run the command again',
    });
  }
}

/** What git could not do here as a failure of our own disk: nothing else can be wrong with our own repository. */
async function inRepository<T>(directory: string, doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const failure =
      diskFailureOf(`${doing} in ${directory}`, cause) ?? (await findIndexProblem(directory, cause));
    if (failure) throw failure;
    const hint = hintOf(cause);
    throw new StorageError(`cannot ${doing} in ${directory}: ${cause.lastLine}`, { cause, hint });
  }
}

function hintOf(error: GitError): string {
  if (error.isOutOfMemory)
    return 'git had too little memory: give this machine, or this process (ulimit -v), more';
  return `check the disk's space and permissions; ${damageHint}`;
}

function ignoreGitError(error: unknown): void {
  if (!(error instanceof GitError)) throw error;
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
