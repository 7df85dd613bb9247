import { access, constants, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentUser } from '../current-user.ts';
import { errorCode } from '../error-code.ts';

/** A file or folder that this process needs and may not use. */
export interface OutOfReach {
  readonly path: string;
  /** The name of the file's owner, or `uid 1000` where it has none here. */
  readonly owner: string;
  readonly isOurs: boolean;
  readonly wanted: 'read' | 'write';
}

/** Files and folders that are looked at. */
const most = 50_000;

/**
 * What below `folder`, and that itself, this process may not read, or not write where it has to. Nothing where there is no such
 * folder, and for root. `isWrittenInPlace` takes the name of a file: all others are replaced,
 * for which their folder has to be writable.
 */
export async function findOutOfReach(
  folder: string,
  isWrittenInPlace: (name: string) => boolean,
): Promise<OutOfReach[]> {
  if (process.geteuid === undefined || process.geteuid() === 0) return [];
  const found: OutOfReach[] = [];
  const waiting = [folder];
  for (let count = 0; count < most; count++) {
    const path = waiting.pop();
    if (path === undefined) break;
    const facts = await lstat(path).catch(() => undefined);
    if (!facts || facts.isSymbolicLink()) continue;
    const isFolder = facts.isDirectory();
    const mode = isFolder ? constants.R_OK | constants.X_OK : constants.R_OK;
    const isWritten = isFolder || isWrittenInPlace(path.slice(path.lastIndexOf('/') + 1));
    const wanted = (await isRefused(path, mode))
      ? 'read'
      : isWritten && (await isRefused(path, constants.W_OK))
        ? 'write'
        : undefined;
    if (wanted !== undefined)
      found.push({ path, wanted, owner: await nameOf(facts.uid), isOurs: facts.uid === process.geteuid() });
    if (isFolder && wanted !== 'read')
      for (const name of await readdir(path).catch(() => [])) waiting.push(join(path, name));
  }
  return found;
}

/** Only by permissions: what else keeps a file from being used is told where it is used. */
async function isRefused(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(errorCode(error) ?? '');
  }
}

/** Who owns a file or folder, if that is neither this process's user nor unknown. */
export async function foreignOwnerOf(path: string): Promise<string | undefined> {
  const facts = await lstat(path).catch(() => undefined);
  if (!facts || process.geteuid === undefined || facts.uid === process.geteuid()) return undefined;
  return nameOf(facts.uid);
}

/** Whom `chown` takes for the user who runs this process: the number where there is no name. */
export function ownerForChown(): string {
  const name = currentUser();
  return name.startsWith('uid ') ? String(process.geteuid?.() ?? name) : name;
}

async function nameOf(uid: number): Promise<string> {
  const table = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const line = table.split('\n').find((each) => each.split(':')[2] === String(uid));
  return line?.split(':', 1)[0] || `uid ${uid}`;
}
