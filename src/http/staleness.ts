import type { Registry } from '../registry/registry.ts';
import type { Log } from './log.ts';

type StaleSource = Awaited<ReturnType<Registry['staleSources']>>[number];

/** Which sources could not be read lately, without making anybody wait for the answer. */
export interface Staleness {
  /** What was known last; asks again in the background when that is older than a second. */
  glance(): readonly StaleSource[];
  /** Asks, unless somebody did within the last second. Rejects when our own disk fails. */
  look(): Promise<readonly StaleSource[]>;
}

const freshForMs = 1000;

export function createStaleness(registry: Registry, log: Log, now: () => number): Staleness {
  let known: readonly StaleSource[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;
  let isTold = false;
  let asking: Promise<readonly StaleSource[]> = Promise.resolve(known);

  function look(): Promise<readonly StaleSource[]> {
    if (now() - askedAt < freshForMs) return asking;
    askedAt = now();
    asking = registry.staleSources().then((sources) => {
      known = sources;
      isTold = false;
      return sources;
    });
    asking.catch(tell);
    return asking;
  }

  /** Once, until it works again. */
  function tell(error: unknown): void {
    if (!isTold) log({ level: 'error', message: 'cannot tell which sources are stale', fields: { error } });
    isTold = true;
  }

  return {
    glance() {
      look().catch(() => {});
      return known;
    },
    look,
  };
}
