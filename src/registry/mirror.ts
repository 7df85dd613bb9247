import pLimit, { type LimitFunction } from 'p-limit';
import pMap from 'p-map';
import type { ArchiveStore } from '../archives/archive-store.ts';
import { defaultMaxConcurrency } from '../config/presets.ts';
import { UsageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import type { IndexEntry } from '../model/index-entry.ts';
import { detailOf, type Lookup } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import { linkSignals } from '../support/link-signals.ts';
import { type Closure, closeOverDependencies, selectForProject } from './dependency-closure.ts';
import { type FetchContext, type FetchedArchive, fetchArchive } from './fetch-archive.ts';
import { createListings, listCandidates } from './find-suppliers.ts';
import {
  choosePatterns,
  chooseSource,
  readProject,
  type Selection,
  selectByPatterns,
} from './mirror-selection.ts';
import { type Mirrored, readMirrored, requestKey, selectionKey, writeMirrored } from './mirrored.ts';
import { findAllFacts } from './module-facts.ts';
import type { MirrorOptions, MirrorReport, MirrorSourceSummary } from './reports.ts';
import { createResolver, type Resolver } from './resolve-module.ts';
import { aggregate, type SyncContext, type SyncResult, syncRegistry } from './sync.ts';

/** Archives that are checked and written to disk while others are on their way. */
const writesBesides = 16;

/** One archive to be had. */
interface Wanted {
  readonly module: ModuleName;
  readonly origin: string;
  /** The source that is asked first. */
  readonly supplier: string;
  readonly entry: IndexEntry;
}

interface Outcome {
  readonly wanted: Wanted;
  readonly result: 'present' | 'not-tried' | Lookup<FetchedArchive>;
}

/**
 * Copies archives ahead of time. What was interrupted, has failed or was published since is completed by running
 * it again: only what is not in the store is fetched. Archives become durable before an index that needs them
 * names them (rule 6).
 */
export async function mirror(context: SyncContext, options: MirrorOptions): Promise<MirrorReport> {
  const { dryRun = false, onProgress, signal } = options;
  if (
    options.from !== undefined &&
    (options.patterns.length > 0 || options.full || options.source !== undefined)
  )
    throw new UsageError(
      '--from takes exactly what the project needs: leave out patterns, --full and --source',
    );
  if (options.from === undefined) {
    chooseSource(context.config, options.source);
    choosePatterns(options, context.config);
  }
  onProgress?.({ phase: 'refreshing', done: 0, total: 0, bytes: 0 });
  // Looked for while the source is asked, since both are mostly waiting.
  const [synced, complete] = await Promise.all([
    syncRegistry(context, { dryRun, signal }),
    // What is the matter there is told by whoever goes on to fetch.
    findComplete(context, options).catch(() => undefined),
  ]);
  const key = selectionKey(synced, options);
  if (complete !== undefined && complete.key === key) return reportComplete(complete, synced, dryRun);
  const { resolver, selection, closure } = await select(context, synced, options);
  const wanted = await listWanted(resolver, closure);
  const outcomes = await fetchAll(context, resolver, wanted, options);
  const fetched = outcomes.filter(({ result }) => typeof result === 'object' && result.kind === 'found');
  const final = await relist(context, synced, [...new Set(wanted.map(({ module }) => module))], options);
  onProgress?.({ phase: 'aggregating', done: fetched.length, total: fetched.length, bytes: 0 });
  const request = requestKey(context.config, options);
  if (request !== undefined && key !== undefined && !dryRun)
    await remember(context, { request, key }, selection, closure, outcomes);
  return {
    dryRun,
    refresh: synced.report.sources,
    sources: summarise(outcomes),
    skipped: selection.skipped,
    failed: outcomes.flatMap(describeFailure),
    unsatisfied: closure.unsatisfied,
    findings: final.report.findings,
  };
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
  { sources, skipped, unsatisfied }: Mirrored,
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
    skipped,
    failed: [],
    unsatisfied,
    findings: report.findings,
  };
}

async function remember(
  { config, log }: SyncContext,
  keys: Pick<Mirrored, 'request' | 'key'>,
  { skipped }: Selection,
  { unsatisfied }: Closure,
  outcomes: readonly Outcome[],
): Promise<void> {
  const isHere = ({ result }: Outcome) =>
    result === 'present' || (typeof result === 'object' && result.kind === 'found');
  if (!outcomes.every(isHere)) return;
  const checksums = [...new Set(outcomes.map(({ wanted }) => wanted.entry.checksum))];
  const sources = summarise(outcomes).map(({ source, modules, versions }) => ({ source, modules, versions }));
  try {
    await writeMirrored(config, { ...keys, sources, skipped, unsatisfied, checksums });
  } catch (error) {
    log.debug('mirrored.txt was not written, so the next mirroring takes longer', { error });
  }
}

