import type { Config } from '../../config/config.ts';
import { UsageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { findBlock } from '../../model/block.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { anySource } from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { listCandidates } from '../deliver/find-suppliers.ts';
import { createPresence } from '../deliver/presence.ts';
import { findAllFacts } from '../sync/find-facts.ts';
import { createResolver, type Resolver } from '../sync/resolve-module.ts';
import { aggregate, type SyncContext, type SyncResult, syncRegistry } from '../sync/sync.ts';
import { decideMirrored, type Naming } from './decide-mirrored.ts';
import { type Closure, closeOverDependencies, selectForProject } from './dependency-closure.ts';
import { fetchAll, type Outcome, type Wanted } from './fetch-many.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { MirrorReport } from './mirror-report.ts';
import { matchTargets, type Selection, takeMatches } from './mirror-selection.ts';
import { describeFailure, listMissing, summarise, summariseUndecided } from './mirror-summary.ts';
import { chooseTargets, isFromSettings } from './mirror-targets.ts';
import { type Mirrored, readMirrored, requestKey, selectionKey, writeMirrored } from './mirrored.ts';
import { createWhyMissing } from './missing-dependency.ts';
import { createNamingJudge } from './naming-judge.ts';
import { offerOf } from './offers.ts';
import { readProject } from './project-requirements.ts';

/**
 * Copies archives ahead of time. What was interrupted, has failed or was published since is completed by running
 * it again: only what is not in the store is fetched. Archives become durable before an index that needs them
 * names them (rule 6). Undecided names that are mirrored by name are decided by it (rule 4); of others the archives
 * are fetched all the same, since bytes are no names.
 */
export async function mirror(
  context: SyncContext,
  options: MirrorOptions,
  by: string,
): Promise<MirrorReport> {
  const { dryRun = false, onProgress, signal } = options;
  if (
    options.from !== undefined &&
    (options.patterns.length > 0 || options.full || options.source !== undefined)
  )
    throw new UsageError(
      '--from takes exactly what the project needs: leave out patterns, --full and --source',
    );
  // What was typed wrong is told before a source is asked.
  chooseTargets(options, context.config);
  onProgress?.({ phase: 'refreshing', done: 0, total: 0, bytes: 0 });
  // Looked for while the source is asked, since both are mostly waiting.
  const [read, complete] = await Promise.all([
    syncRegistry(context, { dryRun, signal }),
    // What is the matter there is told by whoever goes on to fetch.
    findComplete(context, options).catch(() => undefined),
  ]);
  if (complete !== undefined && complete.key === selectionKey(read, options))
    return reportComplete(complete, read, dryRun);
  const selected = await select(context, read, options);
  const { resolver, namings, skipped, unmatched } = selected;
  const { wanted, blocked } = withoutBlocked(await listWanted(resolver, selected.closures), resolver);
  const outcomes = await fetchAll(context, resolver, wanted, options);
  const fetched = outcomes.filter(isFetched);
  onProgress?.({ phase: 'aggregating', done: fetched.length, total: fetched.length, bytes: 0 });
  // Bytes first: no name is given to a source that had none of them.
  const { named, decided } = dryRun
    ? { named: read, decided: namings }
    : await decideMirrored(context, read, onlyDelivered(namings, outcomes), by, signal);
  const modules = new Set(wanted.map(({ module }) => module));
  const final = await relist(context, named, [...modules], options);
  const found = {
    skipped,
    unmatched,
    blocked,
    unsatisfied: selected.closures.flatMap(({ unsatisfied }) => unsatisfied),
    undecided: summariseUndecided(outcomes, new Set(decided.map(({ module }) => module))),
  };
  const request = requestKey(context.config, options);
  const key = selectionKey(named, options);
  if (request !== undefined && key !== undefined && !dryRun)
    await remember(context, { request, key }, found, outcomes);
  return {
    dryRun,
    refresh: read.report.sources,
    sources: summarise(outcomes),
    ...found,
    decided: decided.map(({ module, target }) => ({ module, source: target.source })),
    toDownload: dryRun ? listMissing(outcomes) : [],
    failed: outcomes.flatMap(describeFailure),
    findings: final.report.findings,
    heldBack: final.report.heldBack,
  };
}

/** Those of which an archive is here. */
function onlyDelivered(namings: readonly Naming[], outcomes: readonly Outcome[]): Naming[] {
  const delivered = new Set(outcomes.filter(isHere).map(({ wanted }) => wanted.module));
  return namings.filter(({ module }) => delivered.has(module));
}

function isHere(outcome: Outcome): boolean {
  return outcome.result === 'present' || isFetched(outcome);
}

function isFetched({ result }: Outcome): boolean {
  return typeof result === 'object' && result.kind === 'found';
}

/** The last mirroring, if it asked for the same and nothing of it is missing. */
async function findComplete(
  { archives, config }: SyncContext,
  options: MirrorOptions,
): Promise<Mirrored | undefined> {
  const request = requestKey(config, options);
  const mirrored = request === undefined ? undefined : await readMirrored(config, request);
  if (!mirrored) return undefined;
  const isHere = await createPresence(archives, mirrored.checksums.length);
  for (const checksum of mirrored.checksums) if (!(await isHere(checksum))) return undefined;
  return mirrored;
}

function reportComplete(
  { sources, skipped, unmatched, blocked, undecided, unsatisfied }: Mirrored,
  { report }: SyncResult,
  dryRun: boolean,
): MirrorReport {
  return {
    dryRun,
    refresh: report.sources,
    sources: sources.map(({ source, modules, versions }) => ({
      ...{ source, modules, versions, present: versions },
      ...{ downloaded: 0, failed: 0, bytes: 0 },
    })),
    ...{ skipped, unmatched, blocked, undecided, unsatisfied },
    decided: [],
    toDownload: [],
    failed: [],
    findings: report.findings,
    heldBack: report.heldBack,
  };
}

async function remember(
  { config, log }: SyncContext,
  keys: Pick<Mirrored, 'request' | 'key'>,
  found: Pick<Mirrored, 'skipped' | 'unmatched' | 'blocked' | 'undecided' | 'unsatisfied'>,
  outcomes: readonly Outcome[],
): Promise<void> {
  if (!outcomes.every(isHere)) return;
  const checksums = [...new Set(outcomes.map(({ wanted }) => wanted.entry.checksum))];
  const sources = summarise(outcomes).map(({ source, modules, versions }) => ({ source, modules, versions }));
  try {
    await writeMirrored(config, { ...keys, sources, ...found, checksums });
  } catch (error) {
    log.debug('mirrored.txt was not written, so the next mirroring takes longer', { error });
  }
}

/** What is to be had, by the source whose own listing stands for names that are undecided; `undefined` where none does. */
interface SourceClosure extends Closure {
  readonly source: string | undefined;
}

async function select(context: SyncContext, read: SyncResult, options: MirrorOptions) {
  const { index, archives } = context;
  const { snapshots, config, current } = read;
  const state = { ...read.state, snapshots };
  const now = context.now().toISOString();
  const targets = chooseTargets(options, config);
  const whole = await findAllFacts(index, state, snapshots);
  const isLenient = isFromSettings(options);
  const matches = await matchTargets(targets, { config, whole, refresh: read.report.sources, isLenient });
  const resolver = createResolver({ index, archives, config, state, current, now, facts: whole });
  const isLatestOnly = options.latest === true;
  const isWhole = !isLatestOnly && targets.every(({ version }) => version === undefined);
  const judge = createNamingJudge({ index, state, resolver, current });
  const selection = await takeMatches(matches, { index, resolver, judge, isLatestOnly });
  return {
    resolver,
    namings: selection.namings,
    skipped: selection.skipped,
    unmatched: matches.unmatched,
    closures: await closeSelection(selection, { index, resolver, current, config, options, isWhole }),
  };
}

interface ClosingContext {
  readonly index: GitIndex;
  readonly resolver: Resolver;
  readonly current: ReadonlySet<string>;
  readonly config: Config;
  readonly options: MirrorOptions;
  /** Whether all versions of the roots are among them. */
  readonly isWhole: boolean;
}

async function closeSelection(
  { roots }: Selection,
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

async function listWanted(resolver: Resolver, closures: readonly SourceClosure[]): Promise<Wanted[]> {
  const wanted = new Map<string, Wanted>();
  for (const { source, selected } of closures)
    for (const [module, entries] of selected) {
      const { decision, facts } = await resolver.locate(module);
      const isUndecided = decision.origin === undefined;
      const origin = decision.origin ?? source ?? '';
      const [supplier = origin] = listCandidates(facts, resolver.policy);
      for (const entry of entries.values())
        wanted.set(`${module} ${entry.version} ${entry.checksum}`, {
          ...{ module, origin, isUndecided, supplier, entry },
        });
    }
  return [...wanted.values()];
}

/** What is refused to everybody is not copied for anybody. */
function withoutBlocked(
  selected: readonly Wanted[],
  { policy }: Resolver,
): { readonly wanted: readonly Wanted[]; readonly blocked: MirrorReport['blocked'] } {
  const isBlocked = ({ module, entry }: Wanted) =>
    findBlock(policy.blocked, module, entry.version) !== undefined;
  return {
    wanted: selected.filter((one) => !isBlocked(one)),
    blocked: selected.filter(isBlocked).map(({ module, entry }) => ({ module, version: entry.version })),
  };
}

/** Where the index lists only what is cached, what has just arrived (or was here all along) is listed now. */
async function relist(
  context: SyncContext,
  synced: SyncResult,
  modules: readonly ModuleName[],
  { dryRun, signal }: MirrorOptions,
): Promise<SyncResult> {
  if (dryRun || synced.config.server.upstreamFallback) return synced;
  return aggregate(context, { touched: modules, signal });
}
