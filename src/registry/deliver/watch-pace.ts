import type { BodyProgress } from '../../sources/source.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';

/** Nothing may have come for so long. */
const firstByteMs = 3_000;
/** After that, less than `slowBytesPerSecond` may come for so long. */
const windowMs = 5_000;
const slowBytesPerSecond = 8 * 1024;

/** Calls `tellSlow` whenever a download is so slow that another supplier may do better, until the signal is aborted. */
export async function watchPace(
  progress: () => BodyProgress | undefined,
  tellSlow: () => void,
  clock: MonotonicClock,
  signal: AbortSignal,
): Promise<void> {
  const read = () => progress() ?? { receivedBytes: 0, waitedMs: 0 };
  try {
    await clock.sleep(firstByteMs, signal);
    if (read().receivedBytes === 0) tellSlow();
    let before: BodyProgress = { receivedBytes: 0, waitedMs: 0 };
    for (let pauseMs = windowMs - firstByteMs; ; pauseMs = windowMs) {
      await clock.sleep(pauseMs, signal);
      const now = read();
      const waitedMs = now.waitedMs - before.waitedMs;
      const bytes = now.receivedBytes - before.receivedBytes;
      // What is slow for the most part is whoever reads, else.
      if (waitedMs >= windowMs / 2 && bytes < (slowBytesPerSecond * waitedMs) / 1000) tellSlow();
      before = now;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
