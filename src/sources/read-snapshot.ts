import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { onDisk, storageErrorOf } from '../support/disk/disk-errors.ts';
import { watchFolder } from '../support/disk/folder-size.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';
import { linkSignals } from '../support/flow/link-signals.ts';
import { GitError, runGit } from '../support/git/git.ts';
import { diskFailureOf } from '../support/git/git-disk.ts';
import { showUrl } from '../support/redact.ts';
import { adoptObjects, readTypes } from './adopt-objects.ts';
import { type CheckedSnapshot, checkSnapshot } from './check-snapshot.ts';
import { allocationLimit, type FetchBudget, fetchBudget } from './fetch-budget.ts';
import { type GitContext, gitFailure, remoteGitEnvironment, withinFetchTime } from './git-context.ts';
import { type GitDirectory, type Seed, withGitDirectory } from './git-directory.ts';
import { type RemoteIndex, readRemoteHead } from './remote-head.ts';
import type { Snapshot } from './source.ts';

/** What reading an index consists of, in this order. */
export interface ReadingSteps {
  readonly readHead: typeof readRemoteHead;
  readonly fetch: typeof fetchInto;
  readonly check: typeof checkSnapshot;
  readonly adopt: typeof adoptSnapshot;
}

export const readingSteps: ReadingSteps = {
  readHead: readRemoteHead,
  fetch: fetchInto,
  check: checkSnapshot,
  adopt: adoptSnapshot,
};

export type LocatedSnapshot = Pick<Snapshot, 'commit' | 'tree'>;

/**
 * Reads a source's index into the shared object store, as `Source.readSnapshot` says: it is fetched into a folder of its
 * own, checked there, and only then taken over.
 */
export async function readSnapshot(
  context: GitContext,
  located: LocatedSnapshot | undefined | Promise<LocatedSnapshot | undefined>,
  signal: AbortSignal,
  steps: ReadingSteps = readingSteps,
): Promise<Lookup<Snapshot>> {
  const [head, known] = await Promise.all([steps.readHead(context, signal), located]);
  if (head.kind !== 'found') return head;
  const { isStale } = head.value;
  if (head.value.commit === known?.commit) return found({ ...known, isStale });
  const attempts: Attempt[] = [{ seed: known, mayBeHere: true }];
  // Where what we have is damaged, the second copy of an object heals it.
  if (known !== undefined) attempts.push({ seed: undefined, mayBeHere: false });
  return context.inTurn(signal, (held) =>
    withinFetchTime(context, held, (limited) =>
      attempt({ context, steps, remote: head.value, signal: limited }, attempts),
    ),
  );
}

interface Attempt {
  readonly seed: Seed | undefined;
  /** Whether objects that our store says it has need not be brought again. */
  readonly mayBeHere: boolean;
}

interface Work {
  readonly context: GitContext;
  readonly steps: ReadingSteps;
  readonly remote: RemoteIndex;
  readonly signal: AbortSignal;
}

/** Tries with what we have as a start; should that be what made it fail, from nothing. */
async function attempt(work: Work, [first, ...rest]: readonly Attempt[]): Promise<Lookup<Snapshot>> {
  const { context, remote } = work;
  const { result, isFinal } = await fetchOnce(work, first ?? { seed: undefined, mayBeHere: false }).catch(
    async (error: unknown): Promise<Outcome> => {
      await checkDisk(context.gitDirectory, error);
      const cause = gitFailure(context, remote.transport, error);
      if (cause === undefined) throw error;
      return { result: unavailable(cause), isFinal: isNoFaultOfTheSeed(cause, error) };
    },
  );
  return result.kind === 'found' || isFinal || rest.length === 0 ? result : attempt(work, rest);
}

interface Outcome {
  readonly result: Lookup<Snapshot>;
  /** Trying again would end the same. */
  readonly isFinal: boolean;
}

async function fetchOnce(work: Work, { seed, mayBeHere }: Attempt): Promise<Outcome> {
  const { context, steps, remote, signal } = work;
  const { limits } = context.config;
  return withGitDirectory(context, seed, async (made) => {
    const variables = { ...made.variables, GIT_ALLOC_LIMIT: String(allocationLimit(limits)) };
    const directory = { ...made, variables };
    const budget = await fetchBudget(directory.path, limits);
    const fetched = await steps.fetch(context, remote, directory, budget, signal);
    if (fetched.kind === 'too-large')
      return refuse(context, `takes more than ${budget.bytes} bytes of disk (${budget.setting})`, true);
    const options = { signal, timeoutMs: context.timeouts.totalMs, env: variables };
    const checked = await steps.check(directory, fetched.commit, limits, { ...options, seed });
    if (checked.kind === 'refused') {
      const { reason, isMissing = false } = checked;
      return refuse(context, `cannot be used: commit ${fetched.commit.slice(0, 10)} ${reason}`, !isMissing);
    }
    await steps.adopt(directory, context.objectDirectory, checked, { ...options, mayBeHere });
    const { commit, tree } = checked;
    return { result: found({ commit, tree, isStale: remote.isStale }), isFinal: true };
  });
}

