import { join } from 'node:path';
import type { ArchiveStore, StoreOptions } from '../../archives/archive-store.ts';
import { type CacheReserve, ReserveError } from '../../archives/cache-reserve.ts';
import type { PassingArchive, PassingArchives } from '../../archives/passing-archives.ts';
import { pieceBytes } from '../../archives/pieces.ts';
import type { ReceivedArchive, WriteBehind } from '../../archives/write-behind.ts';
import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { detailOf, found, type Lookup, unavailable } from '../../model/lookup.ts';
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
import { fetchArchive } from './fetch-archive.ts';

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
type Missed = Exclude<Lookup<unknown>, { kind: 'found' }>;

/** Fetches listed archives for whoever asks: one fetch for all who ask for the same at once, here and in other processes. */
export interface ArchiveReceiver {
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

  async function fetchListed(module: ModuleName, entry: IndexEntry): Promise<Received> {
    const { checksum } = entry;
    // What was here and went bad may be had again: that is not the client's doing.
    if (!context.settings().server.upstreamFallback && !damagedHere.has(checksum))
      return unavailable({
        reason: 'not-cached',
        detail:
          'the archive is missing here and upstream_fallback is off; "moonbit-registry verify --repair" fetches it',
      });
    const outcome = await fetchVerified(context, places, module, entry);
    if (outcome.kind === 'found')
      void outcome.value.isStored.then((isStored) => isStored && damagedHere.delete(checksum));
    return outcome;
  }

  async function receive(module: ModuleName, entry: IndexEntry): Promise<Received> {
    const ahead = places.behind.find(entry.checksum);
    if (ahead) return found(ahead);
    const passing = places.passing.find(entry.checksum);
    if (passing) return found(toReceived(passing));
    const fetch = () => fetchListed(module, entry);
    const { lockFolder } = context;
    return lockFolder === undefined ? fetch() : oneAmongProcesses({ ...context, lockFolder }, entry, fetch);
  }

  return {
    receive: (module, entry) => fetching.run(entry.checksum, () => receive(module, entry)),
    expectRepair: (checksum) => void damagedHere.add(checksum),
  };
}

async function fetchVerified(
  context: ReceiverContext,
  places: ReceivingPlaces,
  module: ModuleName,
  entry: IndexEntry,
): Promise<Received> {
  const { disk, reserve } = context;
  const fetch = (receive: Receive) => fetchInto(context, receive, module, entry);
  try {
    return await fetch(async (checksum, body, options) => {
      if (isSmall(options)) return keep(places, checksum, body, options);
      // Nobody may be reading when it fails.
      body.on('error', () => {});
      const isRoom = await reserve.isRoomFor(options?.announcedBytes ?? 0);
      if (!isRoom) places.onUnkept(checksum, await reserve.refusal());
      return isRoom && !disk.isRefusing
        ? keep(places, checksum, body, options)
        : pass(places, checksum, body, options);
    });
  } catch (error) {
    if (error instanceof ReserveError) return fetch((...received) => pass(places, ...received));
    const wasTried = disk.isRefusing;
    if (!disk.refused(error) || wasTried) throw error;
    return fetch((...received) => pass(places, ...received));
  }
}

type Receive = WriteBehind['receive'];

const keep = ({ behind }: ReceivingPlaces, ...received: Parameters<Receive>) => behind.receive(...received);

async function pass(
  { passing }: ReceivingPlaces,
  ...received: Parameters<Receive>
): Promise<ReceivedArchive> {
  return toReceived(await passing.receive(...received));
}

function toReceived({ sizeBytes }: PassingArchive): ReceivedArchive {
  return { sizeBytes, bytes: undefined, isStored: Promise.resolve(false) };
}

/** It is answered with from memory, whatever the disk says. */
function isSmall(options: StoreOptions = {}): boolean {
  return (options.announcedBytes ?? Number.POSITIVE_INFINITY) <= pieceBytes;
}

async function fetchInto(
  { index, audit, log, resolver, sources, clock }: ReceiverContext,
  receive: Receive,
  module: ModuleName,
  { version, checksum }: IndexEntry,
): Promise<Received> {
  const { locate, policy } = await resolver();
  const { facts, decision } = await locate(module);
  const origin = decision.origin ?? '';
  let received: ReceivedArchive | undefined;
  const outcome = await fetchArchive({ module, version, checksum }, facts, policy, origin, {
    index,
    sources: sources(),
    audit,
    clock,
    archives: {
      async store(_, body, options) {
        received = await receive(checksum, body, options);
        return received.sizeBytes;
      },
    },
  });
  if (outcome.kind !== 'found') {
    const failed = orUnasked(outcome, policy, origin);
    log.warn('fetch failed', { module, version, outcome: failed.kind, detail: detailOf(failed) });
    return failed;
  }
  log.info('fetched', { module, version, ...outcome.value });
  if (!received) throw new Error(`archive ${checksum} was found, but not received`);
  return found(received);
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
