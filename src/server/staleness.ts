import type { Freshness } from '../registry/registry.ts';
import type { StaleSource } from '../registry/sync/read-times.ts';
import type { Log } from '../support/log.ts';

/** Which sources could not be read lately, without making anybody wait for the answer. */
export interface Staleness {
  /** What was known last; asks again in the background when that is older than a second. */
  glance(): readonly StaleSource[];
  /** Asks, unless somebody did within the last second and was answered. Rejects when our own disk fails. */
  look(): Promise<readonly StaleSource[]>;
}

const freshForMs = 1000;

export function createStaleness(registry: Freshness, log: Log, now: () => number): Staleness {
  let known: readonly StaleSource[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;
  let hasFailed = false;
  let asking: Promise<readonly StaleSource[]> = Promise.resolve(known);
  const isFresh = () => now() - askedAt < freshForMs;

  function ask(): Promise<readonly StaleSource[]> {
    askedAt = now();
    asking = registry.staleSources().then((sources) => {
      known = sources;
      hasFailed = false;
      return sources;
    });
    asking.catch(tell);
    return asking;
  }

  /** Once, until it works again. */
  function tell(error: unknown): void {
    if (!hasFailed) log.error('cannot tell which sources are stale', { error });
    hasFailed = true;
  }

  return {
    glance() {
      if (!isFresh()) ask().catch(() => {});
      return known;
    },
    look: () => (isFresh() && !hasFailed ? asking : ask()),
  };
}
