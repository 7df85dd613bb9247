import { StorageError } from '../errors.ts';
import type { GitObjectReader } from '../support/git/git-objects.ts';
import { readTreeEntries } from '../support/git/git-tree.ts';
import { damageHint } from './restore-hint.ts';

/**
 * git calls an object missing that is damaged, too: an empty file after a power cut, say. So before anybody is told
 * that there is no file at a path, its folder is asked; an absent module and one we lost are not the same (rule 4).
 *
 * `name` is an object id, which somebody must have had from here, or `TREEISH:PATH`. Throws `StorageError` where what
 * it names should be there.
 */
export async function confirmAbsence(
  objects: GitObjectReader,
  directory: string,
  name: string,
): Promise<void> {
  if (name.includes('\n')) return; // git cannot be asked for it, and no module has such a path
  const colon = name.indexOf(':');
  const path = colon < 0 ? '' : name.slice(colon + 1);
  if (path === '' || (await isListed(objects, directory, name.slice(0, colon), path)))
    throw new StorageError(`the index in ${directory} is damaged: git has lost ${name.replace(/:$/, '')}`, {
      hint: damageHint,
    });
}

async function isListed(
  objects: GitObjectReader,
  directory: string,
  treeish: string,
  path: string,
): Promise<boolean> {
  const slash = path.lastIndexOf('/');
  const folder = `${treeish}:${slash < 0 ? '' : path.slice(0, slash)}`;
  const tree = await objects.read(folder);
  const wanted = Buffer.from(path.slice(slash + 1)).toString('latin1');
  if (tree?.type === 'tree') return [...readTreeEntries(tree.content)].some(({ name }) => name === wanted);
  if (tree === undefined) await confirmAbsence(objects, directory, folder);
  return false;
}
