import { UsageError } from '../../errors.ts';
import { findBlock } from '../../model/block.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { listCandidates } from '../deliver/find-suppliers.ts';
import { aggregate } from '../sync/aggregate.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { syncRegistry } from '../sync/sync.ts';
import type { SyncContext, SyncResult } from '../sync/sync-context.ts';
import { areAllHere } from './checksum-list.ts';
import type { SourceClosure } from './close-selection.ts';
import { decideMirrored, type Naming } from './decide-mirrored.ts';
import { fetchAll, type Outcome, type Wanted } from './fetch-many.ts';
import type { MirrorOptions } from './mirror-options.ts';
import type { MirrorReport } from './mirror-report.ts';
import { describeFailure, listMissing, summarise, summariseUndecided } from './mirror-summary.ts';
import { chooseTargets } from './mirror-targets.ts';
import {
  footingKey,
  type Mirrored,
  readMirrored,
  requestKey,
  selectionKey,
  writeMirrored,
} from './mirrored.ts';
import { select } from './select.ts';
import type { Selected } from './selected.ts';

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
  const [read, mirrored] = await Promise.all([
    syncRegistry(context, { dryRun, signal }),
    // What is the matter there is told by whoever goes on to fetch.
    findMirrored(context, options).catch(() => undefined),
  ]);
  const selected = await select(context, read, options, mirrored);
  const { resolver, namings } = selected;
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
  const { skipped, unmatched, unsatisfied, isCounted } = selected;
  const found = {
    ...{ skipped, unmatched, unsatisfied },
    blocked: [...(selected.mirrored?.blocked ?? []), ...blocked],
    undecided: [
      ...(selected.mirrored?.undecided ?? []),
      ...summariseUndecided(outcomes, new Set(decided.map(({ module }) => module))),
    ],
  };
  if (!dryRun) await remember(context, named, options, selected, found, outcomes);
  return {
    dryRun,
    refresh: read.report.sources,
    sources: summarise(outcomes, selected.mirrored?.sources, isCounted),
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

/** The last mirroring, if it asked for the same and all that it found is still here. */
async function findMirrored(
  { archives, config }: SyncContext,
  options: MirrorOptions,
): Promise<Mirrored | undefined> {
  const request = requestKey(config, options);
  const mirrored = request === undefined ? undefined : await readMirrored(config, request);
  return mirrored && (await areAllHere(mirrored.checksums, archives)) ? mirrored : undefined;
}

async function remember(
  { config, log }: SyncContext,
  named: SyncResult,
  options: MirrorOptions,
  { mirrored, beside, isCounted }: Selected,
  found: Pick<Mirrored, 'skipped' | 'unmatched' | 'blocked' | 'undecided' | 'unsatisfied'>,
  outcomes: readonly Outcome[],
): Promise<void> {
  const [request, footing] = [requestKey(config, options), footingKey(named, options)];
  const key = selectionKey(named, options);
  const here = outcomes.filter(isHere);
  const failed = outcomes.filter((outcome) => !isHere(outcome));
  const isSame = mirrored?.key === key && here.length === 0;
  if (request === undefined || footing === undefined || key === undefined || isSame) return;
  // Whether such a name is to be had may have changed before its files do.
  if (failed.some(({ wanted }) => wanted.isUndecided)) return;
  const checksums = here.map(({ wanted }) => wanted.entry.checksum);
  try {
    const record = {
      ...{ request, key, footing, state: named.state.commit },
      sources: summarise(here, mirrored?.sources, isCounted).map(({ source, modules, versions }) => ({
        ...{ source, modules, versions },
      })),
      ...{ ...found, beside },
      missing: failed.map(({ wanted: { module, entry } }) => ({ module, version: entry.version })),
      checksums: mirrored?.checksums ?? Buffer.alloc(0),
    };
    await writeMirrored(config, record, checksums);
  } catch (error) {
    log.debug('mirrored.txt was not written, so the next mirroring takes longer', { error });
  }
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
