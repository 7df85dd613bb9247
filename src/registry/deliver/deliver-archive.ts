import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ArchiveStore, ByteRange } from '../../archives/archive-store.ts';
import { ReserveError } from '../../archives/cache-reserve.ts';
import { createPassingArchives, type PassingArchives } from '../../archives/passing-archives.ts';
import { createWriteBehind, type WriteBehind } from '../../archives/write-behind.ts';
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

/** Archives for clients: from the store, or else fetched, and answered with as soon as they are verified. */
export interface ArchiveDelivery {
  /** `absent`: it is not listed, or every source that lists it has no such archive. */
  readonly open: (module: ModuleName, version: Version) => Promise<Lookup<ServedArchive>>;
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
  // Once the disk takes archives again, they are kept there.
  const passingNow = {
    ...passing,
    find: (checksum: Checksum) =>
      context.disk.isRefusing || context.reserve.isRefusing ? passing.find(checksum) : undefined,
  };
  const receiver = createArchiveReceiver(context, {
    ...{ behind, passing: passingNow, onUnkept: report.onFailure },
  });
  const serve = (module: ModuleName, entry: IndexEntry, sizeBytes: number, bytes?: Buffer) =>
    serveArchive({ archives, behind, passing: passingNow, receiver }, module, entry, sizeBytes, bytes);

  return {
    async open(module, version) {
      const entry = await context.find(module, version);
      if (!entry) return absent(`${module}@${version} is not in the index`);
      const ahead = behind.find(entry.checksum);
      if (ahead) return found(serve(module, entry, ahead.sizeBytes, ahead.bytes));
      const passed = passingNow.find(entry.checksum);
      if (passed) return found(serve(module, entry, passed.sizeBytes));
      const present = await archives.load(entry.checksum, loadedBytes);
      if (present) return found(serve(module, entry, present.sizeBytes, present.bytes));
      const fetched = await receiver.receive(module, entry);
      if (fetched.kind !== 'found') return fetched;
      return found(serve(module, entry, fetched.value.sizeBytes, fetched.value.bytes));
    },
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

interface DeliveryParts {
  readonly archives: ArchiveStore;
  readonly behind: WriteBehind;
  readonly passing: PassingArchives;
  readonly receiver: ArchiveReceiver;
}

/** What went missing, or was found damaged, since it was looked up is fetched again. */
function serveArchive(
  { archives, behind, passing, receiver }: DeliveryParts,
  module: ModuleName,
  entry: IndexEntry,
  sizeBytes: number,
  bytes: Buffer | undefined,
): ServedArchive {
  const { checksum } = entry;
  async function orAgain<T>(look: () => Promise<T | undefined>, give: (bytes: Buffer) => T): Promise<T> {
    const ahead = behind.find(checksum)?.bytes;
    const first = ahead ? give(ahead) : await look();
    if (first !== undefined) return first;
    const fetched = await receiver.receive(module, entry);
    const again = fetched.kind === 'found' ? fetched.value.bytes : undefined;
    const second = again ? give(again) : fetched.kind === 'found' ? await look() : undefined;
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
      orAgain(
        async () => passing.find(checksum)?.open(range) ?? (await archives.open(checksum, range)),
        (whole) => Readable.from([partOf(whole, range)]),
      ),
    read: () =>
      orAgain(
        async () => {
          const held = passing.find(checksum);
          return held ? buffer(held.open()) : archives.read(checksum);
        },
        (whole) => whole,
      ),
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

function partOf(bytes: Buffer, range: ByteRange | undefined): Buffer {
  return range ? bytes.subarray(range.start, range.end + 1) : bytes;
}
