import type { StorageError } from '../errors.ts';
import type { DataProbe } from '../registry/upkeep/data-probe.ts';
import { storageErrorOf } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import type { Log } from '../support/log.ts';

/** Our own data cannot be read, so that clients cannot be answered rightly. */
export interface DataTrouble {
  readonly index: Failing | undefined;
  /** The folder of archives; `isMissing`: there is none, and those that are fetched make it anew. */
  readonly archives: (Failing & { readonly isMissing: boolean }) | undefined;
}

interface Failing {
  /** When that was found out; ISO 8601, UTC. */
  readonly since: string;
}

/** Whether what is served can be read from the disk, as far as anybody has found out. */
export interface DataWatch {
  /** As it is known, at once; looks again in the background while something is wrong. */
  glance(): DataTrouble;
  /** Looks, and waits a moment for that: what was changed before is seen. */
  look(): Promise<DataTrouble>;
  /** Somebody could not read the data: whatever was known counts no longer. */
  suspect(): void;
  /** As it is known, once the index could not be read by whoever asks: it counts as unreadable until the next look. */
  blame(error: unknown): DataTrouble;
}

export interface DataWatchOptions {
  readonly data: DataProbe;
  /** For reading all of the index once. */
  readonly timeoutMs: number;
  readonly log: Log;
  /** Milliseconds since any moment. */
  readonly now: () => number;
  readonly date: () => Date;
  /** Resolves after so many milliseconds, or when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** While clients are asking, nobody looks more often than this; nor does a failure of theirs have all of it read more often. */
const pauseMs = 1000;
/** A disk that failed may be well again although no file has changed. */
const againAfterMs = 10_000;
/** Whoever asks how we are has a time-out of his own. */
const patienceMs = 1000;

export function createDataWatch(options: DataWatchOptions): DataWatch {
  const { data, timeoutMs, now, log } = options;
  let known: DataTrouble = { index: undefined, archives: undefined };
  let seen = '';
  let isSuspected = false;
  let probedAt = Number.NEGATIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  /** After the one that is under way, which may have missed what its asker has seen; all who wait share the next. */
  function lookOnce(): Promise<void> {
    next ??= looking.then(() => {
      next = undefined;
      lookedAt = now();
      looking = lookNow().catch((error: unknown) =>
        log.error('cannot tell whether the data can be read', { error }),
      );
      return looking;
    });
    return next;
  }

  async function lookNow(): Promise<void> {
    const [fingerprint, archives] = await Promise.all([data.fingerprint(), data.probeArchives()]);
    const isDue = isSuspected || (known.index !== undefined && now() - probedAt >= againAfterMs);
    isSuspected = false;
    const index = fingerprint === seen && !isDue ? known.index : judge('index', await probeSurely());
    seen = fingerprint;
    const failing = judge('archives', archives);
    known = {
      index,
      archives: failing && { ...failing, isMissing: errorCode(archives?.cause) === 'ENOENT' },
    };
  }

  /** Beside a sync that packs objects, git may not find what has just been moved. */
  async function probeSurely(): Promise<StorageError | undefined> {
    probedAt = now();
    return (await data.probeIndex(timeoutMs)) && (await data.probeIndex(timeoutMs));
  }

  /** Tells the log when it begins and when it ends; clients are told of it meanwhile. */
  function judge(what: 'index' | 'archives', error: StorageError | undefined): Failing | undefined {
    const before = known[what];
    if (error && !before) log.error(words[what].begins, { error, hint: error.hint });
    if (!error && before) log.info(words[what].ends, { since: before.since });
    return error && (before ?? { since: options.date().toISOString() });
  }

  return {
    glance() {
      if (hasTrouble(known) && now() - lookedAt >= pauseMs) void lookOnce();
      return known;
    },
    async look() {
      const done = new AbortController();
      const work = lookOnce().finally(() => done.abort());
      await Promise.race([work, options.sleep(patienceMs, done.signal).catch(() => {})]);
      return known;
    },
    suspect() {
      if (hasTrouble(known)) return;
      isSuspected = true;
      if (now() - probedAt >= pauseMs) void lookOnce();
    },
    blame(error) {
      isSuspected = true;
      known = { ...known, index: judge('index', storageErrorOf('read the index', error)) };
      return known;
    },
  };
}

export function hasTrouble({ index, archives }: DataTrouble): boolean {
  return index !== undefined || archives !== undefined;
}

const words = {
  index: {
    begins: 'the index cannot be served: clients are told to ask again',
    ends: 'the index can be served again',
  },
  archives: {
    begins: 'stored archives cannot be read',
    ends: 'stored archives can be read again',
  },
};