async function select(
  context: SyncContext,
  { state, snapshots, config, report, current }: SyncResult,
  options: MirrorOptions,
) {
  const { index, archives } = context;
  const whole = await findAllFacts(index, state, snapshots);
  const resolver = createResolver({ index, archives, config, state, snapshots, current, facts: whole });
  const entriesOf = async (module: ModuleName, roots?: Selection['roots']) => {
    const entries = roots?.get(module) ?? (await resolver.resolve(module)).entries;
    return entries.length > 0 ? entries : undefined;
  };
  const none: Selection = { roots: new Map(), skipped: [] };
  if (options.from !== undefined) {
    const closure = await selectForProject(await readProject(options.from), (module) => entriesOf(module));
    return { resolver, selection: none, closure };
  }
  const source = chooseSource(config, options.source);
  const patterns = choosePatterns(options, config);
  const selection = await selectByPatterns(patterns, source, options, whole, resolver, report.sources);
  // Roots have been read, more of them than a resolver remembers; with --latest they lack other versions.
  const read = options.latest ? undefined : selection.roots;
  const closure: Closure = options.strict
    ? { selected: indexByVersion(selection), unsatisfied: [] }
    : await closeOverDependencies(selection.roots, (module) => entriesOf(module, read));
  return { resolver, selection, closure };
}

function indexByVersion(selection: Selection): Closure['selected'] {
  const byVersion = (entries: readonly IndexEntry[]) =>
    new Map(entries.map((entry) => [entry.version, entry]));
  return new Map([...selection.roots].map(([module, entries]) => [module, byVersion(entries)]));
}

async function listWanted(resolver: Resolver, closure: Closure): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const [module, entries] of closure.selected) {
    const { decision, facts } = await resolver.locate(module);
    const origin = decision.origin ?? '';
    const [supplier = origin] = listCandidates(facts, resolver.policy);
    for (const entry of entries.values()) wanted.push({ module, origin, supplier, entry });
  }
  return wanted;
}

/** Each source's archives beside those of the others: one that is slow, or hangs, delays nothing but its own. */
async function fetchAll(
  context: SyncContext,
  resolver: Resolver,
  wanted: readonly Wanted[],
  { jobs = defaultMaxConcurrency, dryRun, signal, onProgress }: MirrorOptions,
): Promise<Outcome[]> {
  const fetching = {
    ...context,
    network: createNetwork(jobs, context.sources),
    listings: createListings(context.index, resolver.policy),
  };
  const progress = { done: 0, bytes: 0 };
  const report = () => onProgress?.({ phase: 'downloading', ...progress, total: wanted.length });
  report();
  const isHere = await createPresence(context.archives, wanted.length);
  const linked = linkSignals([signal]);
  const fetchIfMissing = async (one: Wanted): Promise<Outcome> => {
    linked.signal.throwIfAborted();
    const result: Outcome['result'] = (await isHere(one.entry.checksum))
      ? 'present'
      : dryRun
        ? 'not-tried'
        : await fetchOne(fetching, resolver, one, linked.signal);
    progress.done += 1;
    if (typeof result === 'object' && result.kind === 'found') {
      progress.bytes += result.value.sizeBytes;
      context.log.debug('fetched', { module: one.module, version: one.entry.version, ...result.value });
    }
    report();
    return { wanted: one, result };
  };
  const outcomes = new Map<Wanted, Outcome>();
  const fetchGroup = (group: readonly Wanted[]) =>
    pMap(group, async (one) => outcomes.set(one, await fetchIfMissing(one)), {
      concurrency: jobs + writesBesides,
    }).catch((error: unknown) => {
      linked.abort(error);
      throw error;
    });
  try {
    await Promise.all(groupBySupplier(wanted).map(fetchGroup));
  } finally {
    linked.unlink();
  }
  return wanted.flatMap((one) => outcomes.get(one) ?? []);
}

function groupBySupplier(wanted: readonly Wanted[]): Wanted[][] {
  const groups = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const group = groups.get(one.supplier) ?? [];
    groups.set(one.supplier, group);
    group.push(one);
  }
  return [...groups.values()];
}

/** Of each source no more than it may be asked at once, so that nothing of ours waits in its queue. */
function createNetwork(jobs: number, sources: SyncContext['sources']): (source: string) => LimitFunction {
  const limits = new Map<string, LimitFunction>();
  return (source) => {
    const limit =
      limits.get(source) ?? pLimit(Math.min(jobs, sources.get(source)?.config.maxConcurrency ?? jobs));
    limits.set(source, limit);
    return limit;
  };
}

/** Beyond this many questions, listing the whole store is cheaper than looking for each archive. */
const manyArchives = 500;

export async function createPresence(
  archives: ArchiveStore,
  questions: number,
): Promise<(checksum: Checksum) => boolean | Promise<boolean>> {
  if (questions < manyArchives) return (checksum) => archives.has(checksum);
  const here = new Set<Checksum>();
  for await (const checksums of archives.names()) for (const checksum of checksums) here.add(checksum);
  return (checksum) => here.has(checksum);
}

async function fetchOne(
  context: FetchContext,
  resolver: Resolver,
  { module, origin, entry }: Wanted,
  signal: AbortSignal | undefined,
): Promise<Outcome['result']> {
  const { facts } = await resolver.locate(module);
  const archive = { module, version: entry.version, checksum: entry.checksum };
  return fetchArchive(archive, facts, resolver.policy, origin, context, signal);
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

function summarise(outcomes: readonly Outcome[]): MirrorSourceSummary[] {
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

function describeFailure({ wanted, result }: Outcome): MirrorReport['failed'][number][] {
  if (typeof result === 'string' || result.kind === 'found') return [];
  const reason = detailOf(result);
  return [{ module: wanted.module, version: wanted.entry.version, source: wanted.origin, reason }];
}
