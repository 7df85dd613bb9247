/** What in the data folder belongs to others, as after one `sync` by root: which file, whose, and the command that mends it. */
import { loadConfig } from '../../config/load.ts';
import { StorageError } from '../../errors.ts';
import type { HealthCheck } from '../../model/health-check.ts';
import {
  findOutOfReach,
  foreignOwnerOf,
  type OutOfReach,
  ownerForChown,
} from '../../support/disk/file-owners.ts';
import { errorCode } from '../../support/error-code.ts';
import { GitError } from '../../support/git/git.ts';
import { shellLine } from '../../support/shell.ts';

const written = (name: string) => name === 'audit.jsonl';

export function findOwnedByOthers(folder: string): Promise<OutOfReach[]> {
  return findOutOfReach(folder, written);
}

/** In words, for a `message` and its hint. `dataDir` is what the command mends. */
export function describeOutOfReach(
  [first, ...others]: readonly [OutOfReach, ...OutOfReach[]],
  dataDir: string,
): { readonly detail: string; readonly hint: string } {
  const { path, owner, isOurs, wanted } = first;
  const whose = isOurs ? 'whose permissions do not allow it' : `which belongs to ${owner}`;
  const more = others.length === 0 ? '' : `; ${others.length} more there are out of reach`;
  const user = ownerForChown();
  return {
    detail: `the user ${user} may not ${wanted} ${path}, ${whose}${more}`,
    hint: isOurs
      ? shellLine`chmod -R u+rwX ${dataDir}`
      : `as root: ${shellLine`chown -R ${user} ${dataDir}`}; and run every command as ${user}`,
  };
}

/**
 * A failure that files of others have caused, as a `StorageError` that names the first of them and the command that mends it; one
 * that they may have caused with that as its hint; any other as it was. git says of what it may not read that it is missing or damaged.
 */
export async function withOwners(error: unknown, directory: string): Promise<unknown> {
  const part = partOfOwners(error);
  if (part === 'none') return error;
  const dataDir = (await loadConfig(directory).catch(() => undefined))?.registry.dataDir;
  const found = dataDir === undefined ? [] : await findOwnedByOthers(dataDir);
  // What the failure itself is about comes first.
  const isMeant = ({ path }: OutOfReach) => pathsIn(error).some((each) => each.startsWith(path));
  const [first, ...others] = [...found.filter(isMeant), ...found.filter((one) => !isMeant(one))];
  if (first === undefined || dataDir === undefined) return error;
  const { detail, hint } = describeOutOfReach([first, ...others], dataDir);
  // Told already.
  if (!(error instanceof Error) || error.message.includes(detail)) return error;
  return part === 'sure'
    ? new StorageError(detail, { hint, cause: error })
    : new StorageError(error.message, { hint: `${detail}; ${hint}`, cause: error });
}

function pathsIn(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const path = 'path' in error && typeof error.path === 'string' ? [error.path] : [];
  return [...path, ...pathsIn(error.cause)];
}

function partOfOwners(error: unknown): 'sure' | 'likely' | 'none' {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof GitError || ['EACCES', 'EPERM'].includes(errorCode(cause) ?? '')) return 'sure';
    if (cause instanceof StorageError && cause.cause === undefined) return 'likely';
  }
  return 'none';
}

export async function checkOwners(dataDir: string): Promise<HealthCheck> {
  const name = 'owners';
  const [first, ...others] = await findOwnedByOthers(dataDir);
  if (first !== undefined)
    return { name, result: 'failure', ...describeOutOfReach([first, ...others], dataDir) };
  const owner = process.geteuid?.() === 0 ? await foreignOwnerOf(dataDir) : undefined;
  if (owner === undefined) return { name, result: 'ok', detail: 'all that is there can be read and written' };
  return {
    name,
    result: 'warning',
    detail: `this runs as root, and ${dataDir} belongs to ${owner}`,
    hint: asOwner(owner),
  };
}

/** A remark for root before it writes where another user serves; `undefined` for everybody else. */
export async function warnRoot(dataDir: string): Promise<string | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = await foreignOwnerOf(dataDir);
  if (owner === undefined) return undefined;
  return `this runs as root, and ${dataDir} belongs to ${owner}, who may not be able to use what root writes there; ${asOwner(owner)}`;
}

function asOwner(owner: string): string {
  const user = owner.startsWith('uid ') ? `#${owner.slice(4)}` : owner;
  return `run it as its owner: ${shellLine`sudo -u ${user} moonbit-registry`} …`;
}
