import { detailOf } from '../model/lookup.ts';
import { ownerOf } from '../model/module-name.ts';
import type { Outcome } from './fetch-many.ts';
import type { MirrorReport, MirrorSourceSummary } from './reports.ts';

/** How much each source supplied. */
export function summarise(outcomes: readonly Outcome[]): MirrorSourceSummary[] {
  const bySource = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const list = bySource.get(outcome.wanted.origin) ?? [];
    bySource.set(outcome.wanted.origin, list);
    list.push(outcome);
  }
  return [...bySource].map(([source, list]) => {
    const found = list.flatMap(({ result }) =>
      typeof result === 'object' && result.kind === 'found' ? [result.value.sizeBytes] : [],
    );
    return {
      source,
      modules: new Set(list.map(({ wanted }) => wanted.module)).size,
      versions: list.length,
      downloaded: found.length,
      present: list.filter(({ result }) => result === 'present').length,
      failed: list.flatMap(describeFailure).length,
      bytes: found.reduce((sum, size) => sum + size, 0),
    };
  });
}

/** What stays undecided although its archives are wanted, by the source that lists it and its owner. */
export function summariseUndecided(outcomes: readonly Outcome[]): MirrorReport['undecided'] {
  const owners = new Map<string, { source: string; owner: string; modules: Set<string>; versions: number }>();
  for (const { wanted } of outcomes) {
    if (!wanted.isUndecided) continue;
    const owner = ownerOf(wanted.module);
    const key = `${wanted.origin} ${owner}`;
    const group = owners.get(key) ?? { source: wanted.origin, owner, modules: new Set(), versions: 0 };
    owners.set(key, group);
    group.modules.add(wanted.module);
    group.versions += 1;
  }
  return [...owners.values()].map(({ modules, ...group }) => ({ ...group, modules: modules.size }));
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
