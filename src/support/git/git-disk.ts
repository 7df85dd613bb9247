import { StorageError } from '../../errors.ts';
import { diskErrorIn, unlessFileFailure } from '../disk/disk-errors.ts';
import { GitError } from './git.ts';

/**
 * The failure of our own disk that a git of ours tells of; `undefined` where it is about something else. `doing` completes
 * "cannot …". For what works on our own repository alone: a far side can make git say anything.
 */
export function diskFailureOf(doing: string, error: unknown): StorageError | undefined {
  return error instanceof GitError ? diskErrorIn(doing, error.stderr, error) : undefined;
}

/** Runs work with git on our own repository, telling of the disk's failures as `StorageError`. */
export async function gitOnDisk<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskFailureOf(doing, error) ?? error;
  }
}

const wrongUsage = 129;

/**
 * As `unlessFileFailure`, also of a git that could not read or write our own repository: whoever reads a source's has told of
 * that as the source's failure. One that was called wrongly is a bug of ours.
 */
export function unlessOwnFailure(error: unknown): unknown {
  if (!(error instanceof GitError) || error.status === wrongUsage || error.stderr.trim() === '')
    return unlessFileFailure(error);
  return (
    diskFailureOf('read or write the repository of the registry', error) ??
    new StorageError(`git cannot use the repository of the registry: ${error.lastLine}`, {
      cause: error,
      hint: 'run "moonbit-registry verify" to see what is damaged; a copy of the folder can put it right',
    })
  );
}
