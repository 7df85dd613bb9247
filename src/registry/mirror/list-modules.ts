import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import { anySource } from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { WholeIndex } from '../sync/find-facts.ts';

/** The modules that a source's last good index lists, in no order; for `anySource`, those that any source or the served index lists. */
export async function listModules(source: string, whole: WholeIndex): Promise<ModuleName[]> {
  const modules: ModuleName[] = [];
  for (const path of whole.paths) {
    const target = readIndexPath(path);
    if (target.kind !== 'module') continue;
    const { module } = target;
    if (source === anySource || (await whole.listings(indexPathOf(module))).has(source)) modules.push(module);
  }
  return modules;
}
