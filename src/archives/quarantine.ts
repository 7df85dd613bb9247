import { copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { ifExists, onDisk } from '../support/disk/disk-errors.ts';
import { syncDirectory, tryLink } from '../support/disk/file-system-gaps.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { errorCode } from '../support/error-code.ts';
import { findDamage } from './archive-check.ts';

/**
 * A name is all one can move, and since the file was found damaged another process may have put another in its place:
 * so what the name stands for now is judged once more before it goes.
 */
export async function moveAway(
  checksum: Checksum,
  file: string,
  folder: string,
): Promise<string | undefined> {
  return onDisk(`move the damaged archive ${file} to ${folder}`, async () => {
    await makeDurableFolder(folder);
    const time = new Date().toISOString().replace(/[-:.]/g, '');
    const target = path.join(folder, `${checksum}.${time}${path.extname(file)}`);
    const before = await ifExists(stat(file));
    if (!before || (await ifExists(setAside(file, target).then(() => true))) !== true) return undefined;
    const damage = await findDamage(checksum, async () => (await open(target, 'r')).createReadStream());
    const now = await ifExists(stat(file));
    const isSame = now?.ino === before.ino && now.mtimeMs === before.mtimeMs;
    if (damage !== undefined && isSame) await rm(file, { force: true });
    if (damage === undefined) await (now ? rm(target, { force: true }) : rename(target, file));
    await Promise.all([syncDirectory(folder), syncDirectory(path.dirname(file))]);
    return damage === undefined ? undefined : target;
  });
}

/** Gives the file a second name; where there are no hard links, another one, or a copy where that is another file system. */
async function setAside(file: string, target: string): Promise<void> {
  if ((await tryLink(file, target)) === undefined) return;
  try {
    await rename(file, target);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await copyFile(file, target);
  }
}

/** What lies in a quarantine; a file there begins with its checksum. */
export async function listQuarantined(folder: string): Promise<Set<Checksum>> {
  const names = (await onDisk(`read ${folder}`, () => ifExists(readdir(folder)))) ?? [];
  return new Set(names.map((name) => name.split('.', 1)[0]).filter(isChecksum));
}

/** Makes a folder, with those above it, so that no power cut takes them away again. */
export async function makeDurableFolder(folder: string): Promise<void> {
  const first = await makeFolder(folder);
  if (first === undefined) return;
  const top = path.dirname(first);
  for (let made = path.resolve(folder); made !== top; made = path.dirname(made))
    await syncDirectory(path.dirname(made));
}
