import { StorageError } from '../errors.ts';
import { errorCode } from './error-code.ts';

const hints = new Map(
  Object.entries({
    ENOSPC: 'free some space on that disk, then run the same command again',
    EDQUOT: 'raise the disk quota or free some space, then run the same command again',
    EROFS: 'the file system is mounted read-only: mount it writable, or move the registry directory',
    EACCES: 'give the user who runs this process read and write permission there',
    EPERM: 'give the user who runs this process read and write permission there',
    ENOTDIR: 'something else stands where a directory is needed: move it away',
    EISDIR: 'a directory stands where a file is needed: name another file',
    EMFILE: 'raise the limit of open files (ulimit -n), or lower the number of jobs',
    ENFILE: 'raise the limit of open files of this machine',
    EIO: 'the disk reports a hardware error: check it before going on',
  }),
);

/** What a user can do about a failure with this code; `undefined` where nobody knows. */
export function hintFor(code: string | undefined): string | undefined {
  return code === undefined ? undefined : hints.get(code);
}

const spoken = new Map(
  Object.entries({
    'No space left on device': 'ENOSPC',
    'Disk quota exceeded': 'EDQUOT',
    'Read-only file system': 'EROFS',
    'Permission denied': 'EACCES',
    'Input/output error': 'EIO',
    'Too many open files': 'EMFILE',
  }),
);

/** The failure of the disk that another program tells of, in English; `undefined` where it is about something else. */
export function diskErrorIn(doing: string, text: string, cause: unknown): StorageError | undefined {
  const code = [...spoken].find(([words]) => text.includes(words))?.[1];
  return code === undefined
    ? undefined
    : new StorageError(`cannot ${doing}: ${code}`, { hint: hintFor(code), cause });
}

/**
 * A failure of the disk as a `StorageError` with a hint; anything else as it was. `doing` completes "cannot …",
 * such as `write /srv/registry/x.zip`. Give it only what file operations threw: sockets use some of these codes too.
 */
export function asStorageError(doing: string, error: unknown): unknown {
  const code = errorCode(error);
  const hint = hintFor(code);
  if (hint === undefined) return error;
  return new StorageError(`cannot ${doing}: ${code}`, { hint, cause: error });
}

/** As `asStorageError`, where nothing but the disk can have failed: a `StorageError` whatever it says. */
export function storageErrorOf(doing: string, error: unknown): StorageError {
  const known = asStorageError(doing, error);
  if (known instanceof StorageError) return known;
  const what = errorCode(error) ?? 'unexpected failure';
  return new StorageError(`cannot ${doing}: ${what}`, { cause: error });
}

/** Runs file operations, turning the disk's failures into `StorageError`; see `asStorageError`. */
export async function onDisk<T>(doing: string, operations: () => Promise<T>): Promise<T> {
  try {
    return await operations();
  } catch (error) {
    throw asStorageError(doing, error);
  }
}

/** The value of `operation`, or `undefined` if the file it is about does not exist. */
export async function ifExists<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
