import { systemClock } from './monotonic-clock.ts';

export interface RetryPolicy {
  /** How often to try again after the first attempt. */
  readonly retries: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** The longest `Retry-After` that is waited for; a longer one is treated as this. */
  readonly retryAfterCapMs: number;
  /** A random number, uniform in [0, 1). */
  readonly random: () => number;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether this outcome may be tried again at all; what is not goes to the caller at once. */
  readonly mayRetry: (outcome: RetryableOutcome) => boolean;
}

interface RetryableOutcome {
  /** HTTP status of the answer; `undefined` where there was none. */
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Why there was no answer. */
  readonly reason?: string | undefined;
}

export const defaultRetryPolicy: RetryPolicy = {
  retries: 3,
  baseMs: 200,
  capMs: 5_000,
  retryAfterCapMs: 60_000,
  random: Math.random,
  now: Date.now,
  sleep: systemClock.sleep,
  mayRetry: () => true,
};

/**
 * How long to wait before retry number `attempt` (from 0): full jitter over an exponentially growing window. What
 * the far side asked for is waited for in full, and then some, so that callers told the same do not return as one.
 */
export function retryDelayMs(policy: RetryPolicy, attempt: number, retryAfterMs: number | undefined): number {
  const jitter = policy.random() * Math.min(policy.capMs, policy.baseMs * 2 ** attempt);
  return retryAfterMs === undefined ? jitter : Math.min(retryAfterMs, policy.retryAfterCapMs) + jitter;
}

/** Reads `Retry-After`: seconds or an HTTP date (RFC 9110 §10.2.3). `undefined` if it is absent or neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Only the form servers must send; `Date.parse` alone would take "-5" and "1" for years.
  if (!/^[A-Za-z]{3,9}, /.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : Math.max(0, time - nowMs);
}
