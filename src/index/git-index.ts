import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { GitError, runGit } from '../support/git.ts';
import { importCommits, type NewCommit, type TreeEdit } from '../support/git-import.ts';
import { createGitObjectReader } from '../support/git-objects.ts';
import { confirmAbsence, damageHint } from './confirm-absence.ts';
import { snapshotPathOf } from './layout.ts';
import { createRefReader, readRefIfThere } from './ref-reader.ts';
import {
  decisionsFile,
  findingsFile,
  formatDecisions,
  formatFile,
  formatFindings,
  formatState,
  formatVersion,
  parseDecisions,
  parseFindings,
  parseState,
  type RegistryState,
  stateFile,
} from './registry-state.ts';
import { removeStaleLocks, removeStaleObjects } from './stale-files.ts';

const servedRef = 'refs/heads/main';
const stateRef = 'refs/registry/state';
const maxRememberedTips = 16;

/** The state at one commit. Immutable: a change makes another commit. */
export interface StateView extends RegistryState {
  readonly commit: string;
  findings(): Promise<Finding[]>;
  decisions(): Promise<OperatorDecision[]>;
}

/** A change to the served index and the state, made real by one ref update. */
interface IndexChange {
  /** What the change was planned on; it fails if that is no longer the state. */
  readonly base: StateView;
  /** Absent: the served index stays as it is. */
  readonly served?: {
    readonly edits: readonly TreeEdit[];
    readonly message: string;
    readonly isRoot: boolean;
  };
  readonly state: Omit<RegistryState, 'served'>;
  readonly ledgerEdits: readonly TreeEdit[];
  readonly findings: readonly Finding[];
  /** All of them; absent: they stay as they are. */
  readonly decisions?: readonly OperatorDecision[] | undefined;
  readonly message: string;
  readonly date: Date;
}

/**
 * The bare git repository that is the registry's database (design §2). `refs/registry/state` is the commit
 * point; `main` follows it. Nothing here decides: it reads trees and writes what it is told.
 */
export interface GitIndex {
  readonly directory: string;
  /** The state now; read again on each call, parsed once per commit. */
  state(): Promise<StateView>;
  /** Every file below a tree-ish, by path: object ids. Empty where there is no such tree. */
  list(treeish: string): Promise<Map<string, string>>;
  /** Paths that differ between two trees. */
  diff(from: string, to: string): Promise<string[]>;
  /** The id of the file at a path; `undefined` if there is none. */
  identify(treeish: string, path: string): Promise<string | undefined>;
  read(name: string): Promise<Buffer | undefined>;
  commit(change: IndexChange): Promise<StateView>;
  /**
   * Puts right what a killed process left: removes its locks and unfinished files and rolls `main` forward. Only while
   * holding the registry's lock.
   */
  settle(): Promise<void>;
  /** Whether `main` is where the state says. */
  isSettled(): Promise<boolean>;
  servedCommit(): Promise<string>;
  /** The recent history of `main`, newest first. */
  servedHistory(): Promise<readonly string[]>;
  close(): void;
}

/**
 * Creates the repository with an empty served index, or completes one whose making was cut short; `false` if one is
 * there already. The state comes first: with it the rest is made good when the repository is opened.
 */
