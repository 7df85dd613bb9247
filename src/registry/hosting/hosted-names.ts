import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { readIndexPath } from '../../index/layout.ts';
import { hosted } from '../../model/hosted.ts';
import { matchesAny } from '../../model/pattern.ts';

/** Patterns of the names that are published here: those that may be, and modules beside them, which were adopted or published once. */
export async function listHostedNames(
  index: GitIndex,
  { hosting }: Pick<Config, 'hosting'>,
): Promise<readonly string[]> {
  const { snapshots } = await index.state();
  const own = snapshots.find(({ source }) => source === hosted);
  const paths = own ? [...(await index.list(own.tree)).keys()] : [];
  const others = paths.flatMap((path) => {
    const target = readIndexPath(path);
    return target.kind === 'module' && !matchesAny(hosting.namespaces, target.module) ? [target.module] : [];
  });
  return [...hosting.namespaces, ...others];
}
