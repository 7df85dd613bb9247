import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { StorageError } from '../../errors.ts';
import { createManualClock } from '../flow/monotonic-clock.fixture.ts';
import { onFailingDisk } from './failing-disk.fixture.ts';
import { identifyThisProcess } from './process-identity.ts';
import { type ProcessLockOptions, removeAbandonedLocks, withProcessLock } from './process-lock.ts';

const workerScript = `
import { readFile, writeFile } from 'node:fs/promises';
import { removeAbandonedLocks, withProcessLock } from './process-lock.mjs';
const [task, file, counter, times] = process.argv.slice(2);
if (task === 'hold')
  await withProcessLock(file, () => {
    process.stdout.write('held');
    return new Promise(() => setInterval(() => {}, 1000));
  });
for (let i = 0; i < Number(times); i++)
  await withProcessLock(file, async () => {
    const value = Number(await readFile(counter, 'utf8'));
    await writeFile(counter, String(value + 1));
  });
`;

let scripts: string;
let directory: string;
let file: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  scripts = await mkdtemp(path.join(tmpdir(), 'lock-scripts-'));
  await build({
    entryPoints: [path.join(import.meta.dirname, 'process-lock.ts')],
    outfile: path.join(scripts, 'process-lock.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  await writeFile(path.join(scripts, 'worker.mjs'), workerScript);
});
afterAll(() => rm(scripts, { recursive: true }));

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'lock-'));
  file = path.join(directory, 'registry.lock');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  const left = await readdir(directory);
  await rm(directory, { recursive: true });
  expect(left.filter((name) => name !== 'counter')).toEqual([]);
});

function run(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join(scripts, 'worker.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  return child;
}

async function startHolder(): Promise<ChildProcess> {
  const holder = run('hold', file);
  if (holder.stdout) await once(holder.stdout, 'data');
  return holder;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('withProcessLock in one process', () => {
  test('gives the value of the work, and is free afterwards', async () => {
    const held = await withProcessLock(file, async () => existsSync(file));
    expect(held).toBe(true);
    expect(await withProcessLock(file, async () => 'again', { waitMs: 0 })).toBe('again');
  });

  test('is free again after work that failed, at once or later', async () => {
    const broken = new Error('broken');
    await expect(withProcessLock(file, () => Promise.reject(broken))).rejects.toBe(broken);
    const throwing = () => {
      throw broken;
    };
    await expect(withProcessLock(file, throwing)).rejects.toBe(broken);
    expect(await withProcessLock(file, async () => 1, { waitMs: 0 })).toBe(1);
  });

  test('lets one caller in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await nextTurn();
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => withProcessLock(file, work)));
    expect(most).toBe(1);
  });

  test('a wait that is aborted ends with the reason, and the holder keeps the lock', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await withProcessLock(file, async () => {
      const second = withProcessLock(file, async () => 'never', {
        signal: controller.signal,
        onWait: () => controller.abort(reason),
      });
      await expect(second).rejects.toBe(reason);
      expect(existsSync(file)).toBe(true);
    });
  });

  test('the work hears of an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await withProcessLock(
      file,
      async (signal) => {
        controller.abort(reason);
        expect(signal.reason).toBe(reason);
      },
      { signal: controller.signal },
    );
  });

  test('a disk that refuses is a StorageError', async () => {
    const notFolder = path.join(directory, 'counter');
    await writeFile(notFolder, '');
    await expect(withProcessLock(path.join(notFolder, 'lock'), async () => 1)).rejects.toThrow(StorageError);
  });
});

