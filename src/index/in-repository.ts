import { StorageError } from '../errors.ts';
import { GitError } from '../support/git/git.ts';
import { diskFailureOf } from '../support/git/git-disk.ts';
import { findIndexProblem } from './index-standing.ts';
import { damageHint } from './restore-hint.ts';

/** What git could not do here as a failure of our own disk: nothing else can be wrong with our own repository. */
export async function inRepository<T>(directory: string, doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    const failure =
      diskFailureOf(`${doing} in ${directory}`, cause) ?? (await findIndexProblem(directory, cause));
    if (failure) throw failure;
    // git says what it stumbled over first, and last what that means.
    const detail = cause.lastLine;
    throw new StorageError(`cannot ${doing} in ${directory}: ${detail}`, { cause, hint: hintOf(cause) });
  }
}

function hintOf(error: GitError): string {
  if (error.isOutOfMemory)
    return 'git had too little memory: give this machine, or this process (ulimit -v), more';
  return `check the disk's space and permissions; ${damageHint}`;
}
