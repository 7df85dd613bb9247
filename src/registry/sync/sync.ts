import { indexAddress } from '../../config/index-address.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';
import { aggregate } from './aggregate.ts';
import { readSource } from './read-sources.ts';
import { findRenames, recordedName } from './rename-sources.ts';
import type { SyncContext, SyncOptions, SyncResult } from './sync-context.ts';
import type { SyncReport } from './sync-report.ts';
import type { AddressedReading } from './take-readings.ts';

/** What the other sources brought is not kept back for longer than this by one that is slow. */
const patienceMs = 15_000;

/**
 * Reads every enabled source, then plans and applies under the registry's lock; a second time for sources that were
 * still being read when the others had been for a while.
 */
export async function syncRegistry(context: SyncContext, options: SyncOptions = {}): Promise<SyncResult> {
  const known = (await context.index.state()).snapshots;
  const { goOn } = options;
  const enabled = context.config.sources.filter(
    ({ name, enabled: isEnabled }) => isEnabled && (goOn === undefined || !context.slow.has(name)),
  );
  const renamed = findRenames(known, context.config.sources);
  const arrived: AddressedReading[] = [];
  const readings = enabled.map(async (source): Promise<AddressedReading> => {
    const { name } = source;
    // Of a source with a new name, what was read under the old one is the last good reading.
    const old = recordedName(renamed, name);
    const record = known.find((candidate) => candidate.source === old);
    const reading = {
      ...(await readSource(context, name, record?.commit, options.signal)),
      indexUrl: indexAddress(source),
    };
    arrived.push(reading);
    return reading;
  });
  const all = Promise.all(readings);
  await Promise.race([all, waitForSome(readings, all, context.clock)]);
  if (options.dryRun || arrived.length === enabled.length)
    return aggregate(context, { ...options, readings: await all });
  const early = [...arrived];
  const slow = enabled.flatMap(({ name }, position) => {
    const reading = early.some(({ source }) => source === name) ? undefined : readings[position];
    return reading ? [{ name, reading }] : [];
  });
  context.log.info('some sources are slow to read: what the others have is applied', {
    slow: slow.map(({ name }) => name),
  });
  if (goOn) {
    for (const { name } of slow) context.slow.add(name);
    const first = aggregate(context, { ...options, readings: early });
    for (const { name, reading } of slow) {
      const late = takeLate(context, options, reading, first).finally(() => context.slow.delete(name));
      goOn(`refresh of source "${name}"`, late);
    }
    return first;
  }
  const first = await aggregate(context, { ...options, readings: early });
  const late = (await all).filter((reading) => !early.includes(reading));
  const second = await aggregate(context, { ...options, readings: late, alsoCurrent: first.current });
  const order = new Map(enabled.map(({ name }, position) => [name, position]));
  return { ...second, report: joinReports(first.report, second.report, (name) => order.get(name) ?? 0) };
}

/** Applies a reading that its sync did not wait for. What the sync itself fails with, its caller is told. */
async function takeLate(
  context: SyncContext,
  options: SyncOptions,
  reading: Promise<AddressedReading>,
  first: Promise<SyncResult>,
): Promise<SyncReport> {
  const late = await reading;
  const alsoCurrent = await first.then(
    ({ current }) => current,
    () => new Set<string>(),
  );
  const { report } = await aggregate(context, { ...options, readings: [late], alsoCurrent });
  return report;
}

/** Until one is there and the others were waited for. */
async function waitForSome(
  readings: readonly Promise<unknown>[],
  all: Promise<unknown>,
  clock: MonotonicClock,
): Promise<void> {
  const waiting = new AbortController();
  const stop = () => waiting.abort();
  all.then(stop, stop);
  await Promise.all([Promise.race(readings), clock.sleep(patienceMs, waiting.signal).catch(() => {})]);
}

/** What the first round of a sync left waiting, the second may have decided. */
function stillHeld(first: SyncReport, second: SyncReport): SyncReport['newlyHeld'] {
  const decided = new Set(second.changes.map(({ module }) => module));
  const again = new Set(second.newlyHeld.map(({ module }) => module));
  return [
    ...first.newlyHeld.filter(({ module }) => !decided.has(module) && !again.has(module)),
    ...second.newlyHeld,
  ];
}

function joinReports(first: SyncReport, second: SyncReport, order: (source: string) => number): SyncReport {
  return {
    ...second,
    sources: [...first.sources, ...second.sources].sort((a, b) => order(a.source) - order(b.source)),
    changes: [...first.changes, ...second.changes],
    newlyHeld: stillHeld(first, second),
    reRooted: first.reRooted || second.reRooted,
  };
}