export async function createGitIndex(directory: string, date: Date): Promise<boolean> {
  if (await hasBegun(directory)) return false;
  await runGit(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', directory]);
  await configure(directory);
  const [served, state] = await importCommits(directory, [
    () => ({ message: 'Start with an empty index\n', date, edits: [] }),
    (earlier) => ({ ...emptyState(earlier[0] ?? ''), date, merge: [0] }),
  ]);
  if (served === undefined || state === undefined) throw new StorageError(`cannot create ${directory}`);
  await runGit(['update-ref', stateRef, state, ''], { gitDir: directory });
  await runGit(['update-ref', servedRef, served, ''], { gitDir: directory });
  return true;
}

async function hasBegun(directory: string): Promise<boolean> {
  if (!(await exists(join(directory, 'HEAD')))) return false;
  const readRef = createRefReader(directory);
  return (
    ((await readRefIfThere(readRef, stateRef)) ?? (await readRefIfThere(readRef, servedRef))) !== undefined
  );
}

function emptyState(served: string): Pick<NewCommit, 'message' | 'edits'> {
  return {
    message: 'Start with an empty registry\n',
    edits: [
      { path: formatFile, content: formatVersion },
      {
        path: stateFile,
        content: formatState({ served, modules: 0, changedSinceRoot: 0, policy: '', snapshots: [] }),
      },
      { path: findingsFile, content: '' },
    ],
  };
}

async function configure(directory: string): Promise<void> {
  const settings = [
    // A ref must never name objects that a power cut can lose (design §2); git before 2.36 ignores this.
    ['core.fsync', 'all'],
    // Packing is ours to start: a gc behind our back could hold locks or drop what a state still needs.
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['transfer.hideRefs', 'refs/'],
    ['transfer.hideRefs', `!${servedRef}`],
  ];
  for (const [key = '', value = ''] of settings)
    await runGit(['config', '--add', key, value], { gitDir: directory });
}

/**
 * Opens the repository, rolling `main` forward to the state if a crash came between the two. Where that fails, for a
 * lock in the way or a disk that cannot be written, the index is served as it was before: see `settle`.
 */
export async function openGitIndex(directory: string): Promise<GitIndex> {
  if (!(await exists(join(directory, 'HEAD'))))
    throw new StorageError(`there is no index repository in ${directory}`, {
      hint: 'run "moonbit-registry init" in the registry\'s folder to create it',
    });
  const objects = createGitObjectReader(directory);
  const readRef = createRefReader(directory);
  let cached: StateView | undefined;
  // A client that was told of a tip asks for it although a new root may have come between.
  const recentTips: string[] = [];
  let history: { readonly tip: string; readonly commits: readonly string[] } | undefined;

  async function read(name: string): Promise<Buffer | undefined> {
    const work = objects
      .read(name)
      .then(async (object) => object ?? confirmAbsence(objects, directory, name));
    return (await inRepository(directory, `read ${name}`, work))?.content;
  }

  async function identify(name: string) {
    const work = objects
      .identify(name)
      .then(async (object) => object ?? confirmAbsence(objects, directory, name));
    return (await inRepository(directory, `read ${name}`, work)) ?? undefined;
  }

  async function servedCommit(): Promise<string> {
    const tip = await readRef(servedRef);
    if (recentTips[0] !== tip) {
      recentTips.unshift(tip);
      recentTips.splice(maxRememberedTips);
    }
    return tip;
  }

  async function state(): Promise<StateView> {
    const commit = await readRefIfThere(readRef, stateRef);
    if (commit === undefined)
      throw new StorageError(`${directory} has no ${stateRef}, which says what the registry serves`, {
        hint: 'restore the folder from a copy of it: a git clone has only what clients see',
      });
    if (cached?.commit === commit) return cached;
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
    cached = { ...parseState(bytes, directory), commit, findings, decisions };
    return cached;
  }

  async function commit(change: IndexChange): Promise<StateView> {
    const baseTree = await identify(`${change.base.served}:`);
    if (!baseTree) throw new StorageError(`the served commit ${change.base.served} has no tree`);
    const importing = importCommits(directory, commitBuilders(change, baseTree.id));
    const ids = await inRepository(directory, 'write a commit', importing);
    const next = ids.at(-1) ?? '';
    await moveRef(directory, stateRef, next, change.base.commit);
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

  let isSwept = false;
  async function settle(): Promise<void> {
    await removeStaleLocks(directory);
    await inRepository(directory, `move ${servedRef}`, followState());
    if (!isSwept) await removeStaleObjects(directory);
    isSwept = true;
  }

  await followState().catch(ignoreGitError);
  return {
    directory,
    settle,
    isSettled: async () => (await readRefIfThere(readRef, servedRef)) === (await state()).served,
    state,
    read,
    commit,
    async list(treeish) {
      const tree = await identify(treeish);
      const listing = tree ? listFiles(directory, tree.id) : new Map<string, string>();
      return inRepository(directory, `list ${treeish}`, Promise.resolve(listing));
    },
    diff: (from, to) => inRepository(directory, `compare ${from} and ${to}`, diffTrees(directory, from, to)),
    async identify(treeish, path) {
      const object = await identify(`${treeish}:${path}`);
      return object?.type === 'blob' ? object.id : undefined;
    },
    servedCommit,
    async servedHistory() {
      const tip = await servedCommit();
      if (history?.tip !== tip) {
        const listing = await runGit(['rev-list', '--max-count=1000', tip], { gitDir: directory });
        history = { tip, commits: listing.toString().trim().split('\n') };
      }
      return [...history.commits, ...recentTips];
    },
    close: () => objects.close(),
  };
}

/** One builder for the served index if it changes, one for the state. */
function commitBuilders(
  change: IndexChange,
  baseTree: string,
): ((earlier: readonly string[]) => NewCommit)[] {
  const { base, served, date } = change;
  const snapshotEdits = change.state.snapshots.map(
    ({ source, tree }): TreeEdit => ({ path: snapshotPathOf(source), mode: '040000', object: tree }),
  );
  const dropped = base.snapshots.filter(
    ({ source }) => !change.state.snapshots.some((kept) => kept.source === source),
  );
  const state = (earlier: readonly string[]): NewCommit => ({
    base: base.commit,
    merge: served ? [0] : [],
    message: change.message,
    date,
    edits: [
      { path: stateFile, content: formatState({ ...change.state, served: earlier[0] ?? base.served }) },
      { path: findingsFile, content: formatFindings(change.findings) },
      ...(change.decisions ? [{ path: decisionsFile, content: formatDecisions(change.decisions) }] : []),
      ...dropped.map(({ source }): TreeEdit => ({ path: snapshotPathOf(source) })),
      ...snapshotEdits,
      ...change.ledgerEdits,
    ],
  });
  if (!served) return [state];
  const startingTree: TreeEdit[] = served.isRoot ? [{ path: '', mode: '040000', object: baseTree }] : [];
  const aggregated = (): NewCommit => ({
    ...(served.isRoot ? {} : { base: base.served }),
    message: served.message,
    date,
    edits: [...startingTree, ...served.edits],
  });
  return [aggregated, state];
}

const maxLooseObjects = 2000;
const maxPacks = 16;

/** Rolls loose objects and small packs up; drops nothing, so it is safe beside whoever reads or fetches. */
async function packIfScattered(directory: string): Promise<void> {
  const counts = (await runGit(['count-objects', '-v'], { gitDir: directory })).toString();
  const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(counts)?.[1] ?? 0);
  if (value('count') < maxLooseObjects && value('packs') < maxPacks) return;
  await runGit(['repack', '-d', '-q', '--geometric=2'], { gitDir: directory });
}

async function moveRef(directory: string, ref: string, next: string, expected: string): Promise<void> {
  try {
    await runGit(['update-ref', ref, next, expected], { gitDir: directory });
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    throw new StorageError(`cannot move ${ref} from ${expected} to ${next}: ${firstLine(cause.stderr)}`, {
      cause,
      hint: 'another process may have changed the registry meanwhile: run the command again',
    });
  }
}

async function listFiles(directory: string, treeish: string): Promise<Map<string, string>> {
  const listing = await runGit(['ls-tree', '-r', '-z', '--full-tree', treeish], { gitDir: directory });
  const files = new Map<string, string>();
  for (const record of listing.toString('utf8').split('\0')) {
    const tab = record.indexOf('\t');
    const [, type, id] = record.slice(0, tab).split(' ');
    if (tab > 0 && type === 'blob' && id !== undefined) files.set(record.slice(tab + 1), id);
  }
  return files;
}

async function diffTrees(directory: string, from: string, to: string): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--no-ext-diff', from, to];
  const listing = await runGit(args, { gitDir: directory });
  return listing
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '');
}

/** What git could not do here as a failure of our own disk: nothing else can be wrong with our own repository. */
async function inRepository<T>(directory: string, doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    // git says what it stumbled over first, and last what that means.
    const detail = cause.stderr.trim().split('\n').at(-1) || cause.message;
    throw new StorageError(`cannot ${doing} in ${directory}: ${detail}`, {
      cause,
      hint: `check the disk's space and permissions; ${damageHint}`,
    });
  }
}

function ignoreGitError(error: unknown): void {
  if (!(error instanceof GitError)) throw error;
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}
