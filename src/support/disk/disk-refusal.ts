import { StorageError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';
import { diskFailureOf } from '../git/git-disk.ts';

/** What a disk that keeps nothing new answers: it is full, read-only, broken, or somebody else's. */
const refusals = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'] as const;
type Refusal = (typeof refusals)[number];

const ofSockets = new Set(['connect', 'bind', 'listen', 'getaddrinfo']);
const deepest = 8;

/**
 * Why our own disk refused, wherever in the chain of causes that is told, by the system or by a git of ours; `undefined`
 * where something else has failed.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  let isOurs = false;
  let current = error;
  for (let depth = 0; depth < deepest && current instanceof Error; depth++, current = current.cause) {
    isOurs ||= current instanceof StorageError;
    const code = codeOf(current) ?? (isOurs ? codeToldByGit(current) : undefined);
    if (code !== undefined) return code;
  }
  return undefined;
}

function codeOf(error: Error): Refusal | undefined {
  if ('syscall' in error && ofSockets.has(String(error.syscall))) return undefined;
  const code = errorCode(error);
  return refusals.find((refusal) => refusal === code);
}

function codeToldByGit(error: Error): Refusal | undefined {
  const message = diskFailureOf('', error)?.message;
  return refusals.find((code) => message?.endsWith(code));
}
