import { readdir } from 'node:fs/promises';
import { errorCode } from '../error-code.ts';
import { ifExists, storageErrorOf } from './disk-errors.ts';

/** What is in a folder; nothing where there is none, or a file. Throws `StorageError` where the disk does not say. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await ifExists(readdir(folder))) ?? [];
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return [];
    throw storageErrorOf(`look at ${folder}`, error);
  }
}

/** What is in a folder, sorted; nothing where it cannot be read. For advice alone: never fails. */
export async function readableNamesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
