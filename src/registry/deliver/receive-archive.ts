import { join } from 'node:path';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import { type CacheReserve, ReserveError } from '../../archives/cache-reserve.ts';
import type { PassingArchives } from '../../archives/passing-archives.ts';
import { pieceBytes } from '../../archives/pieces.ts';
import type { ReceivedArchive, WriteBehind } from '../../archives/write-behind.ts';
import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { detailOf, found, type Lookup, type Missed, unavailable } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Source } from '../../sources/source.ts';
import type { DiskWatch } from '../../support/disk/disk-watch.ts';
import { inTurn } from '../../support/disk/in-turn.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';
import { createSingleFlight } from '../../support/flow/single-flight.ts';
import type { Log } from '../../support/log.ts';
import type { Policy } from '../decide/policy.ts';
import type { Audit } from '../record/audit.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { type ArchiveSink, fetchArchive } from './fetch-archive.ts';
import { createListings, type Listings } from './find-suppliers.ts';

export interface ReceiverContext {
  readonly archives: ArchiveStore;
  readonly audit: Audit;
  readonly index: GitIndex;
  readonly log: Log;
  readonly settings: () => Config;
  readonly sources: () => ReadonlyMap<string, Source>;
  readonly resolver: () => Promise<Resolver>;
  /** For how long a slow source is waited for before another is asked, too. */
  readonly clock?: MonotonicClock | undefined;
  /** Whether the disk takes what is new. */
  readonly disk: DiskWatch;
  /** How much of it is for archives. */
  readonly reserve: CacheReserve;
  /** Where processes that serve the same registry exclude each other; `undefined` if this is the only one. */
  readonly lockFolder: string | undefined;
}

type Received = Lookup<ReceivedArchive>;

/** Fetches listed archives for whoever asks: one fetch for all who ask for the same at once, here and in other processes. */
export interface ArchiveReceiver {
  /** What was fetched and is not in the store, yet or at all. */
  find(checksum: Checksum): ReceivedArchive | undefined;
  /** Resolves when the archive is verified. The caller's going away does not end it: whoever comes next finds it done. */
  receive(module: ModuleName, entry: IndexEntry): Promise<Received>;
  /** An archive that was here has been taken out: it may be had again, also without upstream fallback. */
  expectRepair(checksum: Checksum): void;
}

/** Where an archive goes that has just been fetched. */
export interface ReceivingPlaces {
  readonly behind: WriteBehind;
  /** What the disk has no room for. */
  readonly passing: PassingArchives;
  /** Told of what is not kept since the disk's room is for other things. */
  readonly onUnkept: (checksum: Checksum, error: ReserveError) => void;
}

export function createArchiveReceiver(context: ReceiverContext, places: ReceivingPlaces): ArchiveReceiver {
  const fetching = createSingleFlight<string, Received>();
  const damagedHere = new Set<Checksum>();
  const fetch = createFetch(context);

  async function fetchListed(module: ModuleName, entry: IndexEntry): Promise<Received> {
    const { checksum } = entry;
    // What was here and went bad may be had again: that is not the client's doing.
    if (!context.settings().server.upstreamFallback && !damagedHere.has(checksum))
      return unavailable({
        reason: 'not-cached',
        detail:
          'the archive is missing here and upstream_fallback is off; "moonbit-registry verify --repair" fetches it',
      });
    const outcome = await keepOrPass(context, places, (sink) => fetch(sink, module, entry));
    if (outcome.kind === 'found')
      void outcome.value.isStored.then((isStored) => isStored && damagedHere.delete(checksum));
    return outcome;
  }

  function find(checksum: Checksum): ReceivedArchive | undefined {
    const ahead = places.behind.find(checksum);
    if (ahead) return ahead;
    // Once the disk takes archives again, they are kept there.
    const isRefusing = context.disk.isRefusing || context.reserve.isRefusing;
    return isRefusing ? places.passing.find(checksum) : undefined;
  }

  async function receive(module: ModuleName, entry: IndexEntry): Promise<Received> {
    const here = find(entry.checksum);
    if (here) return found(here);
    const { lockFolder } = context;
    const fetchIt = () => fetchListed(module, entry);
    return lockFolder === undefined
      ? fetchIt()
      : oneAmongProcesses({ ...context, lockFolder }, entry, fetchIt);
  }

  return {
    find,
    receive: (module, entry) => fetching.run(entry.checksum, () => receive(module, entry)),
    expectRepair: (checksum) => void damagedHere.add(checksum),
  };
}

