/**
 * What some file systems lack (network shares, FUSE, exFAT), and what is done without it. The one place for `fsync` of
 * folders, `chmod` of files just made, and hard links.
 */
import { chmod, type FileHandle, link, open, stat } from 'node:fs/promises';
import { errorCode } from '../error-code.ts';

const unsupported = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'ENOTTY'];
// A folder may be writable and not readable.
const noFolderSync = new Set([...unsupported, 'EBADF', 'EISDIR', 'EACCES', 'EPERM']);
const noFileSync = new Set(unsupported);
const noChmod = new Set([...unsupported, 'EPERM', 'EACCES']);
const noLinks = new Set([...unsupported, 'EPERM', 'EACCES', 'EMLINK', 'EXDEV']);

/**
 * Makes the names in a folder durable: after a rename, the file's own fsync does not cover its name. Where the file system
 * cannot do that, nothing else can, and a power cut may lose the last change: `doctor` tells of it.
 */
export async function syncDirectory(path: string): Promise<void> {
  await trySyncDirectory(path);
}

/** As `syncDirectory`; the code by which the file system says that it cannot, `undefined` where it has done so. */
export function trySyncDirectory(path: string): Promise<string | undefined> {
  return unless(noFolderSync, async () => {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** Makes a file durable, as far as its file system can do that. */
export async function syncFile(handle: FileHandle): Promise<void> {
  await unless(noFileSync, () => handle.sync());
}

/**
 * Gives a file that this process has just made other permissions. Its owner may do that wherever there are permissions; so
 * where it is refused, the mount decides what they are. The code by which it was.
 */
export async function tryChmod(path: string, mode: number): Promise<string | undefined> {
  return unless(noChmod, async () => {
    if (((await stat(path)).mode & 0o7777) !== mode) await chmod(path, mode);
  });
}

/** A second name for a file, which must not exist yet (`EEXIST`). The code by which the file system says that it has no links. */
export function tryLink(existing: string, path: string): Promise<string | undefined> {
  return unless(noLinks, () => link(existing, path));
}

/** The code of the failure of `operation`, where it is one of these. */
async function unless(
  codes: ReadonlySet<string>,
  operation: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || !codes.has(code)) throw error;
    return code;
  }
}
