import type { Dependency, IndexEntry } from '../../model/index-entry.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { compareVersions, compatibilitySet, selectVersion, type Version } from '../../model/version.ts';
import type { MirrorReport } from './mirror-report.ts';

type Unsatisfied = MirrorReport['unsatisfied'][number];

export interface Closure {
  /** Selected versions by module, those of the roots included. */
  readonly selected: ReadonlyMap<ModuleName, ReadonlyMap<Version, IndexEntry>>;
  readonly unsatisfied: readonly Unsatisfied[];
}

/** Every version of a module that could be delivered; `undefined` if no source lists it. */
export type EntriesOf = (module: ModuleName) => Promise<readonly IndexEntry[] | undefined>;

/** Why nothing satisfies a requirement that could be satisfied: what it is, in the words of `MirrorReport`. */
export type WhyMissing = (
  module: ModuleName,
  requirement: Version,
  isListed: boolean,
) => Promise<Pick<Unsatisfied, 'kind' | 'reason'>>;

/** Where nothing else is known: no source lists it. */
export const missing: WhyMissing = async (_module, _requirement, isListed) => ({
  kind: 'unlisted',
  reason: isListed ? 'no listed version satisfies it' : 'no source lists this module',
});

export interface Requirement {
  readonly dependency: Dependency;
  readonly requiredBy: string;
}

/** A module the toolchain brings along: never downloaded for a build (resolver.rs, moon-protocol §10). */
export const toolchainModule = 'moonbitlang/core';

/**
 * What clients select, walking every requirement: the lowest listed version not below it, in its compatibility
 * set (mvs.rs). Covers each way a build could combine the roots; binary dependencies count.
 */
export async function closeOverDependencies(
  roots: ReadonlyMap<ModuleName, readonly IndexEntry[]>,
  entriesOf: EntriesOf,
  whyMissing: WhyMissing = missing,
): Promise<Closure> {
  const selected = new Map<ModuleName, Map<Version, IndexEntry>>();
  const unsatisfied = new Map<string, Unsatisfied>();
  const satisfied = new Set<string>();
  const queue: Requirement[] = [];

  function select(module: ModuleName, entry: IndexEntry): boolean {
    const versions = selected.get(module) ?? new Map<Version, IndexEntry>();
    selected.set(module, versions);
    if (versions.has(entry.version)) return false;
    versions.set(entry.version, entry);
    return true;
  }

  /** Many ask for the same, and one answer will do for all of them. */
  function enqueue(requirement: Requirement): void {
    const { module, requirement: version } = requirement.dependency;
    if (module !== toolchainModule && !satisfied.has(`${module} ${version}`)) queue.push(requirement);
  }

  async function drain(): Promise<void> {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const outcome = await satisfy(next, entriesOf, whyMissing);
      if (!('entry' in outcome)) {
        unsatisfied.set(JSON.stringify(outcome), outcome);
        continue;
      }
      satisfied.add(`${next.dependency.module} ${next.dependency.requirement}`);
      const { module, entry } = outcome;
      if (select(module, entry))
        for (const requirement of requirementsOf(module, entry)) enqueue(requirement);
    }
  }

  for (const [module, entries] of roots) for (const entry of entries) select(module, entry);
  // Root by root: what all of them require together would fill the memory.
  for (const [module, entries] of roots) {
    for (const entry of entries)
      for (const requirement of requirementsOf(module, entry)) enqueue(requirement);
    await drain();
  }
  return { selected, unsatisfied: [...unsatisfied.values()] };
}

function requirementsOf(module: ModuleName, entry: IndexEntry): Requirement[] {
  const requiredBy = `${module}@${entry.version}`;
  return [...entry.dependencies, ...entry.binDependencies].map((dependency) => ({ dependency, requiredBy }));
}

/**
 * What one project builds with: of the versions its requirements reach, the highest in each compatibility set
 * (moon-protocol §10); binary dependencies count for the project itself only.
 */
export async function selectForProject(
  requirements: readonly Requirement[],
  entriesOf: EntriesOf,
  whyMissing: WhyMissing = missing,
): Promise<Closure> {
  const unsatisfied = new Map<string, Unsatisfied>();
  const reached = new Map<ModuleName, Map<Version, IndexEntry>>();
  const queue = [...requirements];
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (next.dependency.module === toolchainModule) continue;
    const outcome = await satisfy(next, entriesOf, whyMissing);
    if (!('entry' in outcome)) {
      unsatisfied.set(JSON.stringify(outcome), outcome);
      continue;
    }
    const { module, entry } = outcome;
    const versions = reached.get(module) ?? new Map<Version, IndexEntry>();
    reached.set(module, versions);
    if (versions.has(entry.version)) continue;
    versions.set(entry.version, entry);
    const requiredBy = `${module}@${entry.version}`;
    queue.push(...entry.dependencies.map((dependency) => ({ dependency, requiredBy })));
  }
  const selected = new Map([...reached].map(([module, versions]) => [module, highestPerSet(versions)]));
  return { selected, unsatisfied: [...unsatisfied.values()] };
}

function highestPerSet(versions: ReadonlyMap<Version, IndexEntry>): Map<Version, IndexEntry> {
  const highest = new Map<string, IndexEntry>();
  for (const entry of versions.values()) {
    const set = compatibilitySet(entry.version);
    const best = highest.get(set);
    if (!best || compareVersions(entry.version, best.version) > 0) highest.set(set, entry);
  }
  return new Map([...highest.values()].map((entry) => [entry.version, entry]));
}

async function satisfy(
  { dependency, requiredBy }: Requirement,
  entriesOf: EntriesOf,
  whyMissing: WhyMissing,
): Promise<{ readonly module: ModuleName; readonly entry: IndexEntry } | Unsatisfied> {
  const { module, requirement, written } = dependency;
  const fail = (why: Pick<Unsatisfied, 'kind' | 'reason'>): Unsatisfied => ({
    module,
    requirement: requirement ?? written,
    requiredBy,
    ...why,
  });
  const impossible = (reason: string) => fail({ kind: 'impossible', reason });
  if (!isModuleName(module)) return impossible('not a module name');
  if (requirement === undefined) return impossible('not a version: no client can resolve it from a registry');
  const entries = await entriesOf(module);
  if (!entries) return fail(await whyMissing(module, requirement, false));
  const byVersion = new Map(entries.map((entry) => [entry.version, entry]));
  const version = selectVersion(requirement, byVersion.keys());
  const entry = version === undefined ? undefined : byVersion.get(version);
  return entry ? { module, entry } : fail(await whyMissing(module, requirement, true));
}
