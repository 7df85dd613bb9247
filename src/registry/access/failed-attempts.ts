import { LRUCache } from 'lru-cache';
import { networkOf } from '../../support/net/network-of.ts';

/** How often an address has shown tokens that do not count. It never stands in the way of one that does. */
export interface FailedAttempts {
  /** Counts one. How many milliseconds are to pass before the next is looked at; 0: none. `now` since any moment. */
  count(address: string, now: number): number;
}

/** So many at once, as when all of a machine's jobs begin with the token that was replaced, and then one in so long. */
const atOnce = 20;
const oneEveryMs = 3000;
/** Of so many addresses the latest ones are remembered; what is forgotten may try `atOnce` again. */
const addresses = 10_000;

export function createFailedAttempts(): FailedAttempts {
  /** When an address would be back at none, if nothing more came of it. */
  const cleanAt = new LRUCache<string, number>({ max: addresses });
  return {
    count(address, now) {
      const key = networkOf(address);
      const clean = Math.max(cleanAt.get(key) ?? now, now) + oneEveryMs;
      const waitMs = clean - now - atOnce * oneEveryMs;
      // What is refused for coming too soon does not count, or somebody who only goes on would never be heard again.
      if (waitMs <= 0) cleanAt.set(key, clean);
      return Math.max(0, waitMs);
    },
  };
}
