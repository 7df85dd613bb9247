import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifExists, onDisk } from './disk-errors.ts';
import { hasProcess } from './process-identity.ts';

const abandonedAfterMs = 60 * 60 * 1000;
const pattern = /\.([0-9]+)-[0-9a-f-]+\.tmp$/;

/** A name for a file in the making, which says whose it is: `PREFIX.PROCESS-RANDOM.tmp`. */
export function temporaryName(prefix: string): string {
  return `${prefix}.${process.pid}-${randomUUID()}.tmp`;
}

/**
 * Files and folders named by `temporaryName` in a folder, whose process no longer runs on this machine or that nobody
 * has touched for an hour. None where there is no such folder.
 */
export async function findAbandoned(folder: string): Promise<string[]> {
  const names = (await onDisk(`read ${folder}`, () => ifExists(readdir(folder)))) ?? [];
  const abandoned: string[] = [];
  for (const name of names) {
    const pid = pattern.exec(name)?.[1];
    const file = join(folder, name);
    const facts = pid === undefined ? undefined : await ifExists(stat(file));
    if (facts && isAbandoned(Number(pid), facts.mtimeMs)) abandoned.push(file);
  }
  return abandoned;
}

export async function removeFiles(files: readonly string[]): Promise<void> {
  for (const file of files) await onDisk(`remove ${file}`, () => rm(file, { recursive: true, force: true }));
}

function isAbandoned(pid: number, modifiedAtMs: number): boolean {
  if (!hasProcess(pid) || Date.now() - modifiedAtMs > abandonedAfterMs) return true;
  // In a container every run may have the same number.
  return pid === process.pid && modifiedAtMs < Date.now() - process.uptime() * 1000;
}
