import type { Config } from '../../config/config.ts';
import type { StateView } from '../../index/state-view.ts';
import { unavailable } from '../../model/lookup.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { bugAdvice } from '../../support/bug-report.ts';
import type { Log } from '../../support/log.ts';
import { dataLayout } from '../data-layout.ts';
import { policyOf } from '../decide/policy.ts';
import { withRegistryLock } from '../registry-lock.ts';
import { applyPlan } from './apply-plan.ts';
import { describePlan } from './describe-plan.ts';
import { describeSync, newlyHeld } from './describe-sync.ts';
import { heldBackOf } from './held-back.ts';
import { type HostedEdit, type HostedEditor, withHosted } from './hosted-edit.ts';
import {
  observationsFile,
  observeReadings,
  readObservations,
  renameObservations,
  writeObservations,
} from './observations.ts';
import { planSync } from './plan-sync.ts';
import { describeReading, judgeReading, lockWaitMs } from './read-sources.ts';
import { findRenames, type Renames, renameSources } from './rename-sources.ts';
import type { SyncContext, SyncOptions, SyncResult } from './sync-context.ts';
import type { SyncPlan } from './sync-plan.ts';
import { type AddressedReading, currentSources, nextSnapshots, readingsOf } from './take-readings.ts';
import { blockWithdrawn } from './withdrawn-upstream.ts';

export interface AggregateOptions extends SyncOptions {
  readonly readings?: readonly AddressedReading[];
  /** Sources that were current in an earlier round of the same sync. */
  readonly alsoCurrent?: ReadonlySet<string> | undefined;
  /** What the operator decides, asked when nothing can change any more before it is applied. */
  readonly decide?: ((state: StateView, config: Config) => Promise<readonly OperatorDecision[]>) | undefined;
}

/** What a plan rests on: it holds as long as these are what is real. */
interface Ground {
  readonly config: Config;
  readonly state: StateView;
  /** Real in `state`; the observations may not know of them yet. */
  readonly renames: Renames;
}

interface Planned extends Ground {
  readonly plan: SyncPlan;
  readonly readings: readonly AddressedReading[];
  readonly current: ReadonlySet<string> | undefined;
  readonly edit: HostedEdit | undefined;
  readonly date: Date;
}

/** How often a plan is made beside what others change before it is made while they wait. */
const freePlans = 3;

/**
 * Plans and applies with the readings at hand; without any, the current config on the last good snapshots. Others may change the
 * registry while it plans, so nobody who publishes waits for that: what was planned on another state is planned again.
 */
export async function aggregate(context: SyncContext, options: AggregateOptions): Promise<SyncResult> {
  // A state never changes, so what is only planned on one disturbs nobody, and is disturbed by nobody.
  if (options.dryRun) {
    const planned = await planOn(context, options, await readGround(context, false));
    return describe(options, planned, planned.state);
  }
  for (let attempt = 0; attempt < freePlans && options.decide === undefined; attempt++) {
    const ground = await findGround(context);
    if (!ground) break;
    const planned = await planOn(context, options, ground);
    const result = await whileLocked(context, options.signal, async () => {
      await context.index.settle();
      return (await isGround(context, ground)) ? carryOut(context, options, planned) : undefined;
    });
    if (result) return result;
    context.log.debug('planned again: the registry was changed meanwhile', { attempt });
  }
  return whileLocked(context, options.signal, async () => {
    await context.index.settle();
    return carryOut(context, options, await planOn(context, options, await readGround(context, true)));
  });
}

/**
 * Changes what is published here, and what is served with it, in one change of the state. Answers with the state afterwards; it is
 * the one of before where there was nothing to change.
 */
export async function editHosted(context: SyncContext, editor: HostedEditor): Promise<StateView> {
  return whileLocked(context, undefined, async () => {
    await context.index.settle();
    const ground = await readGround(context, true);
    for (;;) {
      const edit = await editor.edit(ground.state, ground.config);
      if (!edit) return ground.state;
      const planned = await planOn(context, { touched: edit.modules }, ground, edit);
      if (editor.accepts(planned.plan)) return (await carryOut(context, {}, planned)).state;
    }
  });
}

