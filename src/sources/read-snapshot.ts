import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { storageErrorOf } from '../support/disk-errors.ts';
import { runGit } from '../support/git.ts';
import { temporaryName } from '../support/temporary-file.ts';
import { type GitContext, gitFailure, remoteGitEnvironment } from './git-context.ts';
import { type Seed, withGitDirectory } from './git-directory.ts';
import { type RemoteIndex, readRemoteHead } from './remote-head.ts';
import type { Snapshot } from './source.ts';

/** Reads a source's index into the shared object store, as `Source.readSnapshot` says. */
export async function readSnapshot(
  context: GitContext,
  located: Snapshot | undefined | Promise<Snapshot | undefined>,
  signal: AbortSignal,
): Promise<Lookup<Snapshot>> {
  const [head, known] = await Promise.all([readRemoteHead(context, signal), located]);
  if (head.kind !== 'found') return head;
  if (head.value.commit === known?.commit) return found(known);
  const isShallow = head.value.supportsShallow;
  const attempts = known === undefined ? [undefined] : [{ commit: known.commit, isShallow }, undefined];
  return context.inTurn(signal, (held) => fetchSnapshot(context, head.value, attempts, held));
}

/** Tries with what we have as a start; should that be what made it fail, from nothing. */
async function fetchSnapshot(
  context: GitContext,
  remote: RemoteIndex,
  [seed, ...rest]: readonly (Seed | undefined)[],
  signal: AbortSignal,
): Promise<Lookup<Snapshot>> {
  try {
    return found(await fetchOnce(context, remote, seed, signal));
  } catch (error) {
    await checkDisk(context.objectDirectory);
    const cause = gitFailure(context, remote.transport, error);
    if (cause === undefined) throw error;
    const isOver = rest.length === 0 || isNoFaultOfTheSeed(cause);
    return isOver ? unavailable(cause) : fetchSnapshot(context, remote, rest, signal);
  }
}

async function fetchOnce(
  context: GitContext,
  remote: RemoteIndex,
  seed: Seed | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  const environment = await remoteGitEnvironment(context, remote.url);
  return withGitDirectory(context, seed, async (gitDir, variables) => {
    const options = { gitDir, env: { ...environment, ...variables }, signal };
    const flags = [
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
    ];
    if (remote.supportsShallow) flags.push('--depth=1');
    const refspec = `+${remote.ref}:refs/heads/snapshot`;
    await runGit(['fetch', ...flags, '--', remote.url, refspec], {
      ...options,
      timeoutMs: context.timeouts.totalMs,
    });
    const ids = await runGit(['rev-parse', 'refs/heads/snapshot', 'refs/heads/snapshot^{tree}'], options);
    const [commit = '', tree = ''] = ids.toString().split('\n');
    return { commit, tree };
  });
}

/** Of a far side that is silent or gone, asking again tells nothing new, and takes as long. */
function isNoFaultOfTheSeed({ reason }: SourceFailure): boolean {
  return reason === 'timeout' || reason === 'rate-limited' || reason === 'unauthorized' || reason === 'tls';
}

/** Whether it is our own disk that git failed on: that is not the source's fault. */
async function checkDisk(objectDirectory: string): Promise<void> {
  const probe = join(objectDirectory, temporaryName(''));
  try {
    await writeFile(probe, Buffer.alloc(64 * 1024));
    await rm(probe);
  } catch (cause) {
    await rm(probe, { force: true }).catch(() => {});
    throw storageErrorOf(`write below ${objectDirectory}`, cause);
  }
}
