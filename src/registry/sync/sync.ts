import { join } from 'node:path';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Config } from '../../config/config.ts';
import { indexAddress } from '../../config/index-address.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import { unavailable } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Source } from '../../sources/source.ts';
import { bugAdvice } from '../../support/bug-report.ts';
import { withProcessLock } from '../../support/disk/process-lock.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';
import type { Log } from '../../support/log.ts';
import type { Audit } from '../record/audit.ts';
import { applyPlan, plannedModules, reRoots } from './apply-plan.ts';
import { describePlan } from './describe-plan.ts';
import { heldBackOf } from './held-back.ts';
import {
  observationsFile,
  observeReadings,
  readObservations,
  renameObservations,
  writeObservations,
} from './observations.ts';
import { planSync } from './plan-sync.ts';
import { describeReading, judgeReading, lockWaitMs, readSource } from './read-sources.ts';
import { findRenames, recordedName, renameSources } from './rename-sources.ts';
import type { SourceRefresh } from './source-refresh.ts';
import type { SyncPlan } from './sync-plan.ts';
import type { SyncReport } from './sync-report.ts';
import { type AddressedReading, currentSources, nextSnapshots, readingsOf } from './take-readings.ts';

/** Takes over work that goes on after whoever began it has its answer; what it changes is reported when it ends. */
export type GoOn = (job: string, work: Promise<SyncReport | undefined>) => void;

export interface SyncContext {
  /** As last loaded. */
  readonly config: Config;
  /** Loads the file again if it changed; keeps the last good one if it is broken. */
  readonly currentConfig: () => Promise<Config>;
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly sources: ReadonlyMap<string, Source>;
  readonly audit: Audit;
  readonly log: Log;
  /** The date, for what is written down; durations are measured by `clock`. */
  readonly now: () => Date;
  readonly clock: MonotonicClock;
  /** Sources that an earlier sync of this process did not wait for, and that are being read still. */
  readonly slow: Set<string>;
}

export interface SyncOptions {
  /**
   * Where given, a source that is slow to read is not waited for, nor read a second time meanwhile: what it brings is applied
   * when it comes, as this is told.
   */
  readonly goOn?: GoOn | undefined;
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Modules whose archives have changed what may be listed. */
  readonly touched?: readonly ModuleName[] | undefined;
}

/** A sync's outcome with what it was planned on, for those who go on from there. */
export interface SyncResult {
  readonly report: SyncReport;
  readonly state: StateView;
  /** The snapshots planned on; with `dryRun` they are not in the state. */
  readonly snapshots: readonly SnapshotRecord[];
  readonly config: Config;
  /** Sources that this sync has read; see `DecisionContext`. */
  readonly current: ReadonlySet<string>;
}

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

export interface AggregateOptions extends SyncOptions {
  readonly readings?: readonly AddressedReading[];
  /** Sources that were current in an earlier round of the same sync. */
  readonly alsoCurrent?: ReadonlySet<string> | undefined;
  /** What the operator decides, asked when nothing can change any more before it is applied. */
  readonly decide?: ((state: StateView, config: Config) => Promise<readonly OperatorDecision[]>) | undefined;
}

/** Plans and applies with the readings at hand; without any, the current config on the last good snapshots. */
export async function aggregate(context: SyncContext, options: AggregateOptions): Promise<SyncResult> {
  // A state never changes, so what is only planned on one disturbs nobody, and is disturbed by nobody.
  if (options.dryRun) return planAndApply(context, options);
  const lock = join(context.config.registry.dataDir, 'locks', 'registry');
  return withProcessLock(lock, () => planAndApply(context, options), {
    ...(options.signal ? { signal: options.signal } : {}),
    waitMs: lockWaitMs,
    onWait: (holder) => context.log.info('waiting for another process to update the index', { holder }),
  });
}

