import { LRUCache } from 'lru-cache';
import type { Lookup, SourceFailure } from '../model/lookup.ts';
import { createCircuitBreaker, type Pass } from '../support/flow/circuit-breaker.ts';
import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';

/** Who asks for a longer pause than this, a source or one file of it, gets one of this. */
const longestPauseMs = 10 * 60_000;
/** The pause after a 429 that asks for none in particular. */
const usualPauseMs = 5_000;
/** How many different files have to ask for a pause, one after the other, until the source gets it. */
const pausesOfSource = 5;
/** Files in trouble that are remembered; of more, the ones that failed longest ago are forgotten. */
const rememberedFiles = 1000;
const rememberedMs = 15 * 60_000;

type Unavailable = Extract<Lookup<never>, { kind: 'unavailable' }>;

/** What is asked for: one file by its name here, or the source as a whole (its index). */
type File = string | undefined;

/**
 * What a source's answers so far say about asking it now. Trouble with one file is not trouble with the source:
 *
 * - The whole source is left alone after failures in a row to connect, of its index, or of as many *different* files
 *   (5xx); after one time-out during which nothing else was answered; and while it wants a pause: after a 429, after a
 *   `Retry-After` of its index, and after those of as many different files in a row.
 * - One file is left alone for its own `Retry-After`, after failures in a row, and after a time-out. A file that failed
 *   before says nothing more about the source, so that whoever asks for it again and again keeps the source from nobody.
 *
 * A 4xx is an answer, and so is nonsense: the source is there.
 */
export interface SourceHealth {
  /** Why it, or this file of it, is not asked now, and for how long. Admits nobody. */
  refusal(file?: File): Unavailable | undefined;
  /** Lets a call through to it, or says why not. */
  admit(file?: File): Admission | Unavailable;
  /** Lets a call through although failures speak against it; only a pause that the source asked for is kept. */
  admitAnyway(): Admission | Unavailable;
  /** How long until the pause that was asked for is over: 0 if there is none, infinite while failures keep calls away. */
  pauseMs(file?: File): number;
}

interface Admission {
  /** Takes in what became of the call. Saying nothing is allowed. */
  learn(result: Lookup<unknown>): void;
}

type Clock = Pick<MonotonicClock, 'now' | 'random'>;

export function createSourceHealth(clock: Clock): SourceHealth {
  const whole = createRecord(clock);
  const files = createFileRecords(clock);
  let answers = 0;
  /** Pauses that different files asked for, with nothing answered in between. */
  let pausesInRow = 0;

  /** One file that wants a pause gets it; where one after the other does, the source wants it. */
  function pauseAfterMany(cause: SourceFailure): void {
    pausesInRow = Math.min(pausesInRow + 1, pausesOfSource);
    if (pausesInRow === pausesOfSource) whole.pause(cause);
  }

  function answered(pass: Pass, file: File, cause: SourceFailure | undefined): void {
    answers += 1;
    pausesInRow = 0;
    pass.answered();
    if (file === undefined || cause?.reason === 'rate-limited') whole.pause(cause);
    else if (cause?.retryAfterMs !== undefined) files.recordOf(file).pause(cause);
    else files.forget(file);
  }

  /** Whether it says something about the source. */
  function blameFile(file: string, passOfFile: Pass | undefined, cause: SourceFailure, isAlone: boolean) {
    const isNews = files.find(file) === undefined;
    const record = files.recordOf(file);
    record.fail(passOfFile ?? record.admitAnyway(), cause, isSilence(cause) || (!isNews && whole.isOpen()));
    record.pause(cause);
    if (isConnectionTrouble(cause)) return isNews || !whole.isOpen();
    return isNews && (isAlone || !isSilence(cause));
  }

  function createAdmission(pass: Pass, file: File, passOfFile: Pass | undefined): Admission {
    const answersBefore = answers;
    return {
      learn(result) {
        const cause = result.kind === 'unavailable' ? result.cause : undefined;
        if (!cause || !isTrouble(cause)) return answered(pass, file, cause);
        const isAlone = answers === answersBefore;
        if (file !== undefined && !blameFile(file, passOfFile, cause, isAlone)) return pass.undecided();
        if (file !== undefined && cause.retryAfterMs !== undefined && !whole.isOpen())
          return pauseAfterMany(cause);
        whole.fail(pass, cause, isSilence(cause));
        if (file === undefined) whole.pause(cause);
      },
    };
  }

  return {
    refusal: (file) => whole.refusal() ?? files.find(file)?.refusal(),
    admit(file) {
      const record = files.find(file);
      const refused = whole.refusal() ?? record?.refusal();
      if (refused) return refused;
      const pass = whole.admit();
      const passOfFile = record?.admit();
      if ('kind' in pass) return pass;
      return createAdmission(pass, file, passOfFile && !('kind' in passOfFile) ? passOfFile : undefined);
    },
    admitAnyway: () => whole.pauseRefusal() ?? createAdmission(whole.admitAnyway(), undefined, undefined),
    pauseMs: (file) => Math.max(whole.pauseMs(), files.find(file)?.pauseMs() ?? 0),
  };
}

