import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { onDisk } from '../support/disk/disk-errors.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';

/**
 * Bytes that are written once and read by many, each from the start, also while there are more to come. They are in a
 * file that has no name any more, so that nothing of it outlives the process.
 */
export interface Spool {
  /** So far. */
  readonly sizeBytes: number;
  /** Whether these are all. */
  readonly isWhole: boolean;
  /** Whether somebody reads it now. */
  readonly isRead: boolean;
  /** One at a time. Throws `StorageError`; what a failed call wrote is not there. */
  append(bytes: Buffer): Promise<void>;
  /** These are all. */
  end(): void;
  /** Nobody gets more than there is now, or takes that for all: readers fail with `error` where it ends. */
  fail(error: Error): void;
  /** Gives what there is, then waits for more; fails when the spool does. `undefined` once it is discarded. */
  read(): Readable | undefined;
  /** Resolves when the file is given back: once nothing is written any more, and the last reader has gone. */
  discard(): Promise<void>;
}

/** What a client that reads slowly keeps in memory. */
const pieceBytes = 128 * 1024;

/**
 * Makes an empty one on the disk of `folder`. Throws `StorageError`. `onAbandoned` is told when the last reader leaves
 * before the end.
 */
export async function createSpool(folder: string, onAbandoned = () => {}): Promise<Spool> {
  const handle = await onDisk(`write below ${folder}`, () => openNameless(folder));
  return followFile(handle, folder, onAbandoned);
}

async function openNameless(folder: string): Promise<FileHandle> {
  const file = join(folder, temporaryName('.answer'));
  const handle = await open(file, 'wx+', 0o600);
  try {
    await rm(file);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function followFile(handle: FileHandle, folder: string, onAbandoned: () => void): Spool {
  let sizeBytes = 0;
  let outcome: 'whole' | Error | undefined;
  let readers = 0;
  let isDiscarded = false;
  let news = createSignal();
  const closed = createSignal();

  function tell(): void {
    news.give();
    news = createSignal();
    if (!isDiscarded || readers > 0 || outcome === undefined) return;
    // What it holds is of no use any more, so it matters to nobody how that goes.
    handle.close().then(closed.give, closed.give);
  }

  function leave(): void {
    readers--;
    tell();
    if (readers === 0 && outcome === undefined) onAbandoned();
  }

  function createReader(): Readable {
    let position = 0;
    let reading: Promise<unknown> = Promise.resolve();

    async function nextPiece(): Promise<Buffer | null> {
      while (position >= sizeBytes && outcome === undefined && !reader.destroyed) await news.given;
      if (position >= sizeBytes && outcome instanceof Error) throw outcome;
      if (position >= sizeBytes || reader.destroyed) return null;
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes - position));
      const underWay = handle.read(piece, 0, piece.length, position);
      reading = underWay.catch(() => {});
      const { bytesRead } = await underWay;
      if (bytesRead === 0) throw new Error(`a file below ${folder} has become shorter`);
      position += bytesRead;
      return piece.subarray(0, bytesRead);
    }

    const reader = new Readable({
      highWaterMark: 0,
      read() {
        nextPiece().then(
          (piece) => reader.push(piece),
          (error) => reader.destroy(error),
        );
      },
      destroy(error, done) {
        // The number of a closed file may be another file's a moment later.
        void reading.then(() => {
          leave();
          done(error);
        });
      },
    });
    return reader;
  }

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    get isWhole() {
      return outcome === 'whole';
    },
    get isRead() {
      return readers > 0;
    },
    async append(bytes) {
      await onDisk(`write below ${folder}`, () => writeWhole(handle, bytes, sizeBytes));
      sizeBytes += bytes.length;
      tell();
    },
    end() {
      outcome = 'whole';
      tell();
    },
    fail(error) {
      outcome = error;
      tell();
    },
    read() {
      if (isDiscarded) return undefined;
      readers++;
      return createReader();
    },
    discard() {
      isDiscarded = true;
      tell();
      return closed.given;
    },
  };
}

/** One write may take less than it is given. */
async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function createSignal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}
