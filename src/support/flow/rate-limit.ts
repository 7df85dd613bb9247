import type { MonotonicClock } from './monotonic-clock.ts';

/** At most so many at a time; the others wait in the order they came. */
export interface Slots {
  /** Resolves, with what gives the slot back (more than once is harmless), when one is free; rejects on abort. */
  take(signal: AbortSignal): Promise<() => void>;
  /** How many are free. */
  readonly free: number;
  /** How many wait. */
  readonly waiting: number;
}

export function createSlots(count: number): Slots {
  let free = count;
  const queue = new Set<() => void>();

  function grant(): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const [next] = queue;
      if (next) next();
      else free += 1;
    };
  }

  return {
    get free() {
      return free;
    },
    get waiting() {
      return queue.size;
    },
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return grant();
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          queue.delete(enter);
          reject(signal.reason);
        };
        const enter = () => {
          queue.delete(enter);
          signal.removeEventListener('abort', leave);
          resolve(grant());
        };
        signal.addEventListener('abort', leave, { once: true });
        queue.add(enter);
      });
    },
  };
}

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
