import pMap from 'p-map';
import type { Config } from '../../config/config.ts';
import { noSuchSource } from '../../config/find-source.ts';
import { NotFoundError, UnavailableError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { isAboutCredentials } from '../../model/lookup.ts';
import {
  anySource,
  decidesNames,
  formatMirrorPattern,
  isTarget,
  type MirrorTarget,
} from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesPattern } from '../../model/pattern.ts';
import { latestVersion } from '../../model/version.ts';
import { suggest } from '../../support/suggest.ts';
import type { WholeIndex } from '../sync/find-facts.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import type { SourceRefresh } from '../sync/source-refresh.ts';
import type { Naming } from './decide-mirrored.ts';
import { listModules } from './list-modules.ts';
import type { MirrorReport } from './mirror-report.ts';
import type { createNamingJudge } from './naming-judge.ts';
import { offerOf } from './offers.ts';

/** What the caller asked to mirror, before dependencies. */
export interface Selection {
  /** By the source that was asked for them. */
  readonly roots: ReadonlyMap<string, ReadonlyMap<ModuleName, readonly IndexEntry[]>>;
  readonly skipped: MirrorReport['skipped'];
  /** Undecided names among the roots, which this mirroring decides. */
  readonly namings: readonly Naming[];
}

export interface MatchContext {
  readonly config: Config;
  readonly whole: WholeIndex;
  readonly refresh: readonly SourceRefresh[];
  /** Whether what matches nothing is told, and stops nobody; else it throws. */
  readonly isLenient: boolean;
}

export interface TakingContext {
  readonly index: GitIndex;
  readonly resolver: Resolver;
  readonly judge: ReturnType<typeof createNamingJudge>;
  /** Only the latest version of what matches. */
  readonly isLatestOnly: boolean;
}

/** How many modules are read at a time: bounds memory, and keeps git's pipe full. */
const concurrency = 512;

/** What targets match of what their sources list. */
export interface Matches {
  readonly byTarget: ReadonlyMap<MirrorTarget, readonly ModuleName[]>;
  readonly unmatched: MirrorReport['unmatched'];
}

/** Looks only at names, so that what was mistyped is found before anything is done. */
export async function matchTargets(
  targets: readonly MirrorTarget[],
  context: MatchContext,
): Promise<Matches> {
  const byTarget = new Map<MirrorTarget, readonly ModuleName[]>();
  const unmatched: MirrorReport['unmatched'][number][] = [];
  for (const [source, group] of groupBySource(targets)) {
    const listed = await listUsable(source, context);
    const modules = 'problem' in listed ? [] : listed.modules;
    for (const target of group) {
      const matching = modules.filter((module) => isTarget(target, module));
      byTarget.set(target, matching);
      if (matching.length > 0) continue;
      const problem = 'problem' in listed ? listed.problem : await noMatch(target, modules, context);
      if (!context.isLenient) throw problem;
      const { message: reason, hint } = problem;
      unmatched.push({ source, pattern: formatMirrorPattern(target), reason, hint });
    }
  }
  return { byTarget, unmatched };
}

/** What is taken of what the targets match: the versions of each module, by the source that was asked for it. */
export async function takeMatches({ byTarget }: Matches, context: TakingContext): Promise<Selection> {
  const roots = new Map<string, Map<ModuleName, readonly IndexEntry[]>>();
  const skipped = new Map<ModuleName, MirrorReport['skipped'][number]>();
  const namings: Naming[] = [];
  for (const [target, matching] of byTarget) {
    const take = (module: ModuleName) => takeFrom(target, module, context);
    for (const taken of await pMap(matching, take, { concurrency })) {
      if ('skipped' in taken) {
        skipped.set(taken.skipped.module, taken.skipped);
        continue;
      }
      if (taken.isNamed) namings.push({ module: taken.module, target });
      const group = roots.get(target.source) ?? new Map<ModuleName, readonly IndexEntry[]>();
      roots.set(target.source, group);
      const before = group.get(taken.module);
      group.set(taken.module, before ? [...new Set([...before, ...taken.entries])] : taken.entries);
    }
  }
  for (const group of roots.values()) for (const module of group.keys()) skipped.delete(module);
  return { roots, skipped: [...skipped.values()], namings };
}

function groupBySource(targets: readonly MirrorTarget[]): Map<string, MirrorTarget[]> {
  const groups = new Map<string, MirrorTarget[]>();
  for (const target of targets) groups.set(target.source, [...(groups.get(target.source) ?? []), target]);
  return groups;
}

type Problem = NotFoundError | UnavailableError;

