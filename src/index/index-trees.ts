import { runGit } from '../support/git.ts';

/** Every file below a tree-ish, by path: object ids. */
export async function listFiles(directory: string, treeish: string): Promise<Map<string, string>> {
  const listing = await runGit(['ls-tree', '-r', '-z', '--full-tree', treeish], { gitDir: directory });
  const files = new Map<string, string>();
  for (const record of listing.toString('utf8').split('\0')) {
    const tab = record.indexOf('\t');
    const [, type, id] = record.slice(0, tab).split(' ');
    if (tab > 0 && type === 'blob' && id !== undefined) files.set(record.slice(tab + 1), id);
  }
  return files;
}

/** Paths that differ between two trees. */
export async function diffTrees(directory: string, from: string, to: string): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--no-ext-diff', from, to];
  const listing = await runGit(args, { gitDir: directory });
  return listing
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '');
}
