import { ledgerFolder, readIndexPath, userFolder } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import { findBlock } from '../../model/block.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { anySource, isTarget, type MirrorTarget } from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { createResolver, type Resolver } from '../sync/resolve-module.ts';
import type { SyncContext, SyncResult } from '../sync/sync-context.ts';
import { closeSelection, type SourceClosure } from './close-selection.ts';
import type { MirrorOptions } from './mirror-options.ts';
import { type Selection, takeMatches } from './mirror-selection.ts';
import { chooseTargets } from './mirror-targets.ts';
import { footingKey, type Mirrored } from './mirrored.ts';
import { createNamingJudge } from './naming-judge.ts';
import { resolveInput } from './resolve-input.ts';
import type { Selected } from './selected.ts';

/** Modules are looked up one by one: of more than this, everything is listed instead. */
const maxModules = 2000;

/**
 * What is selected beyond what the last mirroring selected, from those modules alone whose files have changed since, and those of which
 * something is missing. `undefined` where more must be read to tell: where something was taken away, where rules or other
 * sources have changed, or where a module is concerned of which not every version is mirrored anyway.
 */
export async function selectGrowth(
  context: SyncContext,
  read: SyncResult,
  mirrored: Mirrored,
  options: MirrorOptions,
): Promise<Selected | undefined> {
  const { index } = context;
  const targets = chooseTargets(options, read.config);
  const isWhole = !options.latest && targets.every(({ version }) => version === undefined);
  const isOpen = mirrored.undecided.length > 0 || mirrored.unmatched.length > 0;
  if (!isWhole || isOpen || mirrored.footing !== footingKey(read, options)) return undefined;
  const base = await index.stateAt(mirrored.state);
  const changed = await findChanged(context, base, read);
  const uncertain = [...mirrored.beside, ...mirrored.unsatisfied.map(({ module }) => module as ModuleName)];
  if (!changed || uncertain.some((module) => changed.has(module))) return undefined;
  const modules = new Set([...changed, ...mirrored.missing.map(({ module }) => module)]);
  if (modules.size > maxModules) return undefined;
  const resolver = createResolver(resolveInput(context, read));
  const before = { ...read, state: base, snapshots: base.snapshots };
  const old = await takeRoots(
    modules,
    targets,
    before,
    context,
    createResolver(resolveInput(context, before)),
  );
  const now = await takeRoots(modules, targets, read, context, resolver);
  const fresh = old && now && findFresh(old, now, mirrored);
  if (!fresh || mirrored.missing.some((one) => ![...now.values()].some((group) => group.has(one.module))))
    return undefined;
  const { current, config } = read;
  const closing = { index, resolver, current, config, options, isWhole: false };
  const closures = await closeSelection(fresh, closing);
  if (!(await isWithin(closures, targets, resolver))) return undefined;
  return {
    ...{ resolver, namings: [], mirrored, isCounted: countedIn(old, mirrored, resolver) },
    ...{ skipped: mirrored.skipped, unmatched: mirrored.unmatched, beside: mirrored.beside },
    unsatisfied: mergeDistinct(
      mirrored.unsatisfied,
      closures.flatMap(({ unsatisfied }) => unsatisfied),
    ),
    closures: closures.map((closure) => ({ ...closure, selected: onlyRoots(closure, fresh) })),
  };
}

type Planned = Pick<SyncResult, 'state' | 'snapshots' | 'config' | 'current'>;

/** Modules of which a source, the ledger or the served index has another file than before; `undefined` where there is nothing to compare with. */
async function findChanged(
  { index }: SyncContext,
  base: StateView,
  { state, snapshots }: SyncResult,
): Promise<Set<ModuleName> | undefined> {
  const treesBefore = new Map(base.snapshots.map(({ source, tree }) => [source, tree]));
  const pairs: [string | undefined, string][] = [
    [base.served, state.served],
    [`${base.commit}:${ledgerFolder}`, `${state.commit}:${ledgerFolder}`],
    ...snapshots.map(({ source, tree }): [string | undefined, string] => [treesBefore.get(source), tree]),
  ];
  const changed = new Set<ModuleName>();
  for (const [from, to] of pairs) {
    if (from === undefined) return undefined;
    if (from === to) continue;
    for (const path of (await index.diff(from, to)).keys()) {
      // In the ledger, the folder of an origin comes first.
      const target = readIndexPath(path.slice(path.indexOf(`${userFolder}/`)));
      if (target.kind === 'module') changed.add(target.module);
    }
  }
  return changed;
}