type Sink = ArchiveSink<ReceivedArchive>;

/** Into the store, or past it where the disk refuses or keeps its room for other things. */
async function keepOrPass(
  { disk, reserve }: Pick<ReceiverContext, 'disk' | 'reserve'>,
  { behind, passing, onUnkept }: ReceivingPlaces,
  fetch: (sink: Sink) => Promise<Received>,
): Promise<Received> {
  try {
    return await fetch(async (checksum, body, options) => {
      // A small one is answered with from memory, whatever the disk says.
      if ((options.announcedBytes ?? Number.POSITIVE_INFINITY) <= pieceBytes)
        return behind.receive(checksum, body, options);
      // Nobody may be reading when it fails.
      body.on('error', () => {});
      const isRoom = await reserve.isRoomFor(options.announcedBytes ?? 0);
      if (!isRoom) onUnkept(checksum, await reserve.refusal());
      return (isRoom && !disk.isRefusing ? behind : passing).receive(checksum, body, options);
    });
  } catch (error) {
    const wasTried = disk.isRefusing;
    const isRefused = error instanceof ReserveError || (disk.refused(error) && !wasTried);
    if (!isRefused) throw error;
    return fetch(passing.receive);
  }
}

function createFetch({ index, audit, log, resolver, sources, clock }: ReceiverContext) {
  let known: { readonly policy: Policy; readonly listings: Listings } | undefined;
  /** Of many versions of a module, its file is read once. */
  function listingsOf(policy: Policy): Listings {
    if (known?.policy !== policy) known = { policy, listings: createListings(index, policy) };
    return known.listings;
  }

  return async (sink: Sink, module: ModuleName, { version, checksum }: IndexEntry): Promise<Received> => {
    const resolved = await resolver();
    const { policy } = resolved;
    const context = { index, sources: sources(), audit, clock, listings: listingsOf(policy) };
    const outcome = await fetchArchive({ module, version, checksum }, resolved, sink, context);
    if (outcome.kind !== 'found') {
      const { decision } = await resolved.locate(module);
      const failed = orUnasked(outcome, policy, decision.origin ?? '');
      log.warn('fetch failed', { module, version, outcome: failed.kind, detail: detailOf(failed) });
      return failed;
    }
    const { source, url, received } = outcome.value;
    log.info('fetched', { module, version, source, url, sizeBytes: received.sizeBytes });
    return found(received);
  };
}

/** A listed version is absent only if its origin said so as well (rule 4), which one that is not contacted cannot. */
function orUnasked(outcome: Missed, { sources }: Policy, origin: string): Missed {
  const known = sources.find(({ name }) => name === origin);
  const isTold = outcome.kind === 'unavailable' && outcome.cause.reason !== 'disabled';
  if (isTold || known?.isEnabled) return outcome;
  const why = known && !known.isRemoved ? 'disabled' : 'no longer configured';
  const detail = `${detailOf(outcome)}; source "${origin}", which it comes from, is ${why} and is not asked`;
  return { kind: 'unavailable', cause: { reason: 'disabled', detail } };
}

/** The first process fetches, and holds the lock until the file is there for the others to find. */
function oneAmongProcesses(
  { archives, log, lockFolder }: Pick<ReceiverContext, 'archives' | 'log'> & { readonly lockFolder: string },
  { checksum }: IndexEntry,
  fetch: () => Promise<Received>,
): Promise<Received> {
  return inTurn<Received>(
    join(lockFolder, `fetch-${checksum}`),
    async (answer) => {
      const present = await archives.size(checksum);
      if (present !== undefined)
        return answer(found({ sizeBytes: present, bytes: undefined, isStored: Promise.resolve(true) }));
      const outcome = await fetch();
      answer(outcome);
      if (outcome.kind === 'found') await outcome.value.isStored;
    },
    { onLateFailure: (error) => log.warn('fetching an archive ended badly', { checksum, error }) },
  );
}
