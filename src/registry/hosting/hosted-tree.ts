import type { GitIndex } from '../../index/git-index.ts';
import { indexPathOf } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { gitOnDisk } from '../../support/git/git-disk.ts';
import { importCommits, type TreeEdit } from '../../support/git/git-import.ts';

/** Writes the tree of what is published here with other files; it counts once a state names it. */
export async function writeHostedTree(
  index: GitIndex,
  { snapshots }: Pick<StateView, 'snapshots'>,
  files: ReadonlyMap<ModuleName, Buffer>,
  date: Date,
): Promise<{ readonly commit: string; readonly tree: string }> {
  const { directory } = index;
  const before = snapshots.find(({ source }) => source === hosted)?.tree;
  const edits: TreeEdit[] = [
    ...(before === undefined ? [] : [{ path: '', mode: '040000' as const, object: before }]),
    ...[...files].map(([module, content]): TreeEdit => ({ path: indexPathOf(module), content })),
  ];
  const message = `Publish ${[...files.keys()].join(', ')}\n`;
  const [commit = ''] = await gitOnDisk(`write what is published in ${directory}`, () =>
    importCommits(directory, [() => ({ message, date, edits })]),
  );
  const tree = await index.treeOf(commit);
  if (tree === undefined) throw new Error(`commit ${commit} was written, and has no tree`);
  return { commit, tree };
}
