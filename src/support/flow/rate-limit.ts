import type { MonotonicClock } from './monotonic-clock.ts';

/** A token bucket: on average at most so many a second, and at most a second's worth at once. */
export interface Bucket {
  /** Resolves when it is the caller's turn; rejects on abort. Turns come in the order they were asked for. */
  take(signal?: AbortSignal): Promise<void>;
}

export function createBucket(perSecond: number, clock: Pick<MonotonicClock, 'now' | 'sleep'>): Bucket {
  const intervalMs = 1000 / perSecond;
  const toleranceMs = Math.max(1, perSecond) * intervalMs - intervalMs;
  /** When the next turn would be due if turns came evenly. */
  let dueAt = Number.NEGATIVE_INFINITY;
  return {
    async take(signal) {
      signal?.throwIfAborted();
      const now = clock.now();
      const turnAt = Math.max(dueAt, now);
      dueAt = turnAt + intervalMs;
      const waitMs = turnAt - toleranceMs - now;
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
  };
}
