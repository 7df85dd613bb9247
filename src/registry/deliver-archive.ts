import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ArchiveStore, ByteRange } from '../archives/archive-store.ts';
import { createWriteBehind, type ReceivedArchive } from '../archives/write-behind.ts';
import type { Config } from '../config/config.ts';
import { RegistryError, UnavailableError } from '../errors.ts';
import type { GitIndex } from '../index/git-index.ts';
import type { Checksum } from '../model/checksum.ts';
import type { IndexEntry } from '../model/index-entry.ts';
import { absent, found, type Lookup, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { Source } from '../sources/source.ts';
import type { Log } from '../support/log.ts';
import { withProcessLock } from '../support/process-lock.ts';
import { createSingleFlight } from '../support/single-flight.ts';
import type { Audit } from './audit.ts';
import { fetchArchive } from './fetch-archive.ts';
import type { Registry, ServedArchive } from './registry.ts';
import type { Resolver } from './resolve-module.ts';

export interface DeliveryContext {
  readonly archives: ArchiveStore;
  readonly audit: Audit;
  readonly index: GitIndex;
  readonly log: Log;
  /** The served line of a version. */
  readonly find: (module: ModuleName, version: Version) => Promise<IndexEntry | undefined>;
  readonly settings: () => Config;
  readonly sources: () => ReadonlyMap<string, Source>;
  readonly resolver: () => Promise<Resolver>;
  /** Where processes that serve the same registry exclude each other; `undefined` if this is the only one. */
  readonly lockFolder: string | undefined;
}

/** Archives for clients: from the store, or else fetched, and answered with as soon as they are verified. */
export interface ArchiveDelivery {
  readonly open: Registry['openArchive'];
  /** Fetches an archive that went bad; whether it is here now. */
  repair(module: ModuleName, entry: IndexEntry): Promise<boolean>;
  /** An archive that was here has been taken out: it may be had again, also without upstream fallback. */
  expectRepair(checksum: Checksum): void;
  /** Resolves when what was answered with is stored, or cannot be. */
  settle(): Promise<void>;
}

type Received = Lookup<ReceivedArchive>;

export function createArchiveDelivery(context: DeliveryContext): ArchiveDelivery {
  const { archives, audit, index, log } = context;
  const behind = createWriteBehind(archives, createStorageReport(log));
  const fetching = createSingleFlight<string, Received>();
  const damagedHere = new Set<Checksum>();

  /** Not aborted by the caller's going away: whoever comes next finds it done. */
  async function fetchListed(module: ModuleName, { version, checksum }: IndexEntry): Promise<Received> {
    // What was here and went bad may be had again: that is not the client's doing.
    if (!context.settings().server.upstreamFallback && !damagedHere.has(checksum))
      return unavailable({
        reason: 'disabled',
        detail:
          'the archive is missing here and upstream_fallback is off; "moonbit-registry verify --repair" fetches it',
      });
    const { locate, policy } = await context.resolver();
    const { facts, decision } = await locate(module);
    const kept: { received?: ReceivedArchive } = {};
    const outcome = await fetchArchive({ module, version, checksum }, facts, policy, decision.origin ?? '', {
      index,
      sources: context.sources(),
      audit,
      archives: {
        async store(_, body, options) {
          kept.received = await behind.receive(checksum, body, { ...options, isAbsent: true });
          return kept.received.sizeBytes;
        },
      },
    });
    if (outcome.kind !== 'found') {
      log.warn('fetch failed', { module, version, outcome: outcome.kind, detail: detailOf(outcome) });
      return outcome;
    }
    log.info('fetched', { module, version, ...outcome.value });
    const { received } = kept;
    if (!received) throw new Error(`archive ${checksum} was found, but not received`);
    void received.isStored.then((isStored) => isStored && damagedHere.delete(checksum));
    return found(received);
  }

  /** Among several processes, the first fetches and the others find it done. */
  async function fetchOnce(module: ModuleName, entry: IndexEntry): Promise<Received> {
    const ahead = behind.find(entry.checksum);
    if (ahead) return found(ahead);
    const { lockFolder } = context;
    if (lockFolder === undefined) return fetchListed(module, entry);
    return new Promise((answer, fail) => {
      let isLocked = false;
      withProcessLock(join(lockFolder, `fetch-${entry.checksum}`), async () => {
        isLocked = true;
        const present = await archives.size(entry.checksum);
        if (present !== undefined)
          return answer(found({ sizeBytes: present, bytes: undefined, isStored: Promise.resolve(true) }));
        const outcome = await fetchListed(module, entry);
        answer(outcome);
        // The others look for the file.
        if (outcome.kind === 'found') await outcome.value.isStored;
      })
        .catch(async (error: unknown) => {
          if (isLocked) throw error;
          // The lock spares requests upstream, no more: a disk that does not take it keeps an archive from nobody.
          answer(await fetchListed(module, entry));
        })
        .catch((error: unknown) => {
          if (isLocked) log.warn('fetching an archive ended badly', { module, error });
          fail(error);
        });
    });
  }

  const fetchShared = (module: ModuleName, entry: IndexEntry) =>
    fetching.run(entry.checksum, () => fetchOnce(module, entry));

  /** What went missing, or was found damaged, since it was looked up is fetched again. */
  function serve(module: ModuleName, entry: IndexEntry, sizeBytes: number, bytes?: Buffer): ServedArchive {
    const { checksum } = entry;
    async function orAgain<T>(look: () => Promise<T | undefined>, give: (bytes: Buffer) => T): Promise<T> {
      const ahead = behind.find(checksum)?.bytes;
      const first = ahead ? give(ahead) : await look();
      if (first !== undefined) return first;
      const fetched = await fetchShared(module, entry);
      const again = fetched.kind === 'found' ? fetched.value.bytes : undefined;
      const second = again ? give(again) : fetched.kind === 'found' ? await look() : undefined;
      if (second !== undefined) return second;
      throw new UnavailableError(`archive ${checksum} is no longer here: ${detailOf(fetched)}`);
    }
    return {
      checksum,
      sizeBytes,
      bytes,
      open: (range) =>
        orAgain(
          () => archives.open(checksum, range),
          (whole) => Readable.from([partOf(whole, range)]),
        ),
      read: () =>
        orAgain(
          () => archives.read(checksum),
          (whole) => whole,
        ),
    };
  }

  return {
    async open(module, version) {
      const entry = await context.find(module, version);
      if (!entry) return absent(`${module}@${version} is not in the index`);
      const ahead = behind.find(entry.checksum);
      if (ahead) return found(serve(module, entry, ahead.sizeBytes, ahead.bytes));
      const present = await archives.size(entry.checksum);
      if (present !== undefined) return found(serve(module, entry, present));
      const fetched = await fetchShared(module, entry);
      if (fetched.kind !== 'found') return fetched;
      return found(serve(module, entry, fetched.value.sizeBytes, fetched.value.bytes));
    },
    async repair(module, entry) {
      const fetched = await fetchShared(module, entry);
      return fetched.kind === 'found' && fetched.value.isStored;
    },
    expectRepair: (checksum) => void damagedHere.add(checksum),
    settle: () => behind.settle(),
  };
}

/** A disk that refuses is one line when that begins and one when it ends, not one for each archive. */
function createStorageReport(log: Log) {
  let isFailing = false;
  return {
    onStored() {
      if (isFailing) log.info('fetched archives are stored again');
      isFailing = false;
    },
    onFailure(checksum: Checksum, error: unknown) {
      if (isFailing) return;
      isFailing = true;
      const hint = error instanceof RegistryError ? error.hint : undefined;
      log.error('fetched archives cannot be stored: each is fetched anew when it is asked for', {
        checksum,
        error,
        hint,
      });
    },
  };
}

function partOf(bytes: Buffer, range: ByteRange | undefined): Buffer {
  return range ? bytes.subarray(range.start, range.end + 1) : bytes;
}

function detailOf(outcome: Lookup<unknown>): string {
  if (outcome.kind === 'unavailable') return outcome.cause.detail;
  return outcome.kind === 'absent' ? outcome.detail : '';
}
