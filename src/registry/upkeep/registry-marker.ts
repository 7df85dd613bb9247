/**
 * A folder beside `registry.toml` that says which data belong to it, so that an empty data folder (a volume that is not
 * mounted) is not taken for a first start. A help, never a condition: without it, or where it cannot be written, all works
 * as before. It holds a `.gitignore` that names itself, as settings in git are put on machines with other data
 * (docs/decisions/0040).
 */

import { lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../support/disk/atomic-file.ts';
import { onDisk, storageErrorOf } from '../../support/disk/disk-errors.ts';
import { errorCode } from '../../support/error-code.ts';
import { parseJson } from '../../support/parse-json.ts';
import { shellLine } from '../../support/shell.ts';

export interface RegistryMarker {
  /** The first state of the registry: its data, and every copy and backup of them, have that commit. */
  readonly firstState: string;
  /** Absolute path of the data folder when it was written. */
  readonly dataDir: string;
}

const folderName = '.moonbit-registry';
const fileName = 'data.json';

const ignoreText = `# Which data belong to the registry.toml beside this folder, on this machine. Not for git.
# Without this folder, "moonbit-registry" begins anew where it finds no data.
*
`;

export function markerFolder(directory: string): string {
  return join(directory, folderName);
}

/** `undefined` where there is none, or none that can be read. */
export async function readMarker(directory: string): Promise<RegistryMarker | undefined> {
  try {
    return parseMarker(await readFile(join(markerFolder(directory), fileName), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Whether there is one, or something that may be one and cannot be looked at: unknown is not absent. */
export async function hasMarker(directory: string): Promise<boolean> {
  return lstat(join(markerFolder(directory), fileName)).then(
    () => true,
    (error: unknown) => !['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? ''),
  );
}

export function parseMarker(text: string): RegistryMarker | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { firstState, dataDir } = value as Partial<Record<keyof RegistryMarker, unknown>>;
  if (typeof firstState !== 'string' || !/^[0-9a-f]{40}$/.test(firstState)) return undefined;
  return typeof dataDir === 'string' ? { firstState, dataDir } : undefined;
}

/** Throws `StorageError` where it cannot be written. */
export async function writeMarker(directory: string, marker: RegistryMarker): Promise<void> {
  const folder = markerFolder(directory);
  await mkdir(folder).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw storageErrorOf(`make ${folder}`, error);
  });
  await writeFileAtomic(join(folder, '.gitignore'), ignoreText);
  await writeFileAtomic(join(folder, fileName), `${JSON.stringify(marker, undefined, 2)}\n`);
}

/** For a folder whose settings are new: they belong to no data yet. */
export async function forgetMarker(directory: string): Promise<void> {
  const folder = markerFolder(directory);
  await onDisk(`remove ${folder}`, () => rm(folder, { recursive: true, force: true }));
}

/** What takes it away, so that the next command begins anew. */
export function forgetLine(directory: string): string {
  return shellLine`rm -r ${markerFolder(directory)}`;
}