/** What can be matched of a source that is there and has been read. */
async function listUsable(
  source: string,
  { config, refresh, whole }: MatchContext,
): Promise<{ readonly modules: readonly ModuleName[] } | { readonly problem: Problem }> {
  if (source !== anySource) {
    const settings = config.sources.find(({ name }) => name === source);
    if (!settings)
      return {
        problem: noSuchSource(
          source,
          config.sources.map(({ name }) => name),
        ),
      };
    const hint = `moonbit-registry source enable ${source}`;
    if (!settings.enabled) return { problem: new NotFoundError(`source "${source}" is disabled`, { hint }) };
    const reading = refresh.find((candidate) => candidate.source === source);
    if (reading?.outcome === 'never-read')
      return {
        problem: new UnavailableError(
          `cannot read the index of source "${source}": ${reading.detail ?? ''}`,
          isAboutCredentials(reading.reason) ? {} : { hint: `run "moonbit-registry source check ${source}"` },
        ),
      };
  }
  return { modules: await listModules(source, whole) };
}

type Taken =
  | {
      readonly module: ModuleName;
      readonly entries: readonly IndexEntry[];
      /** Undecided so far, and given to the source by being mirrored. */
      readonly isNamed: boolean;
    }
  | { readonly skipped: MirrorReport['skipped'][number] };

/** What the target takes of a module that it matches: what is served of it, or, while that is undecided, what its source lists. */
async function takeFrom(
  target: MirrorTarget,
  module: ModuleName,
  { resolver, index, judge, isLatestOnly }: TakingContext,
): Promise<Taken> {
  const { decision, entries } = await resolver.resolve(module);
  const { source, version } = target;
  const { origin } = decision;
  const skip = (kind: MirrorReport['skipped'][number]['kind'], reason: string): Taken => ({
    skipped: { module, origin, kind, reason },
  });
  const choose = (all: readonly IndexEntry[], isNamed = false): Taken => {
    const chosen = version === undefined ? all : all.filter((entry) => entry.version === version);
    if (chosen.length === 0 && version !== undefined)
      return skip('no-version', `there is no version ${version} of it`);
    return { module, isNamed, entries: isLatestOnly ? latestOf(chosen) : chosen };
  };
  if (origin !== undefined && (origin === source || source === anySource)) return choose(entries);
  if (origin !== undefined) return skip('other-origin', `served from "${origin}"`);
  if (decision.rule !== 'undecided' || source === anySource)
    return skip('undecided', 'nobody has decided yet where it comes from');
  if (decidesNames(target)) {
    const verdict = await judge(module, source);
    return 'problem' in verdict ? skip('contradicted', verdict.problem) : choose(verdict.entries, true);
  }
  const offer = await offerOf(module, source, resolver, index);
  if (offer.kind === 'offered') return choose(offer.entries);
  if (offer.kind === 'contradicted') return skip('contradicted', offer.reason);
  return skip('undecided', 'nobody has decided yet where it comes from');
}

function latestOf(entries: readonly IndexEntry[]): IndexEntry[] {
  const latest = latestVersion(entries.map((entry) => entry.version));
  return entries.filter((entry) => entry.version === latest);
}

/** Says what there is instead, and which other source would have it. */
async function noMatch(
  target: MirrorTarget,
  listed: readonly ModuleName[],
  context: MatchContext,
): Promise<NotFoundError> {
  const owners = [...new Set(listed.map((module) => module.slice(0, module.indexOf('/'))))].sort();
  const some = owners.length > 8 ? `${owners.slice(0, 8).join(', ')}, …` : owners.join(', ');
  const pattern = formatMirrorPattern(target);
  const number = `${listed.length} ${listed.length === 1 ? 'module' : 'modules'}`;
  const where =
    target.source === anySource
      ? `of the ${number} of all sources`
      : `of the ${number} of source "${target.source}"`;
  return new NotFoundError(`"${pattern}" matches none ${where} (owners: ${some || 'none'})`, {
    hint: await adviceFor(target, listed, context),
  });
}

async function adviceFor(
  target: MirrorTarget,
  listed: readonly ModuleName[],
  { config, whole }: MatchContext,
): Promise<string> {
  const pattern = formatMirrorPattern(target);
  for (const { name, enabled } of config.sources) {
    if (!enabled || name === target.source || target.source === anySource) continue;
    const isListed = (await listModules(name, whole)).some((module) =>
      matchesPattern(target.pattern, module),
    );
    if (isListed) return `source "${name}" has it: moonbit-registry mirror -s ${name} "${pattern}"`;
  }
  const guess = target.pattern.includes('*')
    ? nearestOwnerPattern(target.pattern, listed)
    : suggest(target.pattern, listed);
  return guess === undefined
    ? 'patterns match whole names, and "*" stands for any characters; --source chooses another source'
    : `did you mean "${guess}"?`;
}

/** The same pattern of the owner whose name was probably mistyped; of one that is right, what follows is wrong. */
function nearestOwnerPattern(pattern: string, listed: readonly ModuleName[]): string | undefined {
  const [owner = '', ...rest] = pattern.split('/');
  if (owner.includes('*')) return undefined;
  const owners = new Set(listed.map((module) => module.slice(0, module.indexOf('/'))));
  if (owners.has(owner)) return `${owner}/*`;
  const near = suggest(owner, owners);
  if (near === undefined) return undefined;
  const same = `${near}/${rest.join('/')}`;
  return listed.some((module) => matchesPattern(same, module)) ? same : `${near}/*`;
}
