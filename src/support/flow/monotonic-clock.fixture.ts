import type { MonotonicClock } from './monotonic-clock.ts';

/** A clock that stands still until it is told to go on; whoever sleeps until then wakes in order. */
export function createManualClock(random: () => number = () => 0) {
  let now = 1_000_000;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  const clock: MonotonicClock = {
    now: () => now,
    random,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const sleeper = {
          at: now + ms,
          wake: () => {
            signal?.removeEventListener('abort', end);
            sleepers.delete(sleeper);
            resolve();
          },
        };
        const end = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', end, { once: true });
        sleepers.add(sleeper);
      }),
  };

  return {
    ...clock,
    get sleeping() {
      return sleepers.size;
    },
    /** Lets everything that is due meanwhile happen, and what follows from it. */
    async advance(ms: number): Promise<void> {
      const end = now + ms;
      for (;;) {
        await settled();
        const [next] = [...sleepers].sort((a, b) => a.at - b.at);
        if (!next || next.at > end) break;
        now = next.at;
        next.wake();
      }
      now = end;
      await settled();
    },
  };
}

/** After all that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
