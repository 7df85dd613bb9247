import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { ifExists } from './disk-errors.ts';
import { syncFile } from './file-system-gaps.ts';
import { withProcessLock } from './process-lock.ts';

export interface AppendLogOptions {
  /** Absolute path of the file; its folder must exist. */
  readonly file: string;
  /** Absolute path of a lock that is held while files are renamed, so that two processes do not do it at once. */
  readonly lockFile: string;
  /** The file is put aside before it would grow beyond this. */
  readonly maxBytes: number;
  /** How many files are kept aside: `NAME.1.EXT` is the youngest. */
  readonly kept: number;
  /** Told when lines could not be written, with their number; they are lost then. */
  readonly onFailure: (error: unknown, lost: number) => void;
  /** Told whenever lines were written. */
  readonly onSuccess: () => void;
}

/** A file of lines that is only ever added to, by any number of processes at once. */
export interface AppendLog {
  /**
   * Resolves when the lines are durable, or when writing them has failed: never rejects. Lines given meanwhile are
   * written together, so that many callers share one fsync.
   */
  append(lines: readonly string[]): Promise<void>;
  /** Resolves when nothing is left to be written. */
  flush(): Promise<void>;
}

export function createAppendLog(options: AppendLogOptions): AppendLog {
  let waiting: string[] = [];
  let next: Promise<void> | undefined;
  let running: Promise<void> = Promise.resolve();

  async function writeWaiting(): Promise<void> {
    await running;
    const lines = waiting;
    waiting = [];
    next = undefined;
    running = appendNow(options, lines).then(
      () => options.onSuccess(),
      (error: unknown) => options.onFailure(error, lines.length),
    );
    await running;
  }

  return {
    async append(lines) {
      if (lines.length === 0) return;
      waiting.push(...lines);
      next ??= writeWaiting();
      await next;
    },
    async flush() {
      await next;
      await running;
    },
  };
}

async function appendNow(options: AppendLogOptions, lines: readonly string[]): Promise<void> {
  const batch = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  await rotateIfFull(options, batch.length);
  // "a+" is O_APPEND: each write goes to the end as a whole, whoever else writes.
  // Never for everybody; whether the group may write, as where a container's users change, the umask says.
  const handle = await open(options.file, 'a+', 0o660);
  try {
    const start = (await endsInLine(handle)) ? batch : Buffer.concat([Buffer.from('\n'), batch]);
    const { bytesWritten } = await handle.write(start);
    // A disk that is full says so of what it did not take.
    if (bytesWritten < start.length) await handle.appendFile(start.subarray(bytesWritten));
    await syncFile(handle);
  } finally {
    await handle.close();
  }
}

/** What a power cut or a full disk left of a line must not run into ours. */
async function endsInLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 10;
}

async function rotateIfFull(options: AppendLogOptions, added: number): Promise<void> {
  const { file, lockFile, maxBytes, kept } = options;
  const isFull = async () => {
    const size = (await ifExists(stat(file)))?.size ?? 0;
    return size > 0 && size + added > maxBytes;
  };
  if (!(await isFull())) return;
  await withProcessLock(lockFile, async () => {
    if (!(await isFull())) return;
    await rm(asideName(file, kept), { force: true });
    for (let age = kept - 1; age >= 1; age--)
      await ifExists(rename(asideName(file, age), asideName(file, age + 1)));
    await ifExists(rename(file, asideName(file, 1)));
  });
}

/** `audit.jsonl` -> `audit.1.jsonl` */
function asideName(file: string, age: number): string {
  return file.replace(/(\.[^./]*)?$/, (extension) => `.${age}${extension}`);
}
