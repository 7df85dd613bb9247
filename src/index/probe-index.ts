import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { readableNamesIn } from '../support/disk/names-in.ts';
import { errorCode } from '../support/error-code.ts';
import { GitError, streamGit } from '../support/git/git.ts';
import { findIndexProblem, lookAtFile } from './index-standing.ts';
import { servedRef, stateRef } from './layout.ts';
import { damageHint } from './restore-hint.ts';

export interface ProbeOptions {
  readonly timeoutMs: number;
}

/**
 * Why an index cannot be served: all that a clone wants is read, by a git that knows nothing yet, and all that downloads are
 * decided by is looked for. `undefined` where nothing is wrong, or git was too slow to find out. What only sources sent is not
 * looked at: it harms nobody else.
 */
export async function probeIndex(
  directory: string,
  { timeoutMs }: ProbeOptions,
): Promise<StorageError | undefined> {
  const read = (args: readonly string[], input?: string) =>
    streamGit(
      args,
      { gitDir: directory, input, timeoutMs, maxStdoutBytes: Number.POSITIVE_INFINITY },
      () => {},
    );
  try {
    const problem = (await findIndexProblem(directory)) ?? (await findMainProblem(directory));
    if (problem) return problem;
    await Promise.all([
      read(['pack-objects', '--quiet', '--revs', '--stdout', '--window=0', '--threads=1'], `${servedRef}\n`),
      read(['rev-list', '--objects', '--no-walk', stateRef, '--', ...readPaths]),
    ]);
    return undefined;
  } catch (error) {
    if (error instanceof StorageError) return error;
    if (!(error instanceof GitError)) throw error;
    if (error.timedOut || error.isOutOfMemory) return undefined;
    return describe(directory, error);
  }
}

/** A power cut may leave it empty. Nothing is lost by that. */
async function findMainProblem(directory: string): Promise<StorageError | undefined> {
  const look = await lookAtFile(join(directory, servedRef));
  if (typeof look === 'string' || /^[0-9a-f]{40}\s*$/.test(look.text)) return undefined;
  return new StorageError(`${servedRef} of the index in ${directory} is damaged: it names no commit`, {
    hint: 'moonbit-registry sync puts it where the state says, as the next refresh does',
  });
}

/** Of the state: what a request needs. */
const readPaths = ['format', 'state.json', 'ledger', 'unblocked'];

async function describe(directory: string, cause: GitError): Promise<StorageError> {
  return (
    (await findIndexProblem(directory, cause).catch(() => undefined)) ??
    new StorageError(`the index in ${directory} is damaged: ${cause.lastLine}`, { cause, hint: damageHint })
  );
}

/** More are not told from one another: git keeps few files beside its packs. */
const maxFiles = 2000;

/** Differs whenever a file of the index has changed, been removed or come back, as far as folders and files tell. */
export async function fingerprintIndex(directory: string): Promise<string> {
  const own = ['.', 'HEAD', 'config', 'packed-refs', stateRef, servedRef, 'objects'].map((name) =>
    join(directory, name),
  );
  const objects = join(directory, 'objects');
  const folders = (await readableNamesIn(objects)).map((name) => join(objects, name));
  const names = await Promise.all(
    folders.map(async (folder) => (await readableNamesIn(folder)).map((name) => join(folder, name))),
  );
  const files = [...own, ...folders, ...names.flat().slice(0, maxFiles)];
  return (await Promise.all(files.map(identify))).join('\n');
}

async function identify(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${path} ${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return `${path} ${errorCode(error)}`;
  }
}