async function planAndApply(context: SyncContext, options: AggregateOptions): Promise<SyncResult> {
  const { index } = context;
  if (!options.dryRun) await index.settle();
  const date = context.now();
  const now = date.toISOString();
  // Another process may have edited the file since we loaded it; its decision must not be undone.
  const config = await context.currentConfig();
  const before = await index.state();
  const renames = findRenames(before.snapshots, config.sources);
  const state = await renameSources(index, before, renames, date, options.dryRun !== true);
  const file = observationsFile(config);
  const observations = renameObservations(await readObservations(file), renames);
  const readings = await Promise.all(
    readingsOf(options.readings ?? [], config).map(async (reading) => ({
      ...(await judgeReading(
        reading,
        state.snapshots.find(({ source }) => source === reading.source),
        observations[reading.source],
        index,
        context.log,
      )),
      indexUrl: reading.indexUrl,
    })),
  );
  const snapshots = nextSnapshots(state.snapshots, readings, config, now);
  const current =
    options.readings && currentSources(readings, options.alsoCurrent ?? new Set(), snapshots, config);
  const plan = await planSync({
    index,
    archives: context.archives,
    config,
    state,
    snapshots,
    current,
    touched: options.touched ?? [],
    now,
    taken: (await options.decide?.(state, config)) ?? [],
    onBug: createBugReport(context.log),
  });
  const after = options.dryRun ? state : await applyPlan(index, plan, date);
  if (after !== state) await context.audit.record(describePlan(plan, await state.findings()));
  const refreshes = readings.map((reading) => describeReading(listed(reading, plan), state.snapshots));
  const observed = observeReadings(observations, refreshes, now);
  if (!options.dryRun && (readings.length > 0 || renames.size > 0)) await writeObservations(file, observed);
  const heldBack = heldBackOf(plan.pending, {
    config,
    snapshots: plan.snapshots,
    observations: observed,
  });
  const report = describeSync(plan, { newlyHeld: await newlyHeld(plan), heldBack }, after.served, refreshes, {
    at: now,
    dryRun: options.dryRun === true,
  });
  return {
    report,
    state: after,
    snapshots: plan.snapshots,
    config,
    current: current ?? new Set<string>(),
  };
}

/** A reading whose tree could not be listed after all is none. */
function listed(reading: AddressedReading, { unlistable }: SyncPlan): AddressedReading {
  const detail = unlistable.get(reading.source);
  if (detail === undefined) return reading;
  return {
    ...reading,
    result: unavailable({ reason: 'bad-answer', detail: `its index cannot be listed: ${detail}` }),
  };
}

const reportedBugs = 3;

/** The first few of a plan, each with its stack: a source may have any number of modules that bring out the same one. */
function createBugReport(log: Log) {
  let count = 0;
  return (error: unknown, module: string) => {
    count += 1;
    if (count > reportedBugs) return;
    const stack = error instanceof Error ? error.stack : String(error);
    log.error(`a module could not be planned: ${bugAdvice}`, { module, stack });
  };
}

/** Names that wait now, and did not before. */
async function newlyHeld({ base, pending }: SyncPlan): Promise<SyncReport['newlyHeld']> {
  const before = await base.pending();
  return [...pending].flatMap(([module, reason]) =>
    reason.kind === 'undecided' && before.get(module)?.kind !== 'undecided'
      ? [{ module, waitsFor: reason.waitsFor }]
      : [],
  );
}

function describeSync(
  plan: SyncPlan,
  waiting: Pick<SyncReport, 'newlyHeld' | 'heldBack'>,
  served: string,
  sources: readonly SourceRefresh[],
  { at, dryRun }: Pick<SyncReport, 'at' | 'dryRun'>,
): SyncReport {
  return {
    at,
    dryRun,
    sources,
    changes: plan.modules.flatMap(({ change }) => (change ? [change] : [])),
    findings: plan.findings,
    ...waiting,
    modules: plannedModules(plan),
    commit: served,
    reRooted: !dryRun && reRoots(plan),
  };
}
