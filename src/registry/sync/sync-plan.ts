import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { PendingNames } from '../../index/pending-names.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Block } from '../../model/block.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { PlannedChange } from '../decide/planned-change.ts';
import type { PolicySettings } from '../decide/policy.ts';

/** What a sync will do, as a value: to be printed (`--dry-run`) or applied. */
export interface SyncPlan {
  readonly base: StateView;
  readonly snapshots: readonly SnapshotRecord[];
  readonly policy: string;
  readonly modules: readonly PlannedChange[];
  /** Every finding that stands afterwards. */
  readonly findings: readonly Finding[];
  /** Every name that waits afterwards. */
  readonly pending: PendingNames;
  readonly acceptedNames: readonly string[];
  readonly blocks: readonly Block[];
  /** What the operator decides with this plan. */
  readonly taken: readonly OperatorDecision[];
  /** Sources whose snapshot could not be read, and why: what they had before stays as it is. */
  readonly unlistable: ReadonlyMap<string, string>;
}

export interface SyncInput {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly config: PolicySettings;
  readonly state: StateView;
  /** As they will be recorded. */
  readonly snapshots: readonly SnapshotRecord[];
  /** Sources that this sync itself has read; see `DecisionContext`. `undefined`: it has read none, and gives no new name away. */
  readonly current: ReadonlySet<string> | undefined;
  /** Modules to plan although no index file changed: their archives have. */
  readonly touched: readonly ModuleName[];
  /** ISO 8601, UTC. */
  readonly now: string;
  /** What the operator decides now; every earlier decision is in the state. */
  readonly taken: readonly OperatorDecision[];
  /** Told of what nobody foresaw while one module was planned. */
  readonly onBug: (error: unknown, module: string) => void;
}