/** What failures and pauses of one thing say about asking for it. */
function createRecord(clock: Clock) {
  const breaker = createCircuitBreaker(clock);
  let failure: SourceFailure = { reason: 'connection', detail: 'it does not answer' };
  let paused: { readonly until: number; readonly cause: SourceFailure } | undefined;

  const pausedMs = () => Math.max(0, (paused?.until ?? 0) - clock.now());
  const pauseRefusal = () => (paused && pausedMs() > 0 ? refuse(paused.cause, pausedMs()) : undefined);

  return {
    pauseRefusal,
    refusal: () => pauseRefusal() ?? (breaker.waitMs() > 0 ? refuse(failure, breaker.waitMs()) : undefined),
    admit(): Pass | Unavailable {
      const admission = breaker.admit();
      return 'waitMs' in admission ? refuse(failure, admission.waitMs) : admission;
    },
    admitAnyway: () => breaker.admitAnyway(),
    fail(pass: Pass, cause: SourceFailure, isDecisive: boolean): void {
      failure = cause;
      pass.failed(isDecisive);
    },
    pause(cause: SourceFailure | undefined): void {
      const askedMs = cause && pauseAskedFor(cause);
      if (cause && askedMs !== undefined && askedMs > pausedMs())
        paused = { until: clock.now() + askedMs, cause };
    },
    isOpen: () => breaker.isOpen(),
    pauseMs: () => (breaker.waitMs() > 0 ? Number.POSITIVE_INFINITY : pausedMs()),
  };
}

function createFileRecords(clock: Clock) {
  const records = new LRUCache<string, ReturnType<typeof createRecord>>({
    maxSize: rememberedFiles, // `max` makes room for all of them at once
    sizeCalculation: () => 1,
    ttl: rememberedMs,
    ttlResolution: 0,
    perf: clock,
  });
  return {
    find: (file: File) => (file === undefined ? undefined : records.get(file)),
    forget: (file: string) => records.delete(file),
    recordOf(file: string) {
      const record = records.get(file) ?? createRecord(clock);
      records.set(file, record);
      return record;
    },
  };
}

function pauseAskedFor({ reason, retryAfterMs }: SourceFailure): number | undefined {
  const askedMs = retryAfterMs ?? (reason === 'rate-limited' ? usualPauseMs : undefined);
  return askedMs === undefined ? undefined : Math.min(askedMs, longestPauseMs);
}

/** Whether nothing but trouble came. Whatever else came, a 4xx (408 included) or nonsense, the source is there. */
function isTrouble(cause: SourceFailure): boolean {
  return isSilence(cause) || isConnectionTrouble(cause) || cause.reason === 'server-error';
}

/** Nobody was reached: whatever was asked for, all else would have met the same. */
function isConnectionTrouble({ reason }: SourceFailure): boolean {
  return reason === 'connection' || reason === 'tls';
}

function isSilence({ reason, status }: SourceFailure): boolean {
  return reason === 'timeout' && status === undefined;
}

function refuse(cause: SourceFailure, waitMs: number): Unavailable {
  const detail = `it is not asked for another ${Math.ceil(waitMs / 1000)} s: ${cause.detail}`;
  return { kind: 'unavailable', cause: { ...cause, detail, retryAfterMs: waitMs } };
}
