import { setTimeout as delay } from 'node:timers/promises';

/** Time for durations: it never jumps, whatever happens to the date. Tests pass one of their own. */
export interface MonotonicClock {
  /** The time, in milliseconds since an arbitrary moment. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason once that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A random number, uniform in [0, 1). */
  random(): number;
}

export const systemClock: MonotonicClock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
