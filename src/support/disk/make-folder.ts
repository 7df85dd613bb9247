import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StorageError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';
import { asStorageError } from './disk-errors.ts';

/**
 * Makes a folder with those it is in, and returns the uppermost one made, if any. Throws `StorageError`.
 *
 * Not by `mkdir` with `recursive`: Node.js tries that for ever where the system answers ENOENT below a folder that exists,
 * as in `/proc`.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<string | undefined> {
  const missing = await findMissing(resolve(folder));
  for (const one of missing) await makeOne(one, mode);
  return missing[0];
}

/** The uppermost first; none if the folder is there. */
async function findMissing(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let place = folder; ; place = dirname(place)) {
    const facts = await look(place);
    if (facts?.isDirectory()) return missing.toReversed();
    if (facts) throw occupied(place);
    missing.push(place);
    if (place === dirname(place)) return missing.toReversed();
  }
}

async function look(place: string) {
  try {
    return await stat(place);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw asStorageError(`look at ${place}`, error);
  }
}

async function makeOne(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'EEXIST') {
      // By another process, meanwhile; or a symbolic link to nowhere, which `stat` does not see.
      if ((await look(folder))?.isDirectory()) return;
      throw occupied(folder, cause);
    }
    if (code === 'ENOENT')
      throw new StorageError(
        `cannot make the folder ${folder}: no folders can be made in ${dirname(folder)}`,
        {
          cause,
          hint: 'choose a place on a disk',
        },
      );
    throw asStorageError(`make the folder ${folder}`, cause);
  }
}

function occupied(place: string, cause?: unknown): StorageError {
  return new StorageError(`${place} is needed, but something else is there`, { cause, hint: 'move it away' });
}
