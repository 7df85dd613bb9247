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

/** Paths that differ between two trees, with the file's id in the second; `undefined` where it has no file there. */
export async function diffTrees(
  directory: string,
  from: string,
  to: string,
): Promise<Map<string, string | undefined>> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--no-ext-diff', from, to];
  const listing = await runGit(args, { gitDir: directory });
  const changed = new Map<string, string | undefined>();
  const fields = listing.toString('utf8').split('\0');
  // `:MODE MODE ID ID STATUS`, then the path (git's Documentation/diff-format, "Raw output format").
  for (let position = 0; position + 1 < fields.length; position += 2) {
    const [, mode = '', , id] = fields[position]?.split(' ') ?? [];
    changed.set(fields[position + 1] ?? '', mode.startsWith('1') && mode !== '160000' ? id : undefined);
  }
  return changed;
}
