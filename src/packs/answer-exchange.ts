import { open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { ifExists, onDisk } from '../support/disk/disk-errors.ts';
import { inTurn } from '../support/disk/in-turn.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';
import type { Log } from '../support/log.ts';
import { createDiskReport } from './disk-report.ts';

/** Answers of git that one process computes for all that serve a registry together: files in a folder (decision 0009). */
export interface AnswerExchange {
  /** As `inTurn` for one key. */
  inTurn<T>(
    key: string,
    caller: AbortSignal,
    work: (answer: (value: T) => void) => Promise<void>,
  ): Promise<T>;
  /** What a process offered, if that can be read. */
  find(key: string): Promise<OfferedAnswer | undefined>;
  /**
   * Gives the others an answer of the served commit; those of other commits go. Never rejects: where the disk takes
   * nothing, the others compute their own.
   */
  offer(key: string, commit: string, answer: Buffer | Readable): Promise<void>;
}

export interface OfferedAnswer {
  readonly sizeBytes: number;
  /** The caller reads or destroys it. */
  readonly bytes: Readable;
}

export interface AnswerExchangeOptions {
  readonly folder: string;
  readonly lockFolder: string;
  /** Of all that this process offers. */
  readonly maxBytes: number;
  /** How long another process is waited for. */
  readonly waitMs: number;
  readonly log: Log;
  /** Whether people have been told of a failure already. */
  readonly isTold?: ((error: unknown) => boolean) | undefined;
}

const maxOffers = 1000;
const pieceBytes = 1024 * 1024;

export function createAnswerExchange(options: AnswerExchangeOptions): AnswerExchange {
  const { folder, lockFolder, maxBytes, waitMs, log } = options;
  const report = createDiskReport(
    log,
    {
      refuses: 'answers of git cannot be shared: each process computes its own',
      worksAgain: 'processes share answers of git again',
    },
    options.isTold,
  );
  const offers = new LRUCache<string, number>({
    max: maxOffers,
    maxSize: maxBytes,
    sizeCalculation: (sizeBytes) => Math.max(1, sizeBytes),
    dispose: (_, name) => void discard(name),
    noDisposeOnSet: true, // By then the name is that of the new file.
  });
  let commitOfAll: string | undefined;

  /** A name that stays is in nobody's way: the next commit tries again. */
  async function discard(name: string): Promise<void> {
    await rm(join(folder, name), { force: true }).catch(() => {});
  }

  /** Also what processes left that were killed. */
  async function discardOthers(commit: string): Promise<void> {
    if (commit === commitOfAll) return;
    commitOfAll = commit;
    const names = await readdir(folder);
    for (const name of names.filter((each) => !each.startsWith(`${commit}-`))) await discard(name);
    for (const name of offers.keys()) if (!name.startsWith(`${commit}-`)) offers.delete(name);
  }

  async function publish(name: string, answer: Buffer | Readable): Promise<void> {
    const file = join(folder, name);
    const temporary = temporaryName(file);
    try {
      await writeFile(temporary, answer, { flag: 'wx', mode: 0o600 });
      const sizeBytes = (await stat(temporary)).size;
      if (sizeBytes > maxBytes) return;
      // Gone, if another process is ahead of us and serves the next commit.
      await ifExists(rename(temporary, file));
      offers.set(name, sizeBytes);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  return {
    inTurn: (key, signal, work) =>
      inTurn(join(lockFolder, `answer-${nameOf(key)}`), work, {
        signal,
        waitMs,
        onLateFailure: report.onFailure,
      }),
    async find(key) {
      const handle = await open(join(folder, nameOf(key)), 'r').catch(() => undefined);
      const facts = await handle?.stat().catch(() => undefined);
      if (handle && facts)
        return { sizeBytes: facts.size, bytes: handle.createReadStream({ highWaterMark: pieceBytes }) };
      await handle?.close();
      return undefined;
    },
    async offer(key, commit, answer) {
      try {
        await onDisk(`write below ${folder}`, async () => {
          await makeFolder(folder, 0o700);
          await discardOthers(commit);
          await publish(nameOf(key), answer);
        });
        report.onSuccess();
      } catch (error) {
        // Where it was git that failed, those who wait for the answer are told.
        const isBroken = answer instanceof Readable && answer.errored !== null;
        if (!isBroken) report.onFailure(error);
      } finally {
        if (answer instanceof Readable) answer.destroy();
      }
    },
  };
}

/** What an earlier run left: nothing of it was made to outlive a power cut. Throws `StorageError`. */
export async function discardOffers(folder: string): Promise<void> {
  await onDisk(`remove ${folder}`, () => rm(folder, { recursive: true, force: true }));
}

/** A key begins with the commit. */
function nameOf(key: string): string {
  return key.replaceAll(' ', '-');
}
