import { detailOf } from '../../model/lookup.ts';
import { type ModuleName, ownerOf } from '../../model/module-name.ts';
import type { Outcome } from './fetch-many.ts';
import type { MirrorReport, MirrorSourceSummary } from './mirror-report.ts';
import type { Mirrored } from './mirrored.ts';

/** How much each source supplied, of `mirrored` and now together; modules that are counted there are told apart by `isCounted`. */
export function summarise(
  outcomes: readonly Outcome[],
  mirrored: Mirrored['sources'] = [],
  isCounted: (module: ModuleName) => boolean = () => false,
): MirrorSourceSummary[] {
  const bySource = new Map<string, Outcome[]>(mirrored.map(({ source }) => [source, []]));
  for (const outcome of outcomes) {
    const list = bySource.get(outcome.wanted.origin) ?? [];
    bySource.set(outcome.wanted.origin, list);
    list.push(outcome);
  }
  return [...bySource].map(([source, list]) => {
    const before = mirrored.find((one) => one.source === source) ?? { modules: 0, versions: 0 };
    const fresh = list.map(({ wanted }) => wanted.module).filter((module) => !isCounted(module));
    const found = list.flatMap(({ result }) =>
      typeof result === 'object' && result.kind === 'found' ? [result.value.received.sizeBytes] : [],
    );
    return {
      source,
      modules: before.modules + new Set(fresh).size,
      versions: before.versions + list.length,
      downloaded: found.length,
      present: before.versions + list.filter(({ result }) => result === 'present').length,
      failed: list.flatMap(describeFailure).length,
      bytes: found.reduce((sum, size) => sum + size, 0),
    };
  });
}

/** Names that stay undecided although archives of them are here (or would be), by the source that lists them and their owner. */
export function summariseUndecided(
  outcomes: readonly Outcome[],
  decided: ReadonlySet<ModuleName>,
): MirrorReport['undecided'] {
  const open = outcomes.filter(
    ({ wanted, result }) =>
      wanted.isUndecided &&
      !decided.has(wanted.module) &&
      (typeof result === 'string' || result.kind === 'found'),
  );
  const owners = new Map<string, Outcome[]>();
  for (const outcome of open) {
    const key = JSON.stringify([outcome.wanted.origin, ownerOf(outcome.wanted.module)]);
    owners.set(key, [...(owners.get(key) ?? []), outcome]);
  }
  const undecided = new Set(open.map(({ wanted }) => wanted.module));
  return [...owners].map(([key, group]) => {
    const [source, owner] = JSON.parse(key) as [string, string];
    const modules = new Set(group.map(({ wanted }) => wanted.module));
    return {
      ...{ source, owner, modules: [...modules].sort(), versions: group.length },
      requiredBy: requiring(modules, outcomes, undecided),
    };
  });
}

/** Modules that can be listed, and that clients cannot resolve as long as these are not. */
function requiring(
  modules: ReadonlySet<ModuleName>,
  outcomes: readonly Outcome[],
  undecided: ReadonlySet<ModuleName>,
): ModuleName[] {
  const needs = ({ dependencies, binDependencies }: Outcome['wanted']['entry']) =>
    [...dependencies, ...binDependencies].some(({ module }) => modules.has(module as ModuleName));
  const found = outcomes.filter(({ wanted }) => !undecided.has(wanted.module) && needs(wanted.entry));
  return [...new Set(found.map(({ wanted }) => wanted.module))].sort();
}

/** What a dry run would download. */
export function listMissing(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .flatMap(({ wanted, result }) =>
      result === 'not-tried' ? [`${wanted.module}@${wanted.entry.version}`] : [],
    )
    .sort();
}

export function describeFailure({ wanted, result }: Outcome): MirrorReport['failed'][number][] {
  if (typeof result === 'string' || result.kind === 'found') return [];
  const reason = detailOf(result);
  return [{ module: wanted.module, version: wanted.entry.version, source: wanted.origin, reason }];
}
