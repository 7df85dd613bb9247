import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { onDisk } from '../support/disk/disk-errors.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';
import type { ByteRange, StoreOptions } from './archive-store.ts';
import { receiveVerified } from './receive-verified.ts';
import type { ReceivedArchive } from './write-behind.ts';

/** A verified archive that is nowhere kept for long: never stored, and never in memory. */
interface PassingArchive extends ReceivedArchive {
  open(range?: ByteRange): Readable;
}

/**
 * Archives for which the store's disk has no room: each is in a file without a name, in the system's folder for temporary
 * files, while it is asked for now and then.
 */
export interface PassingArchives {
  find(checksum: Checksum): PassingArchive | undefined;
  /** As `ArchiveStore.store`, but to here. Throws `StorageError` where that folder has no room either. */
  receive(checksum: Checksum, body: Readable, options?: StoreOptions): Promise<PassingArchive>;
  /** Gives all of it back, once whoever reads has gone. */
  close(): void;
}

interface Held extends PassingArchive {
  discard(): void;
}

/** The folder may be in memory. */
const maxBytesOfAll = 512 * 1024 * 1024;
const readAtOnce = 256 * 1024;
const forgottenAfterMs = 10 * 60_000;

export function createPassingArchives(
  maxBytes = maxBytesOfAll,
  suffix: '.zip' | '.wasm' = '.zip',
): PassingArchives {
  const held = new LRUCache<Checksum, Held>({
    maxSize: maxBytes,
    sizeCalculation: ({ sizeBytes }) => Math.max(1, sizeBytes),
    ttl: forgottenAfterMs,
    ttlAutopurge: true,
    updateAgeOnGet: true,
    dispose: (archive) => archive.discard(),
  });
  return {
    find: (checksum) => held.get(checksum),
    async receive(checksum, body, options) {
      const handle = await receiveNameless(checksum, body, options, suffix === '.zip');
      const archive = holdOpen(handle, (await handle.stat()).size);
      if (archive.sizeBytes > maxBytes) {
        archive.discard();
        throw new StorageError(
          `archive ${checksum} is larger than the ${maxBytes} bytes that pass through a temporary folder`,
        );
      }
      held.set(checksum, archive);
      return archive;
    },
    close: () => held.clear(),
  };
}

async function receiveNameless(
  checksum: Checksum,
  body: Readable,
  options: StoreOptions = {},
  isZip: boolean,
): Promise<FileHandle> {
  const file = join(tmpdir(), temporaryName('moonbit-registry'));
  const doing = `write ${file}`;
  // Nobody may be reading when it fails.
  body.on('error', () => {});
  try {
    const handle = await onDisk(doing, () => open(file, 'wx+', 0o600));
    try {
      await rm(file);
      const append = (piece: Buffer) => onDisk(doing, () => handle.appendFile(piece));
      await receiveVerified(checksum, body, options, { append, ticket: undefined, isZip });
      return handle;
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
  } finally {
    body.destroy();
  }
}

function holdOpen(handle: FileHandle, sizeBytes: number): Held {
  let readers = 0;
  let isDiscarded = false;
  const closeIfUnused = () => {
    // Nothing of it is of use any more, so it matters to nobody how that goes.
    if (isDiscarded && readers === 0) handle.close().catch(() => {});
  };
  return {
    sizeBytes,
    bytes: undefined,
    isStored: Promise.resolve(false),
    open(range = { start: 0, end: sizeBytes - 1 }) {
      readers++;
      return createReader(handle, range, () => {
        readers--;
        closeIfUnused();
      });
    },
    discard() {
      isDiscarded = true;
      closeIfUnused();
    },
  };
}

/** Not Node.js's own, which closes the file with the first reader that leaves. */
function createReader(handle: FileHandle, { start, end }: ByteRange, onGone: () => void): Readable {
  let position = start;
  let reading: Promise<void> = Promise.resolve();
  const readPiece = async (): Promise<Buffer | null> => {
    const piece = Buffer.allocUnsafe(Math.min(readAtOnce, end + 1 - position));
    if (piece.length === 0) return null;
    const { bytesRead } = await handle.read(piece, 0, piece.length, position);
    if (bytesRead === 0) throw new Error('a file without a name has become shorter');
    position += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  return new Readable({
    read() {
      reading = readPiece().then(
        (piece) => void this.push(piece),
        (error: Error) => void this.destroy(error),
      );
    },
    destroy(error, done) {
      // The number of a closed file may be another file's a moment later.
      void reading.then(() => {
        onGone();
        done(error);
      });
    },
  });
}
