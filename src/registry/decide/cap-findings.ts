import { countOf, type Finding, isConflict } from '../../model/finding.ts';

/** By source: how many findings are not told, by module. `''` stands for modules beyond those that are counted one by one. */
export type Untold = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Modules of one source whose untold findings are counted one by one. */
const countedModules = 10_000;

/** What earlier findings say was not told; without the modules that `isPlanned` says are planned, and so told of, anew. */
export function untoldIn(before: readonly Finding[], isPlanned: (module: string) => boolean): Untold {
  const untold = new Map<string, Map<string, number>>();
  for (const finding of before)
    if (finding.kind === 'more')
      untold.set(finding.source, new Map(finding.untold.filter(([module]) => !isPlanned(module))));
  return untold;
}

/**
 * At most so many findings a source that wait for nobody; of the others their number, by module, so that it is right when a
 * module is mended. Conflicts are always told, as they wait for the operator. `limitOf`: a source's limit; `undefined` for one
 * that is no longer configured, whose findings go with it.
 */
export function capFindings(
  findings: readonly Finding[],
  limitOf: (source: string) => number | undefined,
  earlier: Untold = new Map(),
): Finding[] {
  const bySource = new Map<string, Finding[]>([...earlier.keys()].map((source) => [source, []]));
  for (const finding of findings) {
    const list = bySource.get(finding.source) ?? [];
    bySource.set(finding.source, list);
    list.push(finding);
  }
  return [...bySource].flatMap(([source, list]) => {
    const limit = limitOf(source);
    if (limit === undefined) return [];
    const conflicts = list.filter(isConflict);
    const others = list.filter((finding) => !isConflict(finding));
    const untold = new Map(earlier.get(source));
    for (const finding of others.slice(limit)) {
      const { module } = finding;
      const key = untold.has(module) || untold.size < countedModules ? module : '';
      untold.set(key, (untold.get(key) ?? 0) + countOf(finding));
    }
    return [...conflicts, ...others.slice(0, limit), ...summarise(source, untold)];
  });
}

function summarise(source: string, untold: ReadonlyMap<string, number>): Finding[] {
  const count = [...untold.values()].reduce((sum, one) => sum + one, 0);
  if (count === 0) return [];
  const number = count.toLocaleString('en');
  const message = `and ${number} more ${count === 1 ? 'finding' : 'findings'} about source "${source}"`;
  return [{ kind: 'more', module: '', source, count, untold: [...untold].sort(), message }];
}
