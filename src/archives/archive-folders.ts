/** What a folder of archives shows before anything is opened: whether there are any, and who may write there. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../support/disk/names-in.ts';

/** The folder, and those in it. */
export async function archiveFolders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory());
  return [directory, ...folders.map(({ name }) => join(directory, name))];
}

/** The path of any archive. Throws `StorageError` where the disk does not say. */
export async function findAnyArchive(directory: string): Promise<string | undefined> {
  for (const name of await namesIn(directory)) {
    const folder = join(directory, name);
    const archive = (await namesIn(folder)).find((each) => each.endsWith('.zip'));
    if (archive !== undefined) return join(folder, archive);
  }
  return undefined;
}
