import { LRUCache } from 'lru-cache';
import { formatSize } from '../config/size.ts';
import { StorageError } from '../errors.ts';
import type { Log } from '../support/log.ts';
import { createDiskReport } from './disk-report.ts';
import { createSpool, type Spool } from './spool.ts';

/** Large answers of git on the disk, within a bound: computed once, and read by all who ask for the same. */
export interface AnswerShelf {
  /** One that is kept, or on its way. */
  find(key: string): Spool | undefined;
  /** Whether there was no room for it: the disk has none, or it is larger than all that may be kept. */
  refuses(key: string): boolean;
  /**
   * Keeps an answer, for whoever reads it now and for all who follow. `undefined` if there is no room for what has begun;
   * the rest is then left alone. Where the rest ends with an error, all readers do. Of two that come for the same key, the
   * earlier is kept.
   */
  keep(key: string, commit: string, answer: GrowingAnswer): Promise<Spool | undefined>;
  /** Gives all of it back, once whoever reads has gone. */
  close(): void;
}

interface GrowingAnswer {
  readonly begun: readonly Buffer[];
  readonly rest: AsyncIterable<Buffer>;
  /** Nothing more is wanted: the last reader has left, or there is no room. Harmless later. */
  readonly giveUp: () => void;
}

export interface AnswerShelfOptions {
  readonly folder: string;
  /** Of all that is on the disk, also while it grows or is discarded and still read. */
  readonly maxBytes: number;
  /** Read afresh: an answer during which the index moved on is not kept. */
  readonly readCommit: () => Promise<string>;
  readonly log: Log;
  /** Whether people have been told of a failure already. */
  readonly isTold?: ((error: unknown) => boolean) | undefined;
}

interface Kept {
  readonly spool: Spool;
  readonly commit: string;
}

const rememberedRefusals = 1000;

export function createAnswerShelf(options: AnswerShelfOptions): AnswerShelf {
  const { folder, maxBytes, readCommit, log, isTold } = options;
  // In the order of use.
  const shelf = new Map<string, Kept>();
  const refused = new LRUCache<string, true>({ max: rememberedRefusals });
  const report = createDiskReport(
    log,
    {
      refuses: 'large answers of git cannot be kept: each is computed anew for every client',
      worksAgain: 'large answers of git are kept again',
    },
    isTold,
  );
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
      throw new StorageError(`they take more than limits.git_spool, which is ${formatSize(maxBytes)}`, {
        hint: 'raise limits.git_spool if the disk has room for it',
      });
  }

  async function append(spool: Spool, piece: Buffer): Promise<void> {
    await makeRoom(piece.length);
    usedBytes += piece.length;
    try {
      await spool.append(piece);
    } catch (error) {
      usedBytes -= piece.length;
      throw error;
    }
  }

  async function begin({ begun, giveUp }: GrowingAnswer): Promise<Spool> {
    const spool = await createSpool(folder, giveUp);
    try {
      for (const piece of begun) await append(spool, piece);
      return spool;
    } catch (error) {
      await giveBack(spool);
      throw error;
    }
  }

  /** One that nobody reads, and nothing is written into any more. */
  async function giveBack(spool: Spool): Promise<void> {
    spool.end();
    await spool.discard();
    usedBytes -= spool.sizeBytes;
  }

  async function fill(key: string, kept: Kept, { rest, giveUp }: GrowingAnswer): Promise<void> {
    try {
      for await (const piece of rest) await append(kept.spool, piece);
    } catch (error) {
      kept.spool.fail(error instanceof Error ? error : new Error(String(error)));
      giveUp();
      if (error instanceof StorageError) refuse(key, error);
      return take(key, kept);
    }
    kept.spool.end();
    report.onSuccess();
    const current = await readCommit().catch(() => undefined);
    if (current !== kept.commit) await take(key, kept);
  }

  function refuse(key: string, error: unknown): void {
    refused.set(key, true);
    report.onFailure(error);
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
    async keep(key, commit, answer) {
      takeOthers(commit);
      try {
        const spool = await begin(answer);
        const earlier = shelf.get(key);
        if (earlier) {
          answer.giveUp();
          await giveBack(spool);
          return earlier.spool;
        }
        const kept = { spool, commit };
        shelf.set(key, kept);
        void fill(key, kept, answer);
        return spool;
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
