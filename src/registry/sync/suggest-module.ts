import { StorageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { suggest } from '../../support/suggest.ts';

/** The name nearest to one that nobody knows: among equals one that is served, then by the order of the sources. */
export async function suggestModule(
  name: string,
  index: GitIndex,
  { served, snapshots }: StateView,
): Promise<ModuleName | undefined> {
  const candidates: ModuleName[] = [];
  for (const tree of [served, ...snapshots.map((snapshot) => snapshot.tree)]) {
    const nearest = suggest(name, await modulesIn(index, tree));
    if (nearest !== undefined) candidates.push(nearest);
  }
  return suggest(name, candidates);
}

async function modulesIn(index: GitIndex, tree: string): Promise<readonly ModuleName[]> {
  const files = await index.list(tree).catch((error: unknown) => {
    // A source's tree that cannot be read is told by others: here it has no names to offer.
    if (error instanceof StorageError) return new Map<string, string>();
    throw error;
  });
  return [...files.keys()].flatMap((path) => {
    const target = readIndexPath(path);
    return target.kind === 'module' ? [target.module] : [];
  });
}
