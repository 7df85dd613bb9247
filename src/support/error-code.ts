import { systemErrorName } from './system-errors.ts';

/**
 * The `code` of a system error (`ENOENT`), for the places that expect one; `undefined` for anything else. Of one that
 * Node.js does not name (`Unknown system error -122`), the name that the system has for it.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  if (!error.code.startsWith('Unknown system error')) return error.code;
  const errno = 'errno' in error ? error.errno : undefined;
  const told = typeof errno === 'number' ? errno : Number(error.code.split(' ').at(-1));
  return Number.isSafeInteger(told) ? systemErrorName(told) : error.code;
}