describe('withProcessLock between processes', () => {
  test('who waits too long hears who holds it', async () => {
    const holder = await startHolder();
    const waited: string[] = [];
    const attempt = withProcessLock(file, async () => 1, { waitMs: 1, onWait: (who) => waited.push(who) });
    await expect(attempt).rejects.toThrow(`process ${holder.pid} on `);
    await expect(attempt).rejects.toBeInstanceOf(StorageError);
    await expect(attempt).rejects.toHaveProperty('hint', expect.stringContaining('stop it'));
    expect(waited).toEqual([expect.stringContaining(`process ${holder.pid} on `)]);
    await kill(holder);
    await rm(file);
  });

  test('the lock of a killed holder is taken over at once', async () => {
    await kill(await startHolder());
    expect(existsSync(file)).toBe(true);
    expect(await withProcessLock(file, async () => 1, { waitMs: 0 })).toBe(1);
  });

  test('a waiting caller takes over when the holder is killed', async () => {
    const holder = await startHolder();
    const answer = withProcessLock(file, async () => 1, { onWait: () => holder.kill('SIGKILL') });
    expect(await answer).toBe(1);
  });

  test('eight processes lose no increment', async () => {
    const counter = path.join(directory, 'counter');
    await writeFile(counter, '0');
    const workers = Array.from({ length: 8 }, () => run('count', file, counter, '40'));
    const exits = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    expect(exits.map(([code]) => code)).toEqual(Array(8).fill(0));
    expect(await readFile(counter, 'utf8')).toBe('320');
  });

  test('no increment is lost while holders are killed again and again', async () => {
    const counter = path.join(directory, 'counter');
    await writeFile(counter, '0');
    await kill(await startHolder());
    const workers = Array.from({ length: 6 }, () => run('count', file, counter, '30'));
    const finished = Promise.all(workers.map((worker) => once(worker, 'exit')));
    for (let round = 0; round < 5; round++) await kill(await startHolder());
    const exits = await finished;
    expect(exits.map(([code]) => code)).toEqual(Array(6).fill(0));
    expect(await readFile(counter, 'utf8')).toBe('180');
    await withProcessLock(file, async () => {}, { waitMs: 0 });
  });
});

