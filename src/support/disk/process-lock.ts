import { readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../errors.ts';
import { linkSignals } from '../flow/link-signals.ts';
import { type MonotonicClock, systemClock } from '../flow/monotonic-clock.ts';
import { ifExists, onDisk } from './disk-errors.ts';
import { tryLink } from './file-system-gaps.ts';
import { type Holder, readHolder, tryTake } from './lock-file.ts';
import { lockWatchOf } from './lock-silence.ts';
import { type Fate, fateOf, identifyThisProcess, type ProcessIdentity } from './process-identity.ts';
import { temporaryName } from './temporary-file.ts';

const defaultWaitMs = 60_000;
const refreshMs = 15_000;
/** Three signs of life missed. Less than callers wait by default, so that none waits in vain. */
const silentAfterMs = 45_000;
const longestPauseMs = 50;
const releaseAgainMs = 1000;
/** For whoever does not wait for the lock, and so has time to be sure. */
const surelySilentAfterMs = 10 * 60_000;

export interface ProcessLockOptions {
  /** How long to wait for the lock; 60,000 unless given, 0 to try once. */
  readonly waitMs?: number | undefined;
  /** Called once, when the lock turns out to be taken. `holder` reads like `process 12 on build-3`. */
  readonly onWait?: ((holder: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: MonotonicClock | undefined;
}

/**
 * Runs `work` while no other caller, in this process or another, runs under the same `file`. Its folder is made where it
 * is missing in one that is there. Not reentrant, and in no order. The lock is released however `work` ends; if this process
 * dies, the next caller on the same machine takes the lock over at once, and one on another machine when it has itself seen
 * no sign of life for 45 s, by its own clock; so long it waits whatever `waitMs` says, unless that is 0.
 *
 * The signal given to `work` aborts with that of `options`, or when the lock was lost, which happens only to a process
 * that was stopped for so long. Throws `StorageError` naming the holder when waiting takes too long.
 */
export async function withProcessLock<T>(
  file: string,
  work: (signal: AbortSignal) => Promise<T>,
  options: ProcessLockOptions = {},
): Promise<T> {
  const target = path.resolve(file);
  const text = await onDisk(`lock ${target}`, () => acquire(target, options));
  const linked = linkSignals([options.signal]);
  const timer = setInterval(() => {
    // A refresh that fails is tried again; there are three more before anybody takes the lock for abandoned.
    refresh(target, text).then(
      (lost) => lost && linked.abort(lost),
      () => {},
    );
  }, refreshMs).unref();
  try {
    return await work(linked.signal);
  } finally {
    clearInterval(timer);
    linked.unlink();
    await onDisk(`unlock ${target}`, () => releaseSurely(target, text));
  }
}

/** Removes the locks in a folder whose holders are dead, as the next caller who wants one would. */
export async function removeAbandonedLocks(folder: string, clock = systemClock): Promise<void> {
  await onDisk(`tidy ${folder}`, async () => {
    const names = (await ifExists(readdir(folder))) ?? [];
    const judge = createJudge(clock);
    for (const name of names.filter((each) => !/\.(tmp|takeover)$/.test(each))) {
      const file = path.join(folder, name);
      const holder = await readHolder(file);
      if (holder && judge.isAbandoned(holder, surelySilentAfterMs))
        await removeAbandoned(file, holder, judge);
    }
  });
}

async function acquire(file: string, options: ProcessLockOptions): Promise<string> {
  const { waitMs = defaultWaitMs, onWait, signal, clock = systemClock } = options;
  const judge = createJudge(clock);
  const startedAt = clock.now();
  let first: Holder | undefined;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    const holder = await tryTake(file, judge.self);
    if (typeof holder === 'string') return holder;
    if (judge.isAbandoned(holder) && (await removeAbandoned(file, holder, judge))) continue;
    if (first === undefined && waitMs > 0) onWait?.(describe(holder));
    first ??= holder;
    const remainingMs = waitMs - (clock.now() - startedAt);
    // Whoever gives up on a silent lock before it is known to be abandoned would do so every time.
    const mayBeAbandoned = waitMs > 0 && holder.mark === first.mark && judge.fateOf(holder) === 'unknown';
    if (remainingMs <= 0 && !mayBeAbandoned) throw takenError(file, holder, clock.now() - startedAt);
    const jitteredMs = pauseMs * (0.5 + Math.random());
    await clock.sleep(remainingMs > 0 ? Math.min(jitteredMs, remainingMs) : jitteredMs, signal);
  }
}

/** What becomes of locks that others hold, as far as this process can tell. */
interface Judge {
  readonly self: ProcessIdentity;
  fateOf(holder: Holder): Fate;
  isAbandoned(holder: Holder, silentMs?: number): boolean;
}

function createJudge(clock: MonotonicClock): Judge {
  const self = identifyThisProcess();
  const watch = lockWatchOf(clock);
  const fate = ({ identity }: Holder): Fate => (identity ? fateOf(identity, self) : 'unknown');
  return {
    self,
    fateOf: fate,
    isAbandoned(holder, silentMs = silentAfterMs) {
      const known = fate(holder);
      return known === 'unknown' ? watch.silentForMs(holder) > silentMs : known === 'ended';
    },
  };
}

/**
 * Removes an abandoned lock file; false if somebody else is at it. A name is all one can remove, and between judging a
 * file and removing its name another process may have done the same and taken the lock. So only the one who
 * holds the guard removes locks of others, after judging again: meanwhile a file without a live owner cannot change.
 */
async function removeAbandoned(file: string, abandoned: Holder, judge: Judge): Promise<boolean> {
  const guard = `${file}.takeover`;
  const mine = await tryTake(guard, judge.self);
  if (typeof mine !== 'string') {
    if (judge.isAbandoned(mine)) await removeGuard(guard, mine);
    return false;
  }
  try {
    const current = await readHolder(file);
    if (current?.text === abandoned.text && judge.isAbandoned(current)) await rm(file, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

/** For a guard whose owner died within the moment it is held for: moves it away, and back if it is another by now. */
async function removeGuard(guard: string, abandoned: Holder): Promise<void> {
  const moved = temporaryName(guard);
  if (!(await ifExists(rename(guard, moved).then(() => true)))) return;
  try {
    const found = await readHolder(moved);
    if (found?.text !== abandoned.text) await putBack(moved, guard, found?.text).catch(() => {});
  } finally {
    await rm(moved, { force: true });
  }
}

async function putBack(moved: string, guard: string, text = ''): Promise<void> {
  if ((await tryLink(moved, guard)) !== undefined) await writeFile(guard, text, { flag: 'wx' });
}

/** Gives other machines a sign of life. Answers an error when the lock is no longer ours. */
async function refresh(file: string, text: string): Promise<StorageError | undefined> {
  const holder = await readHolder(file);
  if (holder?.text !== text)
    return new StorageError(`lost the lock ${file}${holder ? ` to ${describe(holder)}` : ''}`, {
      hint: 'this process was stopped for a while, or the file was removed: run the same command again',
    });
  const now = new Date();
  await utimes(file, now, now);
  return undefined;
}

/** What fails now, for want of file descriptors perhaps, is tried again: while this process lives nobody else may. */
async function releaseSurely(file: string, text: string): Promise<void> {
  try {
    await release(file, text);
  } catch (error) {
    const timer = setInterval(() => {
      release(file, text).then(
        () => clearInterval(timer),
        () => {},
      );
    }, releaseAgainMs).unref();
    throw error;
  }
}

async function release(file: string, text: string): Promise<void> {
  const holder = await readHolder(file);
  if (holder?.text === text) await rm(file, { force: true });
}

function describe({ identity }: Holder): string {
  return identity ? `process ${identity.pid} on ${identity.host}` : 'an unknown process';
}

function takenError(file: string, holder: Holder, waitedMs: number): StorageError {
  const who = describe(holder);
  return new StorageError(
    `cannot lock ${file}: waited ${Math.round(waitedMs / 1000)} s for ${who}, which holds it`,
    {
      hint: `wait until ${who} has finished, or stop it; the lock of a process that ended is taken over by itself`,
    },
  );
}
