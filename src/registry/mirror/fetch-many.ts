import pLimit, { type LimitFunction } from 'p-limit';
import pMap from 'p-map';
import { defaultMaxConcurrency } from '../../config/max-concurrency.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { Lookup } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { linkSignals } from '../../support/flow/link-signals.ts';
import { type FetchedArchive, fetchArchive, intoStore } from '../deliver/fetch-archive.ts';
import { createListings, type WantedArchive } from '../deliver/find-suppliers.ts';
import { createPresence } from '../deliver/presence.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import type { MirrorOptions } from './mirror-options.ts';

/** Archives that are checked and written to disk while others are on their way. */
const writesBesides = 16;

/** One archive to be had. */
export interface Wanted {
  readonly module: ModuleName;
  /** Where the module comes from; while that is undecided, the source whose own listing states the version. */
  readonly origin: string;
  readonly isUndecided: boolean;
  /** The source that is asked first. */
  readonly supplier: string;
  readonly entry: IndexEntry;
}

export interface Outcome {
  readonly wanted: Wanted;
  readonly result: 'present' | 'not-tried' | Lookup<FetchedArchive>;
}

/** Each source's archives beside those of the others: one that is slow, or hangs, delays nothing but its own. */
export async function fetchAll(
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
  const sink = intoStore(context.archives);
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
        : await fetchArchive(nameOf(one), resolver, sink, fetching, linked.signal);
    progress.done += 1;
    if (typeof result === 'object' && result.kind === 'found') {
      const { received, ...from } = result.value;
      progress.bytes += received.sizeBytes;
      context.log.debug('fetched', { module: one.module, version: one.entry.version, ...from, ...received });
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

function nameOf({ module, entry: { version, checksum } }: Wanted): WantedArchive {
  return { module, version, checksum };
}
