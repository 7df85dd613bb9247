import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { anySource } from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { type Closure, closeOverDependencies, selectForProject } from './dependency-closure.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { Selection } from './mirror-selection.ts';
import { createWhyMissing } from './missing-dependency.ts';
import { offerOf } from './offers.ts';
import { readProject } from './project-requirements.ts';

/** What is to be had, by the source whose own listing stands for names that are undecided; `undefined` where none does. */
export interface SourceClosure extends Closure {
  readonly source: string | undefined;
}

export interface ClosingContext {
  readonly index: GitIndex;
  readonly resolver: Resolver;
  readonly current: ReadonlySet<string>;
  readonly config: Config;
  readonly options: MirrorOptions;
  /** Whether all versions of the roots are among them. */
  readonly isWhole: boolean;
}

/** The roots with all that clients select for them; what a project needs, where one is given. */
export async function closeSelection(
  roots: Selection['roots'],
  { index, resolver, current, config, options, isWhole }: ClosingContext,
): Promise<SourceClosure[]> {
  const whyMissing = createWhyMissing(resolver, index, current);
  const entriesFor = (source: string | undefined) => async (module: ModuleName) => {
    const { decision, entries } = await resolver.resolve(module);
    if (entries.length > 0) return entries;
    if (decision.rule !== 'undecided' || source === undefined) return undefined;
    const offer = await offerOf(module, source, resolver, index);
    return offer.kind === 'offered' ? offer.entries : undefined;
  };
  if (options.from !== undefined) {
    const source = config.defaultSource;
    const requirements = await readProject(options.from);
    return [{ source, ...(await selectForProject(requirements, entriesFor(source), whyMissing)) }];
  }
  const closures: SourceClosure[] = [];
  for (const [name, modules] of roots) {
    const source = name === anySource ? undefined : name;
    if (options.strict) {
      closures.push({ source, selected: indexByVersion(modules), unsatisfied: [] });
      continue;
    }
    const entriesOf = entriesFor(source);
    // Roots have been read, more of them than a resolver remembers.
    const knownOf = async (module: ModuleName) =>
      (isWhole ? modules.get(module) : undefined) ?? (await entriesOf(module));
    closures.push({ source, ...(await closeOverDependencies(modules, knownOf, whyMissing)) });
  }
  return closures;
}

function indexByVersion(roots: ReadonlyMap<ModuleName, readonly IndexEntry[]>): Closure['selected'] {
  const byVersion = (entries: readonly IndexEntry[]) =>
    new Map(entries.map((entry) => [entry.version, entry]));
  return new Map([...roots].map(([module, entries]) => [module, byVersion(entries)]));
}
