import { appendFile, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../support/disk/atomic-file.ts';
import { ifExists } from '../../support/disk/disk-errors.ts';
import { withProcessLock } from '../../support/disk/process-lock.ts';

/** Hours in which each token was last used: advice for whoever tidies up, in a plain file that nothing rests on. */
export interface LastUse {
  /** Remembers a use; writes at most once an hour for each token, and later. `now` in milliseconds since 1970. */
  note(name: string, now: number): void;
  /** Resolves when nothing is left to be written. */
  flush(): Promise<void>;
}

export interface LastUseOptions {
  /** Absolute path of the file; its folder exists. */
  readonly file: string;
  /** Absolute path of the lock that is held while the file is made shorter. */
  readonly lockFile: string;
  /** Told when the disk did not take it. */
  readonly onFailure: (error: unknown) => void;
}

/** Beyond it, all but the last use of each is dropped. */
const compactAboveBytes = 256 * 1024;

export function createLastUse({ file, lockFile, onFailure }: LastUseOptions): LastUse {
  const noted = new Map<string, string>();
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;

  async function writeWaiting(): Promise<void> {
    // Whatever comes in the same turn is written with it.
    await Promise.resolve();
    while (waiting.length > 0) {
      const lines = waiting.join('');
      waiting = [];
      try {
        await appendFile(file, lines, { mode: 0o600 });
        await compact(file, lockFile);
      } catch (error) {
        onFailure(error);
      }
    }
    // In the same turn as the last look at what waits: what comes from now on begins anew.
    writing = undefined;
  }

  return {
    note(name, now) {
      const hour = hourOf(now);
      if (noted.get(name) === hour) return;
      noted.set(name, hour);
      waiting.push(`${name} ${hour}\n`);
      writing ??= writeWaiting();
    },
    async flush() {
      await writing;
    },
  };
}

/** By token's name, the beginning of the hour of its last use: ISO 8601, UTC. What cannot be read tells nothing. */
export async function readLastUse(file: string): Promise<ReadonlyMap<string, string>> {
  return parseUses((await ifExists(readFile(file, 'utf8'))) ?? '');
}

function parseUses(text: string): Map<string, string> {
  const uses = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, hour] = /^([a-z0-9][a-z0-9._-]{0,63}) (\d{4}-\d\d-\d\dT\d\d:00Z)$/.exec(line) ?? [];
    if (name === undefined || hour === undefined) continue;
    if (hour > (uses.get(name) ?? '')) uses.set(name, hour);
  }
  return uses;
}

/** A line that another process adds meanwhile may be lost, until it is used in another hour. */
async function compact(file: string, lockFile: string): Promise<void> {
  const before = await readFile(file);
  if (before.length <= compactAboveBytes) return;
  await withProcessLock(lockFile, async () => {
    const uses = parseUses(await readFile(file, 'utf8'));
    await writeFileAtomic(file, [...uses].map(([name, hour]) => `${name} ${hour}\n`).join(''));
  });
}

function hourOf(now: number): string {
  return `${new Date(now).toISOString().slice(0, 13)}:00Z`;
}
