import { LRUCache } from 'lru-cache';
import type { MonotonicClock } from './monotonic-clock.ts';

/** Remembers for a while that something is not there, and the words that said so. */
export interface NegativeCache {
  find(key: string): string | undefined;
  /** What `remember` stores for a question asked before a `clear` is not kept. */
  ask(key: string): { remember(detail: string): void };
  clear(): void;
}

const lifeMs = 45_000;

export function createNegativeCache(clock: Pick<MonotonicClock, 'now'>, maxEntries = 10_000): NegativeCache {
  const details = new LRUCache<string, string>({
    maxSize: maxEntries, // `max` makes room for all of them at once
    sizeCalculation: () => 1,
    ttl: lifeMs,
    ttlResolution: 0,
    perf: clock,
  });
  let era = {};
  return {
    find: (key) => details.get(key),
    ask(key) {
      const asked = era;
      return {
        remember(detail) {
          if (asked === era) details.set(key, detail);
        },
      };
    },
    clear() {
      era = {};
      details.clear();
    },
  };
}