describe('withProcessLock and locks found', () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  const leave = async (content: string, modified: Date) => {
    await writeFile(file, content);
    await utimes(file, modified, modified);
  };
  const tryOnce = () => withProcessLock(file, async () => 'taken', { waitMs: 0 });

  test.skipIf(!existsSync('/proc/self/stat'))(
    'a process that got the number of a dead one is not the holder',
    async () => {
      const self = identifyThisProcess();
      await leave(JSON.stringify({ ...self, startedAt: '1' }), new Date());
      expect(await tryOnce()).toBe('taken');
    },
  );

  const elsewhere = async () =>
    JSON.stringify({ ...identifyThisProcess(), host: 'elsewhere', place: 'elsewhere' });
  const begin = (clock: ReturnType<typeof createManualClock>, options: ProcessLockOptions = {}) =>
    withProcessLock(file, async () => 'taken', { clock, ...options }).catch(String);
  /** Lets a second after the other pass until there is an outcome; files are looked at in between. */
  const passUntil = async (
    clock: ReturnType<typeof createManualClock>,
    outcome: Promise<string>,
    eachSecond = async (_second: number) => {},
  ) => {
    let told: string | undefined;
    void outcome.then((text) => {
      told = text;
    });
    const startedAt = clock.now();
    for (let second = 1; told === undefined; second++) {
      await sleep(1);
      await eachSecond(second);
      await clock.advance(1000);
    }
    return { told, afterMs: clock.now() - startedAt };
  };

  test.each([
    ['two days ahead', 2 * 24 * 60 * 60_000],
    ['of now', 0],
    ['two minutes ago', -2 * 60_000],
    ['of 1970', -Date.now()],
  ])(
    'a silent lock of another machine, dated %s, is taken over when we have seen it silent',
    async (_, aheadMs) => {
      const clock = createManualClock();
      await leave(await elsewhere(), new Date(Date.now() + aheadMs));
      const { told, afterMs } = await passUntil(clock, begin(clock, { waitMs: 5000 }));
      expect(told).toBe('taken');
      expect(afterMs).toBeGreaterThan(45_000);
    },
  );

  test('whoever shows signs of life keeps the lock, whatever its clock says', async () => {
    const clock = createManualClock();
    await leave(await elsewhere(), minutesAgo(5));
    const outcome = begin(clock, { waitMs: 200_000 });
    const { told } = await passUntil(clock, outcome, async (second) => {
      if (second % 5 === 0) await utimes(file, minutesAgo(second), minutesAgo(second));
    });
    expect(told).toContain(`process ${process.pid} on elsewhere`);
    await rm(file);
  });

  test('what one caller has seen counts for the next, which need not wait', async () => {
    const clock = createManualClock();
    await leave(await elsewhere(), new Date());
    expect(await begin(clock, { waitMs: 0 })).toContain('elsewhere');
    await clock.advance(46_000);
    expect(await begin(clock, { waitMs: 0 })).toBe('taken');
  });

  test.each(['', '{"pid":', '{"pid":"x","host":1}', 'null'])(
    'a lock file with %j in it counts until it was seen so for a while',
    async (content) => {
      const clock = createManualClock();
      await leave(content, minutesAgo(2));
      expect(await begin(clock, { waitMs: 0 })).toContain('an unknown process');
      await clock.advance(46_000);
      expect(await begin(clock, { waitMs: 0 })).toBe('taken');
    },
  );

  test('the folder of locks is made again where somebody removed it, and nothing above it', async () => {
    const locks = path.join(directory, 'counter');
    expect(await withProcessLock(path.join(locks, 'registry'), async () => existsSync(locks))).toBe(true);
    await rm(locks, { recursive: true });
    const gone = path.join(locks, 'data', 'locks', 'registry');
    await expect(withProcessLock(gone, async () => 1)).rejects.toMatchObject({
      name: 'StorageError',
      message: `cannot lock ${gone}: ENOENT`,
    });
    expect(existsSync(locks)).toBe(false);
  });

  test.each(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EMLINK', 'EXDEV'])(
    'one at a time also where links fail with %s',
    (code) =>
      onFailingDisk({ link: code }, async () => {
        let inside = 0;
        const work = async () => {
          expect(++inside).toBe(1);
          await nextTurn();
          inside--;
        };
        await Promise.all(Array.from({ length: 10 }, () => withProcessLock(file, work)));
        await leave(JSON.stringify({ ...identifyThisProcess(), startedAt: '1' }), new Date());
        if (existsSync('/proc/self/stat')) expect(await tryOnce()).toBe('taken');
        else await rm(file);
      }),
  );

  test('a takeover that was interrupted does not block the next', async () => {
    await kill(await startHolder());
    await writeFile(`${file}.takeover`, await readFile(file));
    expect(await withProcessLock(file, async () => 1)).toBe(1);
  });

  test('locks of dead holders can be tidied away, and no other', async () => {
    const dead = await startHolder();
    const ofDead = `${file}-of-dead`;
    await rename(file, ofDead);
    await kill(dead);
    await startHolder();
    const elsewhere = `${file}-elsewhere`;
    const identity = { ...identifyThisProcess(), pid: dead.pid, place: 'elsewhere' };
    await writeFile(elsewhere, JSON.stringify(identity));
    await removeAbandonedLocks(directory);
    expect((await readdir(directory)).sort()).toEqual([file, elsewhere].map((each) => path.basename(each)));
    await removeAbandonedLocks(path.join(directory, 'missing'));
    await Promise.all([rm(file), rm(elsewhere)]);
  });

  describe('while the work takes long', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
    afterEach(() => void vi.useRealTimers());

    test('the holder shows signs of life', async () => {
      await withProcessLock(file, async () => {
        await utimes(file, minutesAgo(5), minutesAgo(5));
        vi.advanceTimersByTime(15_000);
        const touched = async () => expect((await stat(file)).mtime > minutesAgo(1)).toBe(true);
        await vi.waitFor(touched, { timeout: 10_000 });
      });
    });

    test('a lock that could not be released is released as soon as it can be', async () => {
      const kept = `${file}-kept`;
      const working = withProcessLock(file, async () => {
        await rename(file, kept);
        await mkdir(file);
      });
      await expect(working).rejects.toThrow('EISDIR');
      await rm(file, { recursive: true });
      await rename(kept, file);
      const isFree = () => {
        vi.advanceTimersByTime(1000);
        expect(existsSync(file)).toBe(false);
      };
      await vi.waitFor(isFree, { timeout: 10_000 });
    });

    test('a holder that lost its lock is told so', async () => {
      await withProcessLock(file, async (signal) => {
        await rm(file);
        const told = once(signal, 'abort');
        vi.advanceTimersByTime(15_000);
        await told;
        expect(signal.reason).toBeInstanceOf(StorageError);
      });
    });
  });

  test('releasing leaves a lock that others took meanwhile', async () => {
    await withProcessLock(file, () => writeFile(file, 'another'));
    expect(await readFile(file, 'utf8')).toBe('another');
    expect((await stat(file)).isFile()).toBe(true);
    await rm(file);
  });
});

test('a link to nothing in the place of a lock is refused, not waited for', async () => {
  await symlink('/nonexistent/lock', file);
  await expect(withProcessLock(file, async () => {})).rejects.toMatchObject({
    message: `cannot lock ${file}: it is a link to what is not there`,
    hint: `rm ${file}`,
  });
  await rm(file);
});
