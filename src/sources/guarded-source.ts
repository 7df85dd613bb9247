import { absent, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { createFairQueue } from '../support/flow/fair-queue.ts';
import { linkSignals } from '../support/flow/link-signals.ts';
import { type MonotonicClock, systemClock } from '../support/flow/monotonic-clock.ts';
import { createNegativeCache } from '../support/flow/negative-cache.ts';
import { defaultRetryPolicy, retryDelayMs } from '../support/flow/retry.ts';
import { bodyOf, type OpenedBody, type Source, SourceClosedError } from './source.ts';
import { createSourceHealth, type SourceHealth } from './source-health.ts';

export interface GuardedSource extends Source {
  /** Why it is not asked now, and for how long: after failures, or because it wanted a pause. */
  refusal(): SourceFailure | undefined;
  /** What it did not have is asked for again: somebody else has read its index since. */
  forgetAbsences(): void;
}

/** How often a call is made while the source asks for pauses, and how long a pause it sits out. */
interface Patience {
  readonly tries: number;
  readonly waitMs: number;
}

const patience = {
  // An index that is a little older serves as well, so a sync does not wait for long.
  index: { tries: 2, waitMs: 5_000 },
  file: { tries: 4, waitMs: 60_000 },
} satisfies Record<string, Patience>;

/** What clients that build see least of, wasm assets and editors' symbols, gets a small budget of its own. */
export const assetBudget = { concurrency: 4, waiting: 32 };

/**
 * A source that is in trouble costs nobody more than it must, and gets no more requests than it can bear:
 *
 * - What failed, one file or the source, is left alone for a while, and every call for it is `unavailable` at once:
 *   see `SourceHealth`. A body that breaks off never counts.
 * - Who said `Retry-After` is asked nothing before then. Short pauses are sat out by whoever asks.
 * - What it definitely does not have is not asked for again for 45 s, or until its index is read, here or elsewhere.
 * - It gets `maxConcurrency` archive calls at the same time; one that opened a body lasts until that is closed. Of more,
 *   `limits.waitingRequests` wait; the others are `overloaded` at once.
 * - Its index is read beside them, one reading at a time: a source that is busy can be refreshed.
 * - Assets and symbols have places, a queue and an experience of their own: what they meet keeps no archive from anybody.
 *
 * A probe is made although the source is left alone, and counts like any other call.
 *
 * How often one archive is asked for, at most, and where each number is decided:
 *
 * | times | again where | decided in |
 * |---|---|---|
 * | 3 | what came is another file than what had begun to come | `attempts` of `registry/deliver/fetch-archive.ts` |
 * | 4 (an index or symbols: 2) | the source asks for a pause that is short enough | `patience` here |
 * | 2 | it refuses the credentials, and there are others meanwhile | `run` of `git-source.ts` |
 * | 4 | no connection, or 408, 500, 502 to 504 without `Retry-After` | `retries` of `support/flow/retry.ts`; which outcomes, in `support/net/http-attempts.ts`; `connect.ts` leaves time-outs, 429 and `Retry-After` to the guard |
 *
 * 96 together, where each fails in its own way each time; 4 of a source that answers 503, 4 of one that asks for short pauses,
 * 1 of one that is silent. Redirects are not counted. A body that breaks off is gone on with for as long as it grows, and 3 times
 * in a row where it does not (`partsWithoutProgress` of `resumed-body.ts`), with the last row's 4 each time.
 * Between calls, `support/flow/circuit-breaker.ts` decides.
 */
export function guardSource(source: Source, clock: MonotonicClock = systemClock): GuardedSource {
  const { config } = source;
  if (!config.enabled) return { ...source, refusal: () => undefined, forgetAbsences: () => {} };
  const closing = new AbortController();
  const createLane = (health: SourceHealth, concurrency: number, waiting: number) =>
    createGuard({ name: config.name, health, concurrency, waiting, clock, closing: closing.signal });
  const health = createSourceHealth(clock);
  const index = createLane(health, 1, Number.POSITIVE_INFINITY);
  const archives = createLane(health, config.maxConcurrency, config.limits.waitingRequests);
  const assets = createLane(createSourceHealth(clock), assetBudget.concurrency, assetBudget.waiting);
  const symbols = createLane(createSourceHealth(clock), 1, assetBudget.waiting);
  const missing = createNegativeCache(clock);
  // What is missing on a disk is found out for less than remembering it costs.
  const remembers = /^https?:/i.test(config.downloadUrl);

  async function remember<T>(key: string, call: () => Promise<Lookup<T>>): Promise<Lookup<T>> {
    const detail = missing.find(key);
    if (detail !== undefined) return absent(detail);
    const question = missing.ask(key);
    const result = await call();
    if (remembers && result.kind === 'absent') question.remember(result.detail);
    return result;
  }

  return {
    config,
    async readSnapshot(known, signal) {
      try {
        return await index.run(undefined, () => source.readSnapshot(known, signal), patience.index, signal);
      } finally {
        missing.clear();
      }
    },
    openArchive(module, version, signal) {
      const file = `archive ${module}@${version}`;
      const call = () => source.openArchive(module, version, signal);
      return remember(file, () => archives.run(file, call, patience.file, signal));
    },
    openSymbols: (etag, signal) =>
      remember('symbols', async () => {
        const call = () => source.openSymbols(etag, signal);
        return health.refusal() ?? symbols.run(undefined, call, patience.index, signal);
      }),
    openAsset(assetPath, signal) {
      const file = `asset ${assetPath}`;
      const call = () => source.openAsset(assetPath, signal);
      return remember(file, async () => health.refusal() ?? assets.run(file, call, patience.file, signal));
    },
    refusal: () => health.refusal()?.cause,
    forgetAbsences: () => missing.clear(),
    async probe(signal) {
      const admission = health.admitAnyway();
      if ('kind' in admission) return admission;
      const result = await source.probe(signal);
      admission.learn(result);
      return result;
    },
    async close() {
      closing.abort(new SourceClosedError(config.name));
      await source.close();
    },
  };
}

type Call<T> = () => Promise<Lookup<T>>;

interface GuardSettings {
  /** Name of the source. */
  readonly name: string;
  readonly health: SourceHealth;
  readonly concurrency: number;
  /** How many may wait, for a place or for the end of a pause. */
  readonly waiting: number;
  readonly clock: MonotonicClock;
  readonly closing: AbortSignal;
}

/** Places at a source. Who sits out a pause counts with those who wait for one. */
function createPlaces({ name, concurrency, waiting, clock }: GuardSettings) {
  let sleeping = 0;
  const places = createFairQueue({
    atOnce: concurrency,
    get waiting() {
      return waiting - sleeping;
    },
  });
  return {
    isCrowded: () => places.counts().waiting + sleeping >= waiting,
    /** Resolves with what gives the place back; `undefined` where too many wait. */
    enter: (signal: AbortSignal) => places.enter(name, signal),
    async sleep(ms: number, signal: AbortSignal): Promise<void> {
      sleeping += 1;
      try {
        await clock.sleep(ms, signal);
      } finally {
        sleeping -= 1;
      }
    },
  };
}

function createGuard(settings: GuardSettings) {
  const { name, health, waiting, clock, closing } = settings;
  const places = createPlaces(settings);

  async function ask<T>(file: string | undefined, call: Call<T>, signal: AbortSignal): Promise<Lookup<T>> {
    const free = await places.enter(signal);
    if (free === undefined) return overloaded(name, waiting);
    let body: OpenedBody['body'] | undefined;
    try {
      const admission = health.admit(file);
      if ('kind' in admission) return admission;
      const result = await call();
      admission.learn(result);
      body = bodyOf(result);
      body?.once('close', free);
      return result;
    } finally {
      if (body === undefined || body.closed) free();
    }
  }

  async function askPatiently<T>(
    file: string | undefined,
    call: Call<T>,
    { tries, waitMs }: Patience,
    signal: AbortSignal,
  ): Promise<Lookup<T>> {
    const policy = { ...defaultRetryPolicy, random: clock.random, retryAfterCapMs: waitMs };
    for (let attempt = 0; ; attempt++) {
      // Whoever would only be refused need not queue.
      const result = health.refusal(file) ?? (await ask(file, call, signal));
      if (result.kind !== 'unavailable' || result.cause.reason === 'overloaded') return result;
      const pauseMs = health.pauseMs(file);
      const isPaused = pauseMs > 0 || result.cause.retryAfterMs !== undefined;
      if (!isPaused || pauseMs > waitMs || attempt + 1 >= tries || places.isCrowded()) return result;
      await places.sleep(retryDelayMs(policy, attempt, pauseMs), signal);
    }
  }

  return {
    /** `file` names what is asked for, if that is less than the source as a whole. */
    async run<T>(
      file: string | undefined,
      call: Call<T>,
      wait: Patience,
      signal: AbortSignal | undefined,
    ): Promise<Lookup<T>> {
      const linked = linkSignals([signal, closing]);
      try {
        linked.signal.throwIfAborted();
        return await askPatiently(file, call, wait, linked.signal);
      } finally {
        linked.unlink();
      }
    },
  };
}

/** When whoever is not let in may come again: as long as an archive takes of which there are many. */
const overloadedRetryMs = 5_000;

function overloaded(name: string, waiting: number): Lookup<never> {
  const detail = `${waiting} requests wait for source "${name}" already; limits.waiting_requests bounds them`;
  return unavailable({ reason: 'overloaded', detail, retryAfterMs: overloadedRetryMs });
}
