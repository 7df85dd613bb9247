import { RegistryError } from '../../errors.ts';
import type { MonotonicClock } from '../flow/monotonic-clock.ts';
import type { Log } from '../log.ts';
import { refusalOf } from './disk-refusal.ts';

/**
 * Tells of a disk that takes nothing new with one warning, whoever stumbles over it and however often, and with one line
 * when it takes something again.
 */
export interface DiskWatch {
  /** Whether a failure is the disk's refusal, of which people have been told then. */
  refused(error: unknown): boolean;
  /** To be called when something that matters was written. */
  worked(): void;
  readonly isRefusing: boolean;
}

/** For whom each failure is one of its own. */
export const noDiskWatch: DiskWatch = { refused: () => false, worked: () => {}, isRefusing: false };

/** A disk that takes one thing and refuses the next is no news each time. */
const shortestSilenceMs = 10_000;
const longestSilenceMs = 60 * 60_000;

export function createDiskWatch(log: Log, clock: Pick<MonotonicClock, 'now'>): DiskWatch {
  let refusedAt: number | undefined;
  let workedAt = Number.NEGATIVE_INFINITY;
  let silenceMs = shortestSilenceMs;

  function begin(error: unknown): void {
    const isAgain = clock.now() - workedAt < silenceMs * 2;
    silenceMs = isAgain ? Math.min(silenceMs * 2, longestSilenceMs) : shortestSilenceMs;
    refusedAt = clock.now();
    const hint = error instanceof RegistryError ? error.hint : undefined;
    log.warn('the disk takes nothing new: what is here is served, and nothing more is kept or recorded', {
      error,
      hint,
    });
  }

  return {
    refused(error) {
      if (refusalOf(error) === undefined) return false;
      if (refusedAt === undefined) begin(error);
      return true;
    },
    worked() {
      if (refusedAt === undefined || clock.now() - refusedAt < silenceMs) return;
      refusedAt = undefined;
      workedAt = clock.now();
      log.info('the disk takes what is new again');
    },
    get isRefusing() {
      return refusedAt !== undefined;
    },
  };
}