function refuse({ config }: GitContext, what: string, isFinal: boolean): Outcome {
  const detail = `the git index ${showUrl(config.indexUrl)} ${what}`;
  return { result: unavailable({ reason: 'bad-answer', detail }), isFinal };
}

const fetchFlags = [
  '--quiet',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
];

type Fetched = { readonly kind: 'fetched'; readonly commit: string } | { readonly kind: 'too-large' };

/** Fetches the branch into a git directory, until it takes more of the disk than it may. */
async function fetchInto(
  context: GitContext,
  remote: RemoteIndex,
  directory: GitDirectory,
  budget: FetchBudget,
  signal: AbortSignal,
): Promise<Fetched> {
  const environment = await remoteGitEnvironment(context, remote.url);
  const linked = linkSignals([signal]);
  const tooLarge = new Error('the fetch takes more of the disk than it may');
  const watch = watchFolder(directory.path, budget.bytes, () => linked.abort(tooLarge));
  const depth = remote.supportsShallow ? ['--depth=1'] : [];
  const args = ['fetch', ...fetchFlags, ...depth, '--', remote.url, `+${remote.ref}:refs/heads/snapshot`];
  let failure: { readonly error: unknown } | undefined;
  try {
    await runGit(args, {
      gitDir: directory.path,
      env: { ...environment, ...directory.variables },
      signal: linked.signal,
      timeoutMs: context.timeouts.totalMs,
    });
  } catch (error) {
    failure = { error };
  }
  linked.unlink();
  const isTooLarge = await watch.stop();
  if (isTooLarge && !signal.aborted) return { kind: 'too-large' };
  if (failure) throw failure.error;
  const ref = join(directory.path, 'refs', 'heads', 'snapshot');
  const commit = (await onDisk(`read ${ref}`, () => readFile(ref, 'latin1'))).trim();
  return { kind: 'fetched', commit };
}

interface AdoptOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly mayBeHere: boolean;
}

/** Brings what was checked into the shared store. What fails here is ours: the objects are known to be good. */
async function adoptSnapshot(
  directory: GitDirectory,
  objectDirectory: string,
  { objects }: Extract<CheckedSnapshot, { kind: 'good' }>,
  { mayBeHere, ...options }: AdoptOptions,
): Promise<void> {
  try {
    const missing: string[] = [];
    const env = { ...options.env, GIT_OBJECT_DIRECTORY: objectDirectory };
    if (mayBeHere)
      await readTypes(directory.path, objects, { ...options, env }, (id, type) => {
        if (type === undefined) missing.push(id);
      });
    await adoptObjects(directory, objectDirectory, mayBeHere ? missing : objects, options);
  } catch (error) {
    if (!(error instanceof GitError) || error.isOutOfMemory || error.exceeded !== undefined) throw error;
    const detail = error.stderr.trim().split('\n', 1)[0];
    throw (
      diskFailureOf(`write below ${objectDirectory}`, error) ??
      new StorageError(`cannot write below ${objectDirectory}: ${detail}`, { cause: error })
    );
  }
}

/** Of a far side that is silent or gone, asking again tells nothing new, and takes as long; so it is with our limits. */
function isNoFaultOfTheSeed({ reason }: SourceFailure, error: unknown): boolean {
  if (error instanceof GitError && (error.exceeded !== undefined || error.isOutOfMemory)) return true;
  return reason === 'timeout' || reason === 'rate-limited' || reason === 'unauthorized' || reason === 'tls';
}

const usualProbeBytes = 64 * 1024;
/** What git could not write it has removed again, so that there may be room for a little. */
const largeProbeBytes = 16 * 1024 * 1024;

/**
 * Whether it is our own disk that git failed on: that is not the source's fault. A far side can make git say so; it counts
 * where the disk agrees.
 */
async function checkDisk(folder: string, error: unknown): Promise<void> {
  const sizeBytes = diskFailureOf('', error) ? largeProbeBytes : usualProbeBytes;
  const probe = join(folder, temporaryName(''));
  try {
    await writeFile(probe, Buffer.alloc(sizeBytes));
    await rm(probe);
  } catch (cause) {
    await rm(probe, { force: true }).catch(() => {});
    throw storageErrorOf(`write below ${folder}`, cause);
  }
}
