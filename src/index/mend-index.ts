/** Puts back what an index lost and what nobody has to guess: what is written here is the same in every index. */
import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../support/disk/atomic-file.ts';
import { ifExists, onDisk, storageErrorOf } from '../support/disk/disk-errors.ts';
import { GitError, runGit } from '../support/git/git.ts';
import { configContent } from './create-index.ts';
import { type DamagedPart, headContent, lookAtFile } from './index-standing.ts';
import { servedRef } from './layout.ts';

/** Writes the constant ones of these parts anew. Only while holding the registry's lock. */
export async function mendIndex(directory: string, parts: readonly DamagedPart[]): Promise<void> {
  for (const { name, isConstant } of parts) {
    if (!isConstant) continue;
    const place = join(directory, name);
    if (name === 'refs') await onDisk(`make ${place}`, () => mkdir(place));
    else await writeAnew(place, name === 'HEAD' ? headContent : configContent);
  }
}

async function writeAnew(file: string, content: string): Promise<void> {
  // A folder in its place goes if there is nothing in it.
  if ((await lookAtFile(file)) === 'folder')
    await rmdir(file).catch((error: unknown) => {
      throw storageErrorOf(`remove the folder ${file}`, error);
    });
  await writeFileAtomic(file, content);
}

/**
 * Removes what a power cut left of `main` where that names nothing: it is where the state says, and git writes no ref over
 * one that it cannot read. Only while holding the registry's lock.
 */
export async function removeBrokenMain(directory: string): Promise<void> {
  const file = join(directory, servedRef);
  const look = await onDisk(`read ${file}`, () => lookAtFile(file));
  if (typeof look === 'string' || /^[0-9a-f]{40}\s*$/.test(look.text)) return;
  await onDisk(`remove ${file}`, () => rm(file));
}

/** git writes a pack and then its `.idx`, within moments. */
const beingWrittenMs = 60_000;

/** Packs that git does not see, as the file that says what is in them is not beside them: a copy or a check may have lost it. */
export async function findUnseenPacks(directory: string): Promise<string[]> {
  const folder = join(directory, 'objects', 'pack');
  const names = (await onDisk(`read ${folder}`, () => ifExists(readdir(folder)))) ?? [];
  const unseen: string[] = [];
  for (const name of names) {
    if (!/^pack-[0-9a-f]{40}\.pack$/.test(name) || names.includes(name.replace(/pack$/, 'idx'))) continue;
    const file = join(folder, name);
    const facts = await onDisk(`look at ${file}`, () => ifExists(stat(file)));
    if (facts !== undefined && Date.now() - facts.mtimeMs > beingWrittenMs) unseen.push(file);
  }
  return unseen;
}

/** Makes git see it again; answers whether the pack is whole enough for that. Only while holding the registry's lock. */
export async function showPack(file: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await runGit(['index-pack', file], { signal });
    return true;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    return false;
  }
}
