import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ifExists, onDisk } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';

/** git holds these locks for milliseconds, also when the process that started it was killed. */
const lockGraceMs = 2000;
const lockPollMs = 50;
/** Fetches write into the same object store without our lock, but none takes that long. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

const lockPattern = /\.lock$|^packed-refs\.new$/;
// Loose objects and packs in the making, and the marks by which git keeps a new pack from being repacked.
const objectPattern = /^(tmp_|\.tmp-)|\.(keep|tmp)$/;

/**
 * Removes the lock files of git processes that were killed: nobody else would, and every later update of a ref would
 * fail. Only while holding the registry's lock, under which alone refs are updated. A killed process may have left a
 * git behind that is still at work: what stands still for two seconds has no owner any more.
 */
export async function removeStaleLocks(directory: string): Promise<void> {
  const deadline = performance.now() + lockGraceMs;
  for (;;) {
    const locks = await findLocks(directory);
    if (locks.length === 0) return;
    if (performance.now() < deadline) await sleep(lockPollMs);
    else await removeAll(locks);
  }
}

/** Removes unfinished objects and packs that nobody has written to for a day. */
export async function removeStaleObjects(directory: string): Promise<void> {
  const objects = join(directory, 'objects');
  const folders = await listFolder(objects);
  const groups = await Promise.all(
    ['', ...folders].map(async (folder) =>
      (await listFolder(join(objects, folder)))
        .filter((name) => objectPattern.test(name))
        .map((name) => join(objects, folder, name)),
    ),
  );
  const old: string[] = [];
  for (const file of groups.flat()) {
    const facts = await ifExists(stat(file));
    if (facts && Date.now() - facts.mtimeMs > abandonedAfterMs) old.push(file);
  }
  await removeAll(old);
}

async function findLocks(directory: string): Promise<string[]> {
  const refs = await onDisk(`read ${directory}`, () =>
    ifExists(readdir(join(directory, 'refs'), { recursive: true })),
  );
  const names = [
    ...(await listFolder(directory)),
    ...(refs ?? []).map((name) => join('refs', name)),
    ...(await listFolder(join(directory, 'objects', 'pack'))).map((name) => join('objects', 'pack', name)),
  ];
  return names.filter((name) => lockPattern.test(name)).map((name) => join(directory, name));
}

/** The names in a folder; none where there is no such folder. */
async function listFolder(folder: string): Promise<string[]> {
  return onDisk(`read ${folder}`, async () => {
    try {
      return (await ifExists(readdir(folder))) ?? [];
    } catch (error) {
      if (errorCode(error) === 'ENOTDIR') return [];
      throw error;
    }
  });
}

async function removeAll(files: readonly string[]): Promise<void> {
  for (const file of files) await onDisk(`remove ${file}`, () => rm(file, { recursive: true, force: true }));
}
