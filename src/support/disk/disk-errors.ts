import { StorageError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';
import { hintFor, isOfDisksAlone } from './disk-hints.ts';

const spoken = new Map(
  Object.entries({
    'No space left on device': 'ENOSPC',
    'Out of diskspace': 'ENOSPC',
    'Disk quota exceeded': 'EDQUOT',
    'Read-only file system': 'EROFS',
    'Permission denied': 'EACCES',
    'Input/output error': 'EIO',
    'Too many open files': 'EMFILE',
    'Stale file handle': 'ESTALE',
    'Structure needs cleaning': 'EUCLEAN',
    'Remote I/O error': 'EREMOTEIO',
    'File too large': 'EFBIG',
    'Transport endpoint is not connected': 'ENOTCONN',
  }),
);

/** The failure of the disk that another program tells of, in English; `undefined` where it is about something else. */
export function diskErrorIn(doing: string, text: string, cause: unknown): StorageError | undefined {
  const code = [...spoken].find(([words]) => text.includes(words))?.[1];
  return code === undefined ? undefined : storageError(doing, code, cause);
}

// As the system calls are named by Node.js; those of sockets and processes are not among them.
const fileCalls = new Set(
  (
    'access chmod chown close copyfile fchmod fchown fdatasync fstat fsync ftruncate futime lchown link lstat lutime ' +
    'mkdir mkdtemp mkstemp open opendir read readdir readlink realpath rename rmdir scandir sendfile stat statfs symlink ' +
    'unlink utime write watch'
  ).split(' '),
);
const callsOfSocketsToo = new Set(['read', 'write']);
const codesOfSockets = new Set(
  (
    'ECONNRESET EPIPE ETIMEDOUT ENOTCONN ECONNABORTED ECONNREFUSED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ESHUTDOWN ' +
    'EPROTO ENOBUFS ECANCELED EOF'
  ).split(' '),
);

/** The system's code where a file operation, and neither a connection nor a process, has failed; by `syscall` and code. */
function fileFailure(error: unknown): string | undefined {
  const code = systemCode(error);
  if (code === undefined) return undefined;
  const call = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  if (isOfDisksAlone(code)) return call === 'connect' || call === 'bind' ? undefined : code;
  if (!fileCalls.has(call) || (callsOfSocketsToo.has(call) && codesOfSockets.has(code))) return undefined;
  return code;
}

/** Not the codes of Node.js itself, such as `ERR_INVALID_ARG_TYPE`. */
function systemCode(error: unknown): string | undefined {
  const code = errorCode(error);
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Whether an error that nobody has worded yet is a failed file operation. */
export function isFileFailure(error: unknown): boolean {
  return fileFailure(error) !== undefined;
}

/**
 * A failed file operation that nobody foresaw, in words; anything else as it was. For the last who hears of an error:
 * whatever a disk says is no bug of ours.
 */
export function unlessFileFailure(error: unknown): unknown {
  const code = fileFailure(error);
  if (code === undefined) return error;
  const { syscall = 'use', path } = error as { readonly syscall?: string; readonly path?: string };
  return storageError([verbs.get(syscall) ?? syscall, path ?? 'a file'].join(' '), code, error);
}

const verbs = new Map([
  ['scandir', 'read'],
  ['opendir', 'read'],
  ['stat', 'look at'],
  ['lstat', 'look at'],
  ['fstat', 'look at'],
  ['mkdir', 'make the folder'],
  ['unlink', 'remove'],
  ['rmdir', 'remove'],
]);

/**
 * A failure of the disk as a `StorageError` with a hint; anything else as it was. `doing` completes "cannot …",
 * such as `write /srv/registry/x.zip`. Give it only what file operations threw: sockets use some of these codes too.
 */
export function asStorageError(doing: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || code === 'ECONNRESET' || code === 'EPIPE') return error;
  return storageError(doing, code, error);
}

/** As `asStorageError`, where nothing but the disk can have failed: a `StorageError` whatever it says. */
export function storageErrorOf(doing: string, error: unknown): StorageError {
  const known = asStorageError(doing, error);
  if (known instanceof StorageError) return known;
  const what = errorCode(error) ?? 'unexpected failure';
  return new StorageError(`cannot ${doing}: ${what}`, { cause: error });
}

function storageError(doing: string, code: string, cause: unknown): StorageError {
  return new StorageError(`cannot ${doing}: ${code}`, { hint: hintFor(code), cause });
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

/**
 * Once more where a network file system has replaced the file meanwhile (`ESTALE`): the name may stand for another by
 * now, or for none.
 */
export async function againIfStale<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (errorCode(error) !== 'ESTALE') throw error;
    return operation();
  }
}
