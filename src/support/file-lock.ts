import { randomUUID } from 'node:crypto';
import { constants, copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../errors.ts';
import { errorCode } from './error-code.ts';

const pollMs = 20;
const held = new Set<string>(); // by this process, to know its own locks from those of an earlier one with its number

/**
 * Runs `work` while this process alone holds the lock file `path`, and removes it afterwards. Meant for work of
 * milliseconds: whoever finds the lock waits up to `waitMs` (10 s) and then fails with `StorageError`. A lock whose
 * process is gone is taken over. The file says who holds it: process number, host, and a mark of the holder.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: { readonly waitMs?: number } = {},
): Promise<T> {
  const owner = `${process.pid} ${hostname()} ${randomUUID()}\n`;
  held.add(owner);
  try {
    await acquire(path, owner, options.waitMs ?? 10_000);
    try {
      return await work();
    } finally {
      if ((await readOwner(path)) === owner) await rm(path, { force: true });
    }
  } finally {
    held.delete(owner);
  }
}

async function acquire(path: string, owner: string, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!(await tryAcquire(path, owner))) {
    const holder = await readOwner(path);
    if (holder === undefined) continue;
    if (isAbandoned(holder)) await removeAbandoned(path, holder);
    else if (performance.now() >= deadline) throw busy(path, holder);
    else await delay(pollMs);
  }
}

async function tryAcquire(path: string, owner: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return false;
    throw new StorageError(`cannot create ${path}: ${errorCode(cause) ?? 'unexpected failure'}`, { cause });
  }
}

async function readOwner(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAbandoned(owner: string): boolean {
  const [pid, host] = owner.trim().split(' ');
  if (host !== undefined && host !== hostname()) return false; // another machine's processes cannot be asked
  if (Number(pid) === process.pid) return !held.has(owner);
  return !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** Two processes may find the same abandoned lock: whoever moved a newer one aside by that puts it back. */
async function removeAbandoned(path: string, owner: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if ((await readOwner(aside)) !== owner) await copyFile(aside, path, constants.COPYFILE_EXCL);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function busy(path: string, owner: string): StorageError {
  const [pid, host] = owner.trim().split(' ');
  return new StorageError(`process ${pid || 'unknown'} on ${host ?? 'this host'} holds ${path}`, {
    hint: 'try again; if no such process runs, remove that file',
  });
}
