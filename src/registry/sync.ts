import { join } from 'node:path';
import type { ArchiveStore } from '../archives/archive-store.ts';
import type { Config } from '../config/config.ts';
import type { GitIndex, StateView } from '../index/git-index.ts';
import { readIndexPath } from '../index/layout.ts';
import type { SnapshotRecord } from '../index/registry-state.ts';
import { type Lookup, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import type { Snapshot, Source } from '../sources/source.ts';
import type { Log } from '../support/log.ts';
import { withProcessLock } from '../support/process-lock.ts';
import { applyPlan, plannedModules, reRoots } from './apply-plan.ts';
import { type Audit, describePlan } from './audit.ts';
import { readObservations, writeObservations } from './observations.ts';
import { planSync, type SyncPlan } from './plan-sync.ts';
import type { SourceRefresh, SyncReport } from './reports.ts';

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
  readonly now: () => Date;
}

export interface SyncOptions {
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Modules whose archives have changed what may be listed. */
  readonly touched?: readonly ModuleName[] | undefined;
}

export function observationsFile(config: Config): string {
  return join(config.registry.dataDir, 'observations.json');
}

/** A sync's outcome with what it was planned on, for those who go on from there. */
export interface SyncResult {
  readonly report: SyncReport;
  readonly state: StateView;
  /** The snapshots planned on; with `dryRun` they are not in the state. */
  readonly snapshots: readonly SnapshotRecord[];
  readonly config: Config;
}

/** Reads every enabled source, then plans and applies under the registry's lock. */
export async function syncRegistry(context: SyncContext, options: SyncOptions = {}): Promise<SyncResult> {
  const known = (await context.index.state()).snapshots;
  const enabled = context.config.sources.filter((source) => source.enabled);
  const readings = await Promise.all(
    enabled.map(({ name }) => readSource(context, name, known, options.signal)),
  );
  return aggregate(context, { ...options, readings });
}

export interface Reading {
  readonly source: string;
  /** The commit known before reading. */
  readonly known: string | undefined;
  readonly result: Lookup<Snapshot>;
}

async function readSource(
  context: SyncContext,
  name: string,
  known: readonly SnapshotRecord[],
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const source = context.sources.get(name);
  const commit = known.find((record) => record.source === name)?.commit;
  if (!source) throw new Error(`source ${name} is not connected`);
  // Two processes fetching one source would meet in its git directory; the others need not wait for it.
  const lock = join(context.config.registry.dataDir, 'locks', `source-${name}`);
  const result = await withProcessLock(lock, (held) => source.readSnapshot(commit, held), {
    ...(signal ? { signal } : {}),
    waitMs: lockWaitMs,
    onWait: (holder) =>
      context.log.info('waiting for another process to read the source', { source: name, holder }),
  });
  return { source: name, known: commit, result: await refuseEmpty(context.index, commit, result) };
}

/** A repository without index files is no index: nothing tells a wrong address from a registry that lost everything. */
async function refuseEmpty(
  index: GitIndex,
  known: string | undefined,
  result: Lookup<Snapshot>,
): Promise<Lookup<Snapshot>> {
  if (result.kind !== 'found' || result.value.commit === known) return result;
  for (const path of (await index.list(result.value.tree)).keys())
    if (readIndexPath(path).kind !== 'other') return result;
  const detail = `commit ${result.value.commit.slice(0, 10)} of its index has no .index file below user/`;
  return unavailable({ reason: 'bad-answer', detail });
}

/** As long as the slowest honest fetch. */
const lockWaitMs = 10 * 60_000;

export interface AggregateOptions extends SyncOptions {
  readonly readings?: readonly Reading[];
  /** What the operator decides, asked when nothing can change any more before it is applied. */
  readonly decide?: ((state: StateView, config: Config) => Promise<readonly OperatorDecision[]>) | undefined;
}

/** Plans and applies with the readings at hand; without any, the current config on the last good snapshots. */
export async function aggregate(context: SyncContext, options: AggregateOptions): Promise<SyncResult> {
  const { index } = context;
  const lock = join(context.config.registry.dataDir, 'locks', 'registry');
  return withProcessLock(
    lock,
    async () => {
      await index.settle();
      const date = context.now();
      const now = date.toISOString();
      // Another process may have edited the file since we loaded it; its decision must not be undone.
      const config = await context.currentConfig();
      const isEnabled = (name: string) =>
        config.sources.some((source) => source.name === name && source.enabled);
      const readings = (options.readings ?? []).filter(({ source }) => isEnabled(source));
      const state = await index.state();
      const snapshots = nextSnapshots(state.snapshots, readings, config, now);
      const plan = await planSync({
        index,
        archives: context.archives,
        config,
        state,
        snapshots,
        touched: options.touched ?? [],
        now,
        taken: (await options.decide?.(state, config)) ?? [],
      });
      const after = options.dryRun ? state : await applyPlan(index, plan, date);
      if (after !== state) await context.audit.record(describePlan(plan, await state.findings()));
      const refreshes = readings.map((reading) => describeReading(reading, state.snapshots));
      if (!options.dryRun && readings.length > 0) {
        const file = observationsFile(config);
        await writeObservations(file, await readObservations(file), refreshes, now);
      }
      const report = describeSync(plan, after.served, refreshes, options.dryRun === true);
      return { report, state: after, snapshots, config };
    },
    {
      ...(options.signal ? { signal: options.signal } : {}),
      waitMs: lockWaitMs,
      onWait: (holder) => context.log.info('waiting for another process to update the index', { holder }),
    },
  );
}

/**
 * What the state will record: what was read, or else the last good snapshot (rule 4). A reading that started
 * from an older state than the current one is dropped: whoever came between read the source at least as late.
 */
function nextSnapshots(
  records: readonly SnapshotRecord[],
  readings: readonly Reading[],
  config: Config,
  now: string,
): SnapshotRecord[] {
  const priorities = new Map(config.sources.map((source) => [source.name, source.priority]));
  const next = new Map(
    records.map((record) => [
      record.source,
      { ...record, priority: priorities.get(record.source) ?? record.priority },
    ]),
  );
  for (const { source, known, result } of readings) {
    const before = next.get(source);
    if (result.kind !== 'found' || before?.commit !== known || before?.commit === result.value.commit)
      continue;
    const { commit, tree } = result.value;
    next.set(source, { source, commit, tree, since: now, priority: priorities.get(source) ?? 0 });
  }
  return [...next.values()];
}

function describeReading(
  { source, known, result }: Reading,
  records: readonly SnapshotRecord[],
): SourceRefresh {
  switch (result.kind) {
    case 'found':
      return {
        source,
        outcome: result.value.commit === known ? 'unchanged' : 'fresh',
        commit: result.value.commit,
      };
    case 'absent':
      return describeFailure(source, result.detail, records);
    case 'unavailable':
      return describeFailure(source, result.cause.detail, records);
  }
}

function describeFailure(source: string, detail: string, records: readonly SnapshotRecord[]): SourceRefresh {
  const last = records.find((record) => record.source === source);
  return last
    ? { source, outcome: 'stale', detail, commit: last.commit }
    : { source, outcome: 'never-read', detail };
}

function describeSync(
  plan: SyncPlan,
  served: string,
  sources: readonly SourceRefresh[],
  dryRun: boolean,
): SyncReport {
  return {
    dryRun,
    sources,
    changes: plan.modules.flatMap(({ change }) => (change ? [change] : [])),
    findings: plan.findings,
    modules: plannedModules(plan),
    commit: served,
    reRooted: !dryRun && reRoots(plan),
  };
}
