import { buffer } from 'node:stream/consumers';
import type { ArchiveStore, LoadedArchive } from '../../archives/archive-store.ts';
import { ReserveError } from '../../archives/cache-reserve.ts';
import { createPassingArchives } from '../../archives/passing-archives.ts';
import { createWriteBehind, type ReceivedArchive } from '../../archives/write-behind.ts';
import { RegistryError, UnavailableError } from '../../errors.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { absent, detailOf, found, type Lookup } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { type ArchiveReceiver, createArchiveReceiver, type ReceiverContext } from './receive-archive.ts';
import type { ServedArchive } from './served-bytes.ts';

export interface DeliveryContext extends ReceiverContext {
  /** The served line of a version. */
  readonly find: (module: ModuleName, version: Version) => Promise<IndexEntry | undefined>;
}

/**
 * Archives for clients: from the store, or else fetched, and answered with as soon as they are verified. Who calls whom:
 *
 *     routes/archive-routes → Serving.openArchive → open-archive   blocked? listed? then, with what is said where it is not:
 *       createArchiveDelivery.open                  here           is it on its way (write-behind, passing), or in the store?
 *         createArchiveReceiver.receive             receive-archive   one fetch for all who ask, in all processes
 *           fetchArchive                            fetch-archive     the sources that list these bytes, in order of trust
 *             Source.openArchive                    sources/guarded-source → git-source → open-over-http → resumed-body
 *             sink: writeBehind.receive             archives/write-behind → verifying-store → receive-verified
 */
export interface ArchiveDelivery {
  /** `absent`: it is not listed, or every source that lists it has no such archive. */
  readonly open: (module: ModuleName, version: Version) => Promise<Lookup<ServedArchive>>;
  /** The same of a line that is listed, or was once: whoever lists its checksum now is asked for it. */
  readonly openListed: (module: ModuleName, entry: IndexEntry) => Promise<Lookup<ServedArchive>>;
  /** Fetches an archive that went bad; whether it is here now. */
  repair(module: ModuleName, entry: IndexEntry): Promise<boolean>;
  /** An archive that was here has been taken out: it may be had again, also without upstream fallback. */
  expectRepair(checksum: Checksum): void;
  /** Resolves when what was answered with is stored, or cannot be. */
  settle(): Promise<void>;
}

/** Archives up to this size are given out with their bytes: looked at, verified and read in one go. */
const loadedBytes = 1024 * 1024;

export function createArchiveDelivery(context: DeliveryContext): ArchiveDelivery {
  const { archives } = context;
  const report = createStorageReport(context);
  const behind = createWriteBehind(archives, report);
  const passing = createPassingArchives();
  const receiver = createArchiveReceiver(context, { behind, passing, onUnkept: report.onFailure });

  async function openListed(module: ModuleName, entry: IndexEntry): Promise<Lookup<ServedArchive>> {
    const here = receiver.find(entry.checksum) ?? (await archives.load(entry.checksum, loadedBytes));
    if (here) return found(serveArchive(archives, receiver, module, entry, here));
    const fetched = await receiver.receive(module, entry);
    if (fetched.kind !== 'found') return fetched;
    return found(serveArchive(archives, receiver, module, entry, fetched.value));
  }

  return {
    async open(module, version) {
      const entry = await context.find(module, version);
      return entry ? openListed(module, entry) : absent(`${module}@${version} is not in the index`);
    },
    openListed,
    async repair(module, entry) {
      const fetched = await receiver.receive(module, entry);
      return fetched.kind === 'found' && fetched.value.isStored;
    },
    expectRepair: receiver.expectRepair,
    async settle() {
      await behind.settle();
      passing.close();
    },
  };
}

/** What went missing, or was found damaged, since it was looked up is fetched again. */
function serveArchive(
  archives: ArchiveStore,
  receiver: ArchiveReceiver,
  module: ModuleName,
  entry: IndexEntry,
  { sizeBytes, bytes }: LoadedArchive,
): ServedArchive {
  const { checksum } = entry;
  async function orAgain<T>(
    look: (received: ReceivedArchive | undefined) => Promise<T | undefined>,
  ): Promise<T> {
    const first = await look(receiver.find(checksum));
    if (first !== undefined) return first;
    const fetched = await receiver.receive(module, entry);
    const second = fetched.kind === 'found' ? await look(fetched.value) : undefined;
    if (second !== undefined) return second;
    throw new UnavailableError(
      `archive ${checksum} is no longer here: ${fetched.kind === 'found' ? 'it was fetched and is gone again' : detailOf(fetched)}`,
    );
  }
  return {
    checksum,
    sizeBytes,
    bytes,
    open: (range) =>
      orAgain(async (received) => received?.open?.(range) ?? (await archives.open(checksum, range))),
    read: () =>
      orAgain(async (received) => {
        if (received?.bytes || !received?.open) return received?.bytes ?? archives.read(checksum);
        return buffer(received.open());
      }),
  };
}

/** A disk that refuses is one line when that begins and one when it ends, not one for each archive. */
function createStorageReport({ log, disk }: Pick<DeliveryContext, 'log' | 'disk'>) {
  let isFailing = false;
  return {
    onStored() {
      if (isFailing) log.info('fetched archives are stored again');
      isFailing = false;
      disk.worked();
    },
    onFailure(checksum: Checksum, error: unknown) {
      if (isFailing || disk.refused(error)) return;
      isFailing = true;
      const hint = error instanceof RegistryError ? error.hint : undefined;
      const isKeptFree = error instanceof ReserveError;
      const what = isKeptFree ? 'are not cached' : 'cannot be stored';
      log[isKeptFree ? 'warn' : 'error'](
        `fetched archives ${what}: each is fetched anew when it is asked for`,
        { checksum, error, hint },
      );
    },
  };
}
