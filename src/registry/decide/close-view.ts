import type { WithheldModule } from '../../index/registry-state.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';

export interface ViewFacts {
  /** All modules that the whole index lists. */
  readonly served: ReadonlySet<ModuleName>;
  /** Whether a module is claimed by somebody, or published here: such a one is shown where it is named, and nowhere else. */
  readonly isKept: (module: ModuleName) => boolean;
}

interface ClosedView {
  readonly modules: ReadonlySet<ModuleName>;
  readonly withheld: readonly WithheldModule[];
}

/**
 * What the patterns name, and with it whatever that depends on: whole modules, as which version is taken is decided elsewhere. What
 * is claimed by somebody is not shown because somebody else's module needs it.
 * It asks for one module after the other, and is to be told which names any version of that depends on, as its lines have them.
 */
export function* closeView(
  include: readonly string[],
  { served, isKept }: ViewFacts,
): Generator<ModuleName, ClosedView, readonly string[]> {
  const modules = new Set<ModuleName>([...served].filter((module) => matchesAny(include, module)));
  const withheld = new Map<string, WithheldModule>();
  // Grows while it is walked.
  for (const module of modules) {
    for (const needed of yield module) {
      if (!isModuleName(needed) || modules.has(needed) || !served.has(needed)) continue;
      if (!isKept(needed)) modules.add(needed);
      else if (!withheld.has(needed)) withheld.set(needed, { module: needed, neededBy: module });
    }
  }
  return { modules, withheld: [...withheld.values()] };
}
