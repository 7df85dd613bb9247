import { LRUCache } from 'lru-cache';
import { RegistryError, StorageError } from '../errors.ts';
import type { Log } from './log.ts';
import { createSpool, type Spool } from './spool.ts';

/** Large answers of git on the disk, within a bound: computed once, and read by all who ask for the same. */
export interface AnswerShelf {
  /** One that is kept, or on its way. */
  find(key: string): Spool | undefined;
  /** Whether there was no room for it: the disk has none, or it is larger than all that may be kept. */
  refuses(key: string): boolean;
  /**
   * Keeps what `pieces` give, for whoever reads it now and for all who follow. Where they end with an error, all readers do.
   * `giveUp` is called when nothing more is wanted of them: the last reader has left, or there is no room. `undefined` if
   * the disk takes nothing; `pieces` are then left alone.
   */
  keep(
    key: string,
    commit: string,
    pieces: AsyncIterable<Buffer>,
    giveUp: () => void,
  ): Promise<Spool | undefined>;
  /** Gives all of it back, once whoever reads has gone. */
  close(): void;
}

export interface AnswerShelfOptions {
  readonly folder: string;
  /** Of all that is on the disk, also while it grows or is discarded and still read. */
  readonly maxBytes: number;
  /** Read afresh: an answer during which the index moved on is not kept. */
  readonly readCommit: () => Promise<string>;
  readonly log: Log;
}

interface Kept {
  readonly spool: Spool;
  readonly commit: string;
}

const rememberedRefusals = 1000;

export function createAnswerShelf({ folder, maxBytes, readCommit, log }: AnswerShelfOptions): AnswerShelf {
  // In the order of use.
  const shelf = new Map<string, Kept>();
  const refused = new LRUCache<string, true>({ max: rememberedRefusals });
  const report = createReport(log);
  let usedBytes = 0;

  /** Whoever reads it reads on. */
  async function take(key: string, kept: Kept): Promise<void> {
    if (shelf.get(key) !== kept) return;
    shelf.delete(key);
    await kept.spool.discard();
    usedBytes -= kept.spool.sizeBytes;
  }

  /** Nobody asks for answers of other commits any more. */
  function takeOthers(commit: string): void {
    for (const [key, kept] of shelf) if (kept.commit !== commit) void take(key, kept);
  }

  async function makeRoom(bytes: number): Promise<void> {
    for (const [key, kept] of shelf) {
      if (usedBytes + bytes <= maxBytes) return;
      if (kept.spool.isWhole && !kept.spool.isRead) await take(key, kept);
    }
    if (usedBytes + bytes > maxBytes)
      throw new StorageError(`large answers of git take more than the ${maxBytes} bytes of limits.git_spool`);
  }

  async function append(spool: Spool, pieces: AsyncIterable<Buffer>): Promise<void> {
    for await (const piece of pieces) {
      await makeRoom(piece.length);
      await spool.append(piece);
      usedBytes += piece.length;
    }
  }

  async function fill(
    key: string,
    kept: Kept,
    pieces: AsyncIterable<Buffer>,
    giveUp: () => void,
  ): Promise<void> {
    try {
      await append(kept.spool, pieces);
    } catch (error) {
      kept.spool.fail(error instanceof Error ? error : new Error(String(error)));
      giveUp();
      if (error instanceof StorageError) refuse(key, error);
      return take(key, kept);
    }
    kept.spool.end();
    report.onKept();
    const current = await readCommit().catch(() => undefined);
    if (current !== kept.commit) await take(key, kept);
  }

  function refuse(key: string, error: unknown): void {
    refused.set(key, true);
    report.onRefusal(error);
  }

  return {
    find(key) {
      const kept = shelf.get(key);
      if (!kept) return undefined;
      shelf.delete(key);
      shelf.set(key, kept);
      return kept.spool;
    },
    refuses: (key) => refused.has(key),
    async keep(key, commit, pieces, giveUp) {
      takeOthers(commit);
      try {
        const kept = { spool: await createSpool(folder, giveUp), commit };
        shelf.set(key, kept);
        void fill(key, kept, pieces, giveUp);
        return kept.spool;
      } catch (error) {
        refuse(key, error);
        return undefined;
      }
    },
    close() {
      for (const [key, kept] of shelf) void take(key, kept);
    },
  };
}

/** A disk that refuses is one line when that begins and one when it ends. */
function createReport(log: Log) {
  let isRefusing = false;
  return {
    onKept() {
      if (isRefusing) log({ level: 'info', message: 'large answers of git are kept again' });
      isRefusing = false;
    },
    onRefusal(error: unknown) {
      if (isRefusing) return;
      isRefusing = true;
      const hint = error instanceof RegistryError ? error.hint : undefined;
      const message = 'large answers of git cannot be kept: each is computed anew for every client';
      log({ level: 'warn', message, fields: { error, hint } });
    },
  };
}
