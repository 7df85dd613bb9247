import type { Config } from '../../config/config.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';
import { hostedPriority } from '../decide/policy.ts';
import type { AuditEvent } from '../record/audit.ts';
import type { SyncPlan } from './sync-plan.ts';

/** A change to what is published here, to be planned as if a source had been read. */
export interface HostedEdit {
  /** The tree of all index files of modules that are published here, and the commit it was written with. */
  readonly commit: string;
  readonly tree: string;
  readonly modules: readonly ModuleName[];
  /** What the state's tree has beside. */
  readonly stateEdits: readonly TreeEdit[];
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Lines for the state's history: who has done what. */
  readonly notes: readonly string[];
  /** The same for the audit. */
  readonly events: readonly AuditEvent[];
}

export interface HostedEditor {
  /** What to change of this state; `undefined`: nothing. */
  edit(state: StateView, config: Config): Promise<HostedEdit | undefined>;
  /** Whether a plan made of the edit does what was meant; if not, `edit` is asked for another one. */
  accepts(plan: SyncPlan): boolean;
}

/** The snapshots with what is published here as edited. */
export function withHosted(
  snapshots: readonly SnapshotRecord[],
  edit: HostedEdit | undefined,
): readonly SnapshotRecord[] {
  if (!edit) return snapshots;
  const { commit, tree, at } = edit;
  const before = snapshots.find(({ source }) => source === hosted);
  const facts = { commit, tree, since: at, priority: hostedPriority, indexUrl: undefined };
  const record: SnapshotRecord = { ...before, source: hosted, ...facts };
  return [...snapshots.filter((one) => one !== before), record];
}
