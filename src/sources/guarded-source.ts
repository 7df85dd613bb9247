import type { SourceConfig } from '../config/config.ts';
import { absent, type Lookup } from '../model/lookup.ts';
import { linkSignals } from '../support/link-signals.ts';
import { type MonotonicClock, systemClock } from '../support/monotonic-clock.ts';
import { createNegativeCache } from '../support/negative-cache.ts';
import { createSlots } from '../support/rate-limit.ts';
import { defaultRetryPolicy, retryDelayMs } from '../support/retry.ts';
import { type OpenedBody, type Source, SourceClosedError } from './source.ts';
import { createSourceHealth } from './source-health.ts';

export interface GuardOptions {
  readonly clock?: MonotonicClock | undefined;
}

export interface GuardedSource extends Source {
  /** Why it is not asked now, and for how long: after failures, or because it wanted a pause. For people. */
  refusal(): string | undefined;
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

/**
 * A source that is in trouble costs nobody more than it must, and gets no more requests than it can bear:
 *
 * - After failures in a row (no connection, TLS, 5xx), or one answer that did not come in time, every call is
 *   `unavailable` at once until a pause is over: see `CircuitBreaker`. A 4xx is an answer, and never counts; nor
 *   does a body that breaks off, since one bad file says nothing about the others.
 * - A source that said `Retry-After` is asked nothing before then. Short pauses are sat out by whoever asks.
 * - What it definitely does not have is not asked for again for 45 s, or until its index is read, here or elsewhere.
 * - It gets `maxConcurrency` calls at the same time; one that opened a body lasts until that is closed.
 *
 * A probe is made although the source is left alone, and counts like any other call.
 */
export function guardSource(source: Source, { clock = systemClock }: GuardOptions = {}): GuardedSource {
  const { config } = source;
  if (!config.enabled) return { ...source, refusal: () => undefined, forgetAbsences: () => {} };
  const guard = createGuard(config, clock);
  // Help for editors alone: an address that is silent for it must not keep archives from anybody.
  const symbolsGuard = createGuard(config, clock);
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
        return await guard.run(() => source.readSnapshot(known, signal), patience.index, signal);
      } finally {
        missing.clear();
      }
    },
    openArchive: (module, version, signal) =>
      remember(`archive ${module}@${version}`, () =>
        guard.run(() => source.openArchive(module, version, signal), patience.file, signal),
      ),
    openSymbols: (etag, signal) =>
      remember('symbols', async () => {
        const call = () => source.openSymbols(etag, signal);
        return guard.refusal() ?? symbolsGuard.run(call, patience.index, signal);
      }),
    openAsset: (assetPath, signal) =>
      remember(`asset ${assetPath}`, () =>
        guard.run(() => source.openAsset(assetPath, signal), patience.file, signal),
      ),
    refusal: () => guard.refusal()?.cause.detail,
    forgetAbsences: () => missing.clear(),
    probe: (signal) => guard.runAnyway(() => source.probe(signal)),
    async close() {
      guard.close();
      symbolsGuard.close();
      await source.close();
    },
  };
}

type Call<T> = () => Promise<Lookup<T>>;

function createGuard(config: SourceConfig, clock: MonotonicClock) {
  const health = createSourceHealth(clock);
  const slots = createSlots(config.maxConcurrency);
  const closing = new AbortController();

  async function ask<T>(call: Call<T>, signal: AbortSignal): Promise<Lookup<T>> {
    const free = await slots.take(signal);
    let body: OpenedBody['body'] | undefined;
    try {
      const admission = health.admit();
      if ('kind' in admission) return admission;
      const result = await call();
      health.learn(result, admission);
      body = result.kind === 'found' ? bodyOf(result.value) : undefined;
      body?.once('close', free);
      return result;
    } finally {
      if (body === undefined || body.closed) free();
    }
  }

  async function askPatiently<T>(
    call: Call<T>,
    { tries, waitMs }: Patience,
    signal: AbortSignal,
  ): Promise<Lookup<T>> {
    const policy = { ...defaultRetryPolicy, random: clock.random, retryAfterCapMs: waitMs };
    for (let attempt = 0; ; attempt++) {
      // Whoever would only be refused need not queue.
      const result = health.refusal() ?? (await ask(call, signal));
      const pauseMs = health.pauseMs();
      const isPaused =
        result.kind === 'unavailable' && (pauseMs > 0 || result.cause.retryAfterMs !== undefined);
      if (!isPaused || pauseMs > waitMs || attempt + 1 >= tries) return result;
      await clock.sleep(retryDelayMs(policy, attempt, pauseMs), signal);
    }
  }

  return {
    /** Why nothing is asked now, if so. */
    refusal: () => health.refusal(),
    async run<T>(call: Call<T>, wait: Patience, signal: AbortSignal | undefined): Promise<Lookup<T>> {
      const linked = linkSignals([signal, closing.signal]);
      try {
        linked.signal.throwIfAborted();
        return await askPatiently(call, wait, linked.signal);
      } finally {
        linked.unlink();
      }
    },
    async runAnyway<T>(call: Call<T>): Promise<Lookup<T>> {
      const admission = health.admitAnyway();
      if ('kind' in admission) return admission;
      const result = await call();
      health.learn(result, admission);
      return result;
    },
    close: () => closing.abort(new SourceClosedError(config.name)),
  };
}

function bodyOf(value: unknown): OpenedBody['body'] | undefined {
  return typeof value === 'object' && value !== null && 'body' in value
    ? (value as OpenedBody).body
    : undefined;
}
