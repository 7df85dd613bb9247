import { open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode } from '../error-code.ts';
import { ifExists, onDisk, storageErrorOf } from './disk-errors.ts';
import { syncDirectory, syncFile, tryChmod, tryLink } from './file-system-gaps.ts';
import { withProcessLock } from './process-lock.ts';
import { findAbandoned, removeFiles, temporaryName } from './temporary-file.ts';

const defaultMode = 0o666; // less the umask, as for any file

/**
 * Replaces the content of a file at once: readers, and whoever finds the disk after a power cut, see the old
 * bytes or the new ones. The folder must exist. A symbolic link stays and its target is replaced; an existing file
 * keeps its permissions, `mode` is for a new one.
 *
 * Throws `StorageError`, having removed its temporary file and left the old content in place.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: Modes = {},
): Promise<void> {
  const doing = `write ${path}`;
  try {
    const target = await followLinks(path);
    await replace(target, join(dirname(target), temporaryName('')), [data], { ...options, doing });
  } catch (cause) {
    throw storageErrorOf(doing, cause);
  }
}

interface Modes {
  /** Permissions of a new file, less the umask. */
  readonly mode?: number;
  /** What an existing file may keep of its permissions; all of them unless given. */
  readonly largestMode?: number;
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<string | Uint8Array>;

/**
 * As `writeFileAtomic`, of a content that comes in pieces, whose failure is thrown as it is. Its temporary file is called
 * `.NAME.….tmp`; what killed processes left of earlier ones is removed. An existing file keeps no permission that `largestMode` lacks.
 */
export async function writePiecesAtomic(path: string, pieces: Pieces, options: Modes = {}): Promise<void> {
  const doing = `write ${path}`;
  const target = await onDisk(doing, () => followLinks(path));
  const prefix = join(dirname(target), `.${basename(target)}`);
  await removeFiles((await findAbandoned(dirname(target))).filter((file) => file.startsWith(`${prefix}.`)));
  await replace(target, temporaryName(prefix), pieces, { ...options, doing });
}

async function replace(
  target: string,
  temporary: string,
  pieces: Pieces,
  { mode = defaultMode, largestMode = 0o7777, doing }: Modes & { readonly doing: string },
): Promise<void> {
  try {
    await writePieces(temporary, pieces, { mode, doing });
    await onDisk(doing, async () => {
      const existing = await existingMode(target);
      if (existing !== undefined) await tryChmod(temporary, existing & largestMode);
      await rename(temporary, target);
      await syncDirectory(dirname(target));
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a new file, and makes it durable; what is there of it when `pieces` fails stays. */
export async function writePieces(
  path: string,
  pieces: Pieces,
  { mode = defaultMode, doing = `write ${path}` }: { readonly mode?: number; readonly doing?: string } = {},
): Promise<void> {
  const handle = await onDisk(doing, () => open(path, 'wx', mode));
  try {
    for await (const piece of pieces) await onDisk(doing, () => handle.appendFile(piece));
    await onDisk(doing, () => syncFile(handle));
  } finally {
    await handle.close();
  }
}

/**
 * As `writeFileAtomic`, but only where nothing is under that name: the first of several who write the same decides. Whether
 * it was this one. Not through symbolic links.
 */
export async function writeFileOnce(path: string, data: string | Uint8Array): Promise<boolean> {
  const doing = `write ${path}`;
  try {
    const temporary = join(dirname(path), temporaryName(''));
    try {
      await writePieces(temporary, [data], { doing });
      await placeOnce(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncDirectory(dirname(path));
    return true;
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return false;
    throw storageErrorOf(doing, cause);
  }
}

/** Gives a whole file its name, unless that is taken (`EEXIST`). Without hard links only a lock tells who is the first. */
async function placeOnce(temporary: string, path: string): Promise<void> {
  if ((await tryLink(temporary, path)) === undefined) return;
  await withProcessLock(`${path}.lock`, async () => {
    if ((await existingMode(path)) !== undefined)
      throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
    await rename(temporary, path);
  });
}

async function existingMode(path: string): Promise<number | undefined> {
  const facts = await ifExists(stat(path));
  return facts && facts.mode & 0o7777;
}

/** The path a write through `path` would reach, also where nothing is there yet. A loop of links is `ELOOP`. */
export async function followLinks(path: string): Promise<string> {
  const real = await ifExists(realpath(path));
  if (real !== undefined) return real;
  const link = await ifExists(readlink(path));
  return link === undefined ? resolve(path) : followLinks(resolve(await realpath(dirname(path)), link));
}
