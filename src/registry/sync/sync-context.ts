import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Source } from '../../sources/source.ts';
import type { MonotonicClock } from '../../support/flow/monotonic-clock.ts';
import type { Log } from '../../support/log.ts';
import type { Audit } from '../record/audit.ts';
import type { SyncReport } from './sync-report.ts';

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
