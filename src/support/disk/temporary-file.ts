import { createHash, randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifExists, onDisk } from './disk-errors.ts';
import { hasProcess, placeOfThisProcess } from './process-identity.ts';

const abandonedAfterMs = 60 * 60 * 1000;
const pattern = /\.([0-9]+)-([0-9a-f]{12})-[0-9a-f-]+\.tmp$/;

/** A name for a file in the making, which says whose it is: `PREFIX.PROCESS-PLACE-RANDOM.tmp`. */
export function temporaryName(prefix: string): string {
  return `${prefix}.${process.pid}-${placeTag()}-${randomUUID()}.tmp`;
}

/** Stands for the machine, boot and pid namespace that this process's number belongs to. */
function placeTag(): string {
  tag ??= createHash('sha256').update(placeOfThisProcess()).digest('hex').slice(0, 12);
  return tag;
}

let tag: string | undefined;

/**
 * Files and folders named by `temporaryName` in a folder, whose process no longer runs or that nobody has touched
 * for an hour. Only that hour counts for those of another machine or container, whose processes cannot be seen from
 * here. None where there is no such folder.
 */
export async function findAbandoned(folder: string): Promise<string[]> {
  const names = (await onDisk(`read ${folder}`, () => ifExists(readdir(folder)))) ?? [];
  const abandoned: string[] = [];
  for (const name of names) {
    // Next to none, among as many files as a folder of archives has.
    const owner = name.endsWith('.tmp') ? pattern.exec(name) : null;
    if (!owner) continue;
    const file = join(folder, name);
    const facts = await ifExists(stat(file));
    if (!facts) continue;
    const pid = owner[2] === placeTag() ? Number(owner[1]) : undefined;
    if (isAbandoned(pid, facts.mtimeMs)) abandoned.push(file);
  }
  return abandoned;
}

export async function removeFiles(files: readonly string[]): Promise<void> {
  for (const file of files) await onDisk(`remove ${file}`, () => rm(file, { recursive: true, force: true }));
}

function isAbandoned(pid: number | undefined, modifiedAtMs: number): boolean {
  if (Date.now() - modifiedAtMs > abandonedAfterMs) return true;
  if (pid === undefined) return false;
  if (!hasProcess(pid)) return true;
  // In a container every run may have the same number.
  return pid === process.pid && modifiedAtMs < Date.now() - process.uptime() * 1000;
}
