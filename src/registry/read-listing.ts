import type { SourceConfig } from '../config/config.ts';
import { listFiles } from '../index/index-trees.ts';
import { found, type Lookup, unavailable } from '../model/lookup.ts';
import type { ConnectedSources } from '../sources/connect.ts';
import type { ReadingSteps } from '../sources/read-snapshot.ts';
import { linkSignals } from '../support/link-signals.ts';
import type { Log } from '../support/log.ts';
import type { MonotonicClock } from '../support/monotonic-clock.ts';
import { containSource } from './contain-source.ts';

/** As long as somebody at a terminal waits without wondering; the official index takes some two seconds. */
const lookMs = 10_000;

/** Paths of a source's index: object ids. */
export type Listing = ReadonlyMap<string, string>;

export interface ListingContext {
  /** Connects a source whose index is read by these steps, and which is closed by whoever asked. */
  readonly connect: (source: SourceConfig, steps: Partial<ReadingSteps>) => ConnectedSources;
  readonly log: Log;
  readonly clock: MonotonicClock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists a source's index as it is now, read and checked as a sync would, but nothing of it is kept: what was fetched goes with the
 * folder it was fetched into. Takes ten seconds at most. Rejects when the caller gives up or our own disk fails.
 */
export async function readListing(
  source: SourceConfig,
  { connect, log, clock, signal }: ListingContext,
): Promise<Lookup<Listing>> {
  let listing: Listing = new Map();
  const { sources, close } = connect(source, {
    adopt: async ({ path }, _, { tree }) => {
      listing = await listFiles(path, tree);
    },
  });
  const ended = new AbortController();
  const linked = linkSignals([signal]);
  let isLate = false;
  const deadline = clock.sleep(lookMs, ended.signal).then(
    () => {
      isLate = true;
      linked.abort(new Error('the look took too long'));
    },
    () => {},
  );
  try {
    const context = { source: source.name, doing: 'it was looked at', log, signal: linked.signal };
    const read = await containSource(context, async () => {
      const connected = sources.get(source.name);
      if (!connected) throw new Error(`source ${source.name} is not connected`);
      return connected.readSnapshot(undefined, linked.signal);
    });
    if (read.kind === 'found') return found(listing);
    return isLate ? tooSlow() : read;
  } catch (error) {
    if (isLate) return tooSlow();
    throw error;
  } finally {
    ended.abort();
    await deadline;
    linked.unlink();
    await close();
  }
}

function tooSlow(): Lookup<never> {
  return unavailable({ reason: 'timeout', detail: `it was not read within ${lookMs / 1000} seconds` });
}
