import { join } from 'node:path';
import { readableNamesIn } from '../support/disk/names-in.ts';
import { runGit } from '../support/git/git.ts';

const maxLooseObjects = 2000;
/** As git itself (gc.autoPackLimit): each commit brings one. */
const maxPacks = 50;

/** Rolls loose objects and small packs up; drops nothing, so it is safe beside whoever reads or fetches. */
export async function packIfScattered(directory: string): Promise<void> {
  if (!(await isScattered(join(directory, 'objects')))) return;
  await runGit(['repack', '-d', '-q', '--geometric=2'], { gitDir: directory });
}

/** Looks itself, after each commit: `git count-objects` is a process. */
async function isScattered(objects: string): Promise<boolean> {
  const packs = (await readableNamesIn(join(objects, 'pack'))).filter((name) => name.endsWith('.pack'));
  if (packs.length >= maxPacks) return true;
  const folders = (await readableNamesIn(objects)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  const loose = await Promise.all(folders.map((name) => readableNamesIn(join(objects, name))));
  return loose.flat().length >= maxLooseObjects;
}
