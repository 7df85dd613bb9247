import { Readable } from 'node:stream';
import type { Checksum } from '../model/checksum.ts';
import type { ArchiveStore, ByteRange, StoreOptions } from './archive-store.ts';

/** Lets archives be used as soon as they are verified, while a store keeps them (decision 0007). */
export interface WriteBehind {
  /** An archive that is verified and not stored yet. */
  find(checksum: Checksum): ReceivedArchive | undefined;

  /**
   * As `ArchiveStore.store`, but resolves when a small archive is verified, and does not fail if the disk then does.
   * While as many bytes of its supplier, or of all, wait for the disk as may, it resolves when this one is written, and
   * while there are twice as many no further body is read: whoever asks waits for a slow disk, memory does not grow.
   */
  receive(checksum: Checksum, body: Readable, options?: StoreOptions): Promise<ReceivedArchive>;

  /** Resolves when nothing is being written. */
  settle(): Promise<void>;
}

export interface ReceivedArchive {
  readonly sizeBytes: number;
  /** Verified; of archives below 1 MiB that were not here before. */
  readonly bytes: Buffer | undefined;
  /** Whether it was stored, when that is known. Never rejects. */
  readonly isStored: Promise<boolean>;
  /** Reads it without the store; of those that the store may not have. */
  readonly open?: ((range?: ByteRange) => Readable) | undefined;
}

export interface WriteBehindOptions {
  /** Told of each archive that was verified, and was or was not stored. */
  readonly onStored?: (() => void) | undefined;
  readonly onFailure: (checksum: Checksum, error: unknown) => void;
  readonly bounds?: Bounds | undefined;
}

/** Bytes in memory that wait for the disk: of one supplier, and of all together. */
export interface Bounds {
  readonly ofOneBytes: number;
  readonly ofAllBytes: number;
}

const usualBounds: Bounds = { ofOneBytes: 8 * 1024 * 1024, ofAllBytes: 32 * 1024 * 1024 };

export function createWriteBehind(
  store: Pick<ArchiveStore, 'store'>,
  { onStored, onFailure, bounds = usualBounds }: WriteBehindOptions,
): WriteBehind {
  const ahead = new Map<Checksum, ReceivedArchive>();
  const held = createHeldBytes(bounds);

  return {
    find: (checksum) => ahead.get(checksum),

    async receive(checksum, body, options) {
      const supplier = options?.supplier?.name ?? '';
      // A body that fails while it waits fails when it is read.
      body.on('error', () => {});
      while (!held.isRoomFor(supplier, 2)) await held.change();
      const verified: { bytes?: Buffer } = {};
      let tellVerified = () => {};
      const isVerified = new Promise<void>((resolve) => {
        tellVerified = resolve;
      });
      const storing = store.store(checksum, body, {
        ...options,
        onVerified(bytes) {
          verified.bytes = bytes;
          tellVerified();
        },
      });
      const isStored = storing.then(
        () => {
          onStored?.();
          return true;
        },
        (error: unknown) => {
          if (!verified.bytes) throw error;
          onFailure(checksum, error);
          return false;
        },
      );
      await Promise.race([isVerified, isStored]);
      const { bytes } = verified;
      if (!bytes) return { sizeBytes: await storing, bytes, isStored };
      const open = ({ start, end }: ByteRange = { start: 0, end: bytes.length - 1 }) =>
        Readable.from([bytes.subarray(start, end + 1)]);
      const received = { sizeBytes: bytes.length, bytes, isStored, open };
      const mayGoAhead = held.isRoomFor(supplier, 1);
      ahead.set(checksum, received);
      held.add(supplier, bytes.length);
      const forgotten = isStored.then(() => {
        held.add(supplier, -bytes.length);
        return ahead.get(checksum) === received && ahead.delete(checksum);
      });
      if (!mayGoAhead) await forgotten;
      return received;
    },

    async settle() {
      await Promise.all([...ahead.values()].map(({ isStored }) => isStored));
    },
  };
}

function createHeldBytes({ ofOneBytes, ofAllBytes }: Bounds) {
  const ofOne = new Map<string, number>();
  let ofAll = 0;
  let wake: (() => void)[] = [];
  return {
    /** Whether less is held than `times` what may be. */
    isRoomFor: (supplier: string, times: number) =>
      (ofOne.get(supplier) ?? 0) < times * ofOneBytes && ofAll < times * ofAllBytes,
    add(supplier: string, bytes: number): void {
      const now = (ofOne.get(supplier) ?? 0) + bytes;
      if (now > 0) ofOne.set(supplier, now);
      else ofOne.delete(supplier);
      ofAll += bytes;
      const waiting = wake;
      wake = [];
      for (const tell of waiting) tell();
    },
    /** Resolves when another amount is held. */
    change: () => new Promise<void>((resolve) => wake.push(resolve)),
  };
}