/** Whether an edit would do what is meant on the state as it is now. Changes nothing, and waits for nobody. */
export async function foreseeHosted(context: SyncContext, editor: HostedEditor): Promise<boolean> {
  const ground = await readGround(context, false);
  const edit = await editor.edit(ground.state, ground.config);
  if (!edit) return true;
  const { plan } = await planOn(context, { touched: edit.modules }, ground, edit);
  return editor.accepts(plan);
}

/** Works while nobody else changes the registry. */
export function whileLocked<T>(
  { config, log }: SyncContext,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return withRegistryLock(dataLayout(config.registry.dataDir), work, {
    ...(signal ? { signal } : {}),
    waitMs: lockWaitMs,
    onWait: (holder) => log.info('waiting for another process to update the index', { holder }),
  });
}

/** `undefined` where sources have new names, which is written down before anything is planned. */
async function findGround({ index, currentConfig }: SyncContext): Promise<Ground | undefined> {
  const [config, state] = [await currentConfig(), await index.state()];
  const renames = findRenames(state.snapshots, config.sources);
  return renames.size === 0 ? { config, state, renames } : undefined;
}

async function isGround({ index, currentConfig }: SyncContext, { config, state }: Ground): Promise<boolean> {
  return (await currentConfig()) === config && (await index.stateCommit()) === state.commit;
}

/** Renames sources first. */
async function readGround(context: SyncContext, isReal: boolean): Promise<Ground> {
  // Another process may have edited the file since we loaded it; its decision must not be undone.
  const config = await context.currentConfig();
  const before = await context.index.state();
  const renames = findRenames(before.snapshots, config.sources);
  const state = await renameSources(context.index, before, renames, context.now(), isReal);
  return { config, state, renames };
}

async function planOn(
  context: SyncContext,
  options: AggregateOptions,
  ground: Ground,
  edit?: HostedEdit,
): Promise<Planned> {
  const { index, log } = context;
  const { config, state, renames } = ground;
  const date = context.now();
  const now = date.toISOString();
  const observations = renameObservations(await readObservations(observationsFile(config)), renames);
  const readings = await Promise.all(
    readingsOf(options.readings ?? [], config).map(async (reading) => {
      const record = state.snapshots.find(({ source }) => source === reading.source);
      const judged = await judgeReading(reading, record, observations[reading.source], index, log);
      return { ...judged, indexUrl: reading.indexUrl };
    }),
  );
  const snapshots = withHosted(nextSnapshots(state.snapshots, readings, config, now), edit);
  const current =
    options.readings && currentSources(readings, options.alsoCurrent ?? new Set(), snapshots, config);
  const plan = await planSync({
    ...{ index, archives: context.archives, config, state, snapshots, current, now },
    touched: options.touched ?? [],
    taken: [
      ...(await blockWithdrawn(index, state, readings, now)),
      ...((await options.decide?.(state, config)) ?? []),
    ],
    onBug: createBugReport(log),
  });
  return { ...ground, plan, readings, current, edit, date };
}

async function carryOut(
  context: SyncContext,
  options: AggregateOptions,
  planned: Planned,
): Promise<SyncResult> {
  const { plan, state, edit, config } = planned;
  // Planning may have taken long: a state is dated when it begins to count, so that a moment that is over stays as it was.
  const after = await applyPlan(context.index, plan, context.now(), edit, {
    views: config.views,
    policy: policyOf(config, plan.snapshots, plan),
  });
  if (after !== state) {
    await context.audit.record(edit?.events ?? []);
    await context.audit.record(describePlan(plan, await state.findings()));
  }
  return describe(options, planned, after);
}

/** What has become of a plan; where it is real, what was observed of the sources is written down. */
async function describe(
  { dryRun = false }: AggregateOptions,
  { config, state, renames, plan, readings, current, date }: Planned,
  after: StateView,
): Promise<SyncResult> {
  const at = date.toISOString();
  const file = observationsFile(config);
  const refreshes = readings.map((reading) => describeReading(listed(reading, plan), state.snapshots));
  const known = renameObservations(await readObservations(file), renames);
  const observations = observeReadings(known, refreshes, at);
  if (!dryRun && (readings.length > 0 || renames.size > 0)) await writeObservations(file, observations);
  const heldBack = heldBackOf(plan.pending, { config, snapshots: plan.snapshots, observations });
  const waiting = { newlyHeld: await newlyHeld(plan), heldBack };
  return {
    report: describeSync(plan, waiting, after, refreshes, { at, dryRun }),
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
