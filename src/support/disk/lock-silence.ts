import type { MonotonicClock } from '../flow/monotonic-clock.ts';

/** A lock file as it was found: whatever its holder does to show that it lives changes the mark. */
interface LockSight {
  readonly file: string;
  readonly mark: string;
}

interface LockWatch {
  /** Milliseconds since this lock was first seen as it is now; 0 for the first time. */
  silentForMs(sight: LockSight): number;
}

const rememberedLocks = 1000;
const watches = new WeakMap<object, LockWatch>();

/** What all callers in this process have seen by this clock: one that comes later need not begin to watch anew. */
export function lockWatchOf(clock: Pick<MonotonicClock, 'now'>): LockWatch {
  const watch = watches.get(clock) ?? createLockWatch(clock);
  watches.set(clock, watch);
  return watch;
}

/**
 * For how long this process has seen locks unchanged. Dates in them, and of the files, are those of other machines, whose
 * clocks are wrong or jump; how much time passes here is all that can be known.
 */
function createLockWatch(clock: Pick<MonotonicClock, 'now'>): LockWatch {
  const seen = new Map<string, { readonly mark: string; readonly sinceMs: number }>();
  return {
    silentForMs({ file, mark }) {
      const before = seen.get(file);
      if (before?.mark === mark) return clock.now() - before.sinceMs;
      seen.delete(file);
      seen.set(file, { mark, sinceMs: clock.now() });
      for (const oldest of seen.keys()) {
        if (seen.size <= rememberedLocks) break;
        seen.delete(oldest);
      }
      return 0;
    },
  };
}
