import { EventEmitter, once } from 'node:events';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ifExists } from '../support/disk/disk-errors.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';

/** One pack on the disk: written once, and read by many, each from the start, also while there is more to come. */
export interface PackFile {
  /** So far. */
  readonly sizeBytes: number;
  /** Whether these are all. */
  readonly isWhole: boolean;
  /** Whether somebody reads it now. */
  readonly isRead: boolean;
  /** One at a time. Throws what the disk says, and nothing more is to be appended then. */
  append(bytes: Buffer): Promise<void>;
  /** These are all; or, with an error, nobody gets more, and readers fail with it where the bytes end. */
  end(error?: Error): void;
  /** Lets other processes find it, if it is for them. Throws what the disk says. */
  publish(): Promise<void>;
  /** Gives what there is, then waits for more. `undefined` once it is closed. */
  read(): Readable | undefined;
  /** Nobody begins to read it any more. Resolves when the last reader has gone. */
  close(): Promise<void>;
  /** Takes its name away, if it is ours, and closes it. */
  discard(): Promise<void>;
}

/** What a client that reads slowly keeps in memory. */
const pieceBytes = 128 * 1024;

/**
 * An empty one, by `name` for other processes; without, it has none from the first moment, so that nothing of it outlives this
 * process. `onAbandoned` is told when the last reader leaves before the end. Throws what the disk says.
 */
export async function createPackFile(
  folder: string,
  name: string | undefined,
  onAbandoned: () => void,
): Promise<PackFile> {
  const path = join(folder, temporaryName(name ?? '.answer'));
  const handle = await open(path, 'wx+', 0o600);
  if (name !== undefined) return followFile(handle, { path, target: join(folder, name), onAbandoned });
  try {
    await rm(path);
    return followFile(handle, { onAbandoned });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A whole one that another process has published; `undefined` if it cannot be read. */
export async function openPackFile(file: string): Promise<PackFile | undefined> {
  const handle = await open(file, 'r').catch(() => undefined);
  const facts = await handle?.stat().catch(() => undefined);
  if (handle && facts) return followFile(handle, { wholeBytes: facts.size });
  await handle?.close();
  return undefined;
}

interface Followed {
  /** Where it is, if it is ours and has a name, and where others will find it. */
  readonly path?: string;
  readonly target?: string;
  readonly wholeBytes?: number;
  readonly onAbandoned?: () => void;
}

/** How far a file has come. Who waits for more is told by the event `news`. */
interface Progress {
  sizeBytes: number;
  outcome: 'whole' | Error | undefined;
  readers: number;
  readonly news: EventEmitter;
}

function followFile(handle: FileHandle, followed: Followed): PackFile {
  const { target, wholeBytes, onAbandoned = () => {} } = followed;
  const progress: Progress = {
    sizeBytes: wholeBytes ?? 0,
    outcome: wholeBytes === undefined ? undefined : 'whole',
    readers: 0,
    news: new EventEmitter().setMaxListeners(0),
  };
  const { news } = progress;
  let { path } = followed;
  let isClosed = false;

  async function close(): Promise<void> {
    isClosed = true;
    while (progress.readers > 0) await once(news, 'news');
    // What it holds is of no use any more, so it matters to nobody how that goes.
    await handle.close().catch(() => {});
  }

  return {
    get sizeBytes() {
      return progress.sizeBytes;
    },
    get isWhole() {
      return progress.outcome === 'whole';
    },
    get isRead() {
      return progress.readers > 0;
    },
    async append(bytes) {
      await handle.writeFile(bytes);
      progress.sizeBytes += bytes.length;
      news.emit('news');
    },
    end(error) {
      progress.outcome ??= error ?? 'whole';
      news.emit('news');
    },
    async publish() {
      if (path === undefined || target === undefined) return;
      // Gone, if another process is ahead of us and serves the next commit.
      await ifExists(rename(path, target));
      path = target;
    },
    read: () => (isClosed ? undefined : createReader(handle, progress, onAbandoned)),
    close,
    async discard() {
      const closed = close();
      // A name that stays is in nobody's way: the next commit tries again.
      if (path !== undefined) await rm(path, { force: true }).catch(() => {});
      await closed;
    },
  };
}

function createReader(handle: FileHandle, progress: Progress, onAbandoned: () => void): Readable {
  let position = 0;
  progress.readers++;
  const reader = new Readable({
    highWaterMark: 0,
    read() {
      readPiece(handle, progress, position, reader).then(
        (piece) => {
          position += piece?.length ?? 0;
          reader.push(piece);
        },
        (error) => reader.destroy(error),
      );
    },
    destroy(error, done) {
      progress.readers--;
      progress.news.emit('news');
      if (progress.readers === 0 && progress.outcome === undefined) onAbandoned();
      done(error);
    },
  });
  return reader;
}

/** `null` where there is no more. */
async function readPiece(handle: FileHandle, progress: Progress, position: number, reader: Readable) {
  const isAtEnd = () => position >= progress.sizeBytes;
  while (isAtEnd() && progress.outcome === undefined && !reader.destroyed) await once(progress.news, 'news');
  if (isAtEnd() && progress.outcome instanceof Error) throw progress.outcome;
  if (isAtEnd() || reader.destroyed) return null;
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, progress.sizeBytes - position));
  const { bytesRead } = await handle.read(piece, 0, piece.length, position);
  if (bytesRead === 0) throw new Error('the file of a pack has become shorter');
  return piece.subarray(0, bytesRead);
}