type Roots = Selection['roots'];

/** What the targets take of these modules; `undefined` where of one of them it is more than every version, or none. */
async function takeRoots(
  modules: ReadonlySet<ModuleName>,
  targets: readonly MirrorTarget[],
  { state, current }: Planned,
  { index }: SyncContext,
  resolver: Resolver,
): Promise<Roots | undefined> {
  const byTarget = new Map<MirrorTarget, ModuleName[]>(targets.map((target) => [target, []]));
  for (const module of modules) {
    const { facts } = await resolver.locate(module);
    for (const [target, matching] of byTarget) {
      const isListed =
        target.source === anySource
          ? facts.listings.size > 0 || facts.recorded !== undefined || facts.served !== undefined
          : facts.listings.has(target.source);
      if (isListed && isTarget(target, module)) matching.push(module);
    }
  }
  const judge = createNamingJudge({ index, state, resolver, current });
  const taken = await takeMatches(
    { byTarget, unmatched: [] },
    { index, resolver, judge, isLatestOnly: false },
  );
  return taken.skipped.length > 0 || taken.namings.length > 0 ? undefined : taken.roots;
}

/** What there is beyond what there was, or what was missing then; `undefined` where something is not as it was. */
function findFresh(old: Roots, now: Roots, { missing }: Mirrored): Roots | undefined {
  for (const [source, modules] of old)
    for (const [module, entries] of modules) {
      const after = now.get(source)?.get(module) ?? [];
      if (!entries.every((entry) => after.some((other) => isSame(entry, other)))) return undefined;
    }
  const isMissing = (module: ModuleName, { version }: IndexEntry) =>
    missing.some((one) => one.module === module && one.version === version);
  return new Map(
    [...now].map(([source, modules]) => [
      source,
      new Map(
        [...modules].map(([module, entries]) => {
          const before = new Set(
            old
              .get(source)
              ?.get(module)
              ?.map(({ version }) => version),
          );
          return [module, entries.filter((one) => !before.has(one.version) || isMissing(module, one))];
        }),
      ),
    ]),
  );
}

function isSame(one: IndexEntry, other: IndexEntry): boolean {
  return (
    one.version === other.version &&
    one.checksum === other.checksum &&
    one.requirements === other.requirements
  );
}

/** Whether all that is selected is of modules of which every version is mirrored: then nothing is new of it but the roots themselves. */
async function isWithin(
  closures: readonly SourceClosure[],
  targets: readonly MirrorTarget[],
  resolver: Resolver,
): Promise<boolean> {
  for (const { selected } of closures)
    for (const module of selected.keys()) {
      const { origin } = (await resolver.locate(module)).decision;
      const isRoot = targets.some(
        (target) =>
          isTarget(target, module) &&
          origin !== undefined &&
          (target.source === anySource || target.source === origin),
      );
      if (!isRoot) return false;
    }
  return true;
}

function onlyRoots({ source, selected }: SourceClosure, fresh: Roots): SourceClosure['selected'] {
  const roots = fresh.get(source ?? anySource);
  return new Map(
    [...selected].flatMap(([module, entries]) => {
      const versions = new Set(roots?.get(module)?.map(({ version }) => version));
      const own = new Map([...entries].filter(([version]) => versions.has(version)));
      return own.size > 0 ? [[module, own] as const] : [];
    }),
  );
}

/** Tells modules that the last mirroring has counted already. */
function countedIn(old: Roots, { missing }: Mirrored, { policy }: Resolver): (module: ModuleName) => boolean {
  const known = new Set<ModuleName>();
  for (const modules of old.values())
    for (const [module, entries] of modules) {
      const isHere = ({ version }: IndexEntry) =>
        findBlock(policy.blocked, module, version) === undefined &&
        !missing.some((one) => one.module === module && one.version === version);
      if (entries.some(isHere)) known.add(module);
    }
  return (module) => known.has(module);
}

function mergeDistinct<T>(before: readonly T[], added: readonly T[]): T[] {
  return [...new Map([...before, ...added].map((one) => [JSON.stringify(one), one])).values()];
}
