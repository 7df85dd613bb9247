import type { VerifyingStore } from '../../archives/verifying-store.ts';
import type { Checksum } from '../../model/checksum.ts';
import { type MonotonicClock, systemClock } from '../../support/flow/monotonic-clock.ts';
import type { Log } from '../../support/log.ts';

export interface ScrubReport {
  readonly archives: number;
  readonly bytes: number;
  readonly damaged: number;
  /** Damaged ones that were fetched again. */
  readonly repaired: number;
}

export interface ScrubOptions {
  readonly archives: Pick<VerifyingStore, 'list' | 'verify'>;
  /** Fetches a damaged archive again; whether it is here now. */
  readonly repair: (checksum: Checksum, signal: AbortSignal | undefined) => Promise<boolean>;
  readonly log: Log;
  /** By which it rests; the system's unless given. */
  readonly clock?: Pick<MonotonicClock, 'now' | 'sleep'> | undefined;
}

export interface Scrub {
  /** Reads every archive once, or those that are left of a pass that was interrupted. */
  run(signal?: AbortSignal): Promise<ScrubReport>;
}

/** How fast the disk is read. */
const bytesPerSecond = 20_000_000;
/** A shorter pause is kept for later: timers are not that exact. */
const shortestPauseMs = 20;

/** Disks lose bytes silently. Reading all archives now and then finds that out before a client does. */
export function createScrub(options: ScrubOptions): Scrub {
  const { archives, repair, log } = options;
  const nothing: ScrubReport = { archives: 0, bytes: 0, damaged: 0, repaired: 0 };
  // Of the pass under way: what was read so far, and up to where.
  let last = '';
  let report = nothing;

  async function check(archive: Listed, pace: Pace, signal: AbortSignal | undefined): Promise<void> {
    const verdict = await archives.verify(archive.checksum, { pace, signal });
    const isDamaged = verdict.kind === 'damaged';
    const isRepaired = isDamaged && (await repair(archive.checksum, signal));
    report = {
      archives: report.archives + 1,
      bytes: report.bytes + archive.sizeBytes,
      damaged: report.damaged + Number(isDamaged),
      repaired: report.repaired + Number(isRepaired),
    };
    last = archive.checksum;
  }

  return {
    async run(signal) {
      const pace = createPace(options, signal);
      for (const archive of await listSorted(archives))
        if (archive.checksum > last) await check(archive, pace, signal);
      const done = report;
      last = '';
      report = nothing;
      log[done.damaged > 0 ? 'warn' : 'info']('all archives were read again', { ...done });
      return done;
    },
  };
}

interface Listed {
  readonly checksum: Checksum;
  readonly sizeBytes: number;
}

async function listSorted(archives: Pick<VerifyingStore, 'list'>): Promise<Listed[]> {
  const listed: Listed[] = [];
  for await (const archive of archives.list()) listed.push(archive);
  return listed.sort((a, b) => (a.checksum < b.checksum ? -1 : 1));
}

type Pace = (sizeBytes: number) => Promise<void>;

/** Lets so many bytes through per second, by resting whenever they are ahead of the clock. */
function createPace({ clock = systemClock }: ScrubOptions, signal: AbortSignal | undefined): Pace {
  let allowedAtMs = clock.now();
  return async (sizeBytes) => {
    signal?.throwIfAborted();
    const now = clock.now();
    // What was not used while nothing was read is not made up for.
    allowedAtMs = Math.max(allowedAtMs, now) + (sizeBytes * 1000) / bytesPerSecond;
    if (allowedAtMs - now >= shortestPauseMs) await clock.sleep(allowedAtMs - now, signal);
  };
}
