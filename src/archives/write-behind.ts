import type { Readable } from 'node:stream';
import type { Checksum } from '../model/checksum.ts';
import type { ArchiveStore, StoreOptions } from './archive-store.ts';

/** Lets archives be used as soon as they are verified, while a store keeps them (decision 0007). */
export interface WriteBehind {
  /** An archive that is verified and not stored yet. */
  find(checksum: Checksum): ReceivedArchive | undefined;

  /**
   * As `ArchiveStore.store`, but resolves when a small archive is verified, and does not fail if the disk then does.
   * While many are being written it resolves when this one is: whoever asks waits for a slow disk, memory does not grow.
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
}

export interface WriteBehindOptions {
  /** Told of each archive that was verified, and was or was not stored. */
  readonly onStored?: (() => void) | undefined;
  readonly onFailure: (checksum: Checksum, error: unknown) => void;
}

/** Each has less than 1 MiB and takes one file descriptor. */
const maxAhead = 32;
/** Beyond which no further body is read. */
const maxHeld = 64;

export function createWriteBehind(
  store: Pick<ArchiveStore, 'store'>,
  { onStored, onFailure }: WriteBehindOptions,
): WriteBehind {
  const ahead = new Map<Checksum, ReceivedArchive>();

  return {
    find: (checksum) => ahead.get(checksum),

    async receive(checksum, body, options) {
      while (ahead.size >= maxHeld) await Promise.race([...ahead.values()].map(({ isStored }) => isStored));
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
      const received = { sizeBytes: bytes.length, bytes, isStored };
      const mayGoAhead = ahead.size < maxAhead;
      ahead.set(checksum, received);
      const forgotten = isStored.then(() => ahead.get(checksum) === received && ahead.delete(checksum));
      if (!mayGoAhead) await forgotten;
      return received;
    },

    async settle() {
      await Promise.all([...ahead.values()].map(({ isStored }) => isStored));
    },
  };
}
