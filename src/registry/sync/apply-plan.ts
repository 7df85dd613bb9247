import type { GitIndex } from '../../index/git-index.ts';
import { indexPathOf, ledgerPathOf, unblockedPathOf } from '../../index/layout.ts';
import { formatPending } from '../../index/pending-names.ts';
import type { StateView } from '../../index/state-view.ts';
import { describeDecision } from '../../model/operator-decision.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';
import type { FileChange, PlannedChange } from '../decide/planned-change.ts';
import { plannerVersion } from '../decide/policy.ts';
import type { HostedEdit } from './hosted-edit.ts';
import { planViews, type ViewsInput } from './plan-views.ts';
import type { SyncPlan } from './sync-plan.ts';

/**
 * The most index files a client may face in one `git pull`. Older clients never drain git's output and hang for
 * ever on a fast-forward of some 550 files (moon#2235); a fresh root makes them clone again instead.
 */
const maxFilesPerPull = 300;
/** A commit message names this many modules. */
const maxNamedModules = 200;

export function reRoots(plan: SyncPlan): boolean {
  const edits = plan.modules.filter((module) => module.served).length;
  return edits > 0 && plan.base.changedSinceRoot + edits > maxFilesPerPull;
}

/** What views are made by; without it they stay as they are. */
type ViewSettings = Pick<ViewsInput, 'views' | 'policy'>;

/** Writes the plan and makes it count. Returns the state as it was when there is nothing to do. */
export async function applyPlan(
  index: GitIndex,
  plan: SyncPlan,
  date: Date,
  edit?: HostedEdit,
  settings?: ViewSettings,
): Promise<StateView> {
  const edits = plan.modules.flatMap(servedEditsOf);
  const stateEdits = [
    ...plan.modules.flatMap((change) => [...ledgerEditsOf(change), ...unblockedEditsOf(change)]),
    ...(edit?.stateEdits ?? []),
  ];
  const views = settings && (await planViews({ ...settings, index, plan, maxFilesPerPull }));
  const hasNews = edits.length > 0 || stateEdits.length > 0 || views !== undefined;
  if (!hasNews && !(await hasOtherNews(plan))) return plan.base;
  const isRoot = reRoots(plan);
  const summary = describePlan(plan);
  return index.commit({
    base: plan.base,
    ...(edits.length > 0 ? { served: { edits, message: summary, isRoot } } : {}),
    state: {
      policy: plan.policy,
      planner: plannerVersion,
      acceptedNames: plan.acceptedNames,
      blocks: plan.blocks,
      modules: plannedModules(plan),
      snapshots: plan.snapshots,
      changedSinceRoot: isRoot ? 0 : plan.base.changedSinceRoot + edits.length,
    },
    views,
    stateEdits,
    findings: plan.findings,
    pending: plan.pending,
    ...(plan.taken.length > 0 ? { decisions: [...(await plan.base.decisions()), ...plan.taken] } : {}),
    // Clients see the served commit's message: who decided is for the operator's history alone.
    message: describePlan(plan, [...plan.taken.map(describeDecision), ...(edit?.notes ?? [])]),
    date,
  });
}

export function plannedModules(plan: SyncPlan): number {
  return plan.modules.reduce((sum, { listed }) => sum + listed, plan.base.modules);
}

async function hasOtherNews(plan: SyncPlan): Promise<boolean> {
  return (
    plan.taken.length > 0 ||
    plan.policy !== plan.base.policy ||
    plan.base.planner !== plannerVersion ||
    formatPending(plan.pending) !== formatPending(await plan.base.pending()) ||
    JSON.stringify(plan.snapshots) !== JSON.stringify(plan.base.snapshots) ||
    JSON.stringify(plan.findings) !== JSON.stringify(await plan.base.findings())
  );
}

function servedEditsOf({ module, served }: PlannedChange): TreeEdit[] {
  return fileEdits(indexPathOf(module), served);
}

function unblockedEditsOf({ module, unblocked }: PlannedChange): TreeEdit[] {
  return fileEdits(unblockedPathOf(module), unblocked);
}

function fileEdits(path: string, change: FileChange | undefined): TreeEdit[] {
  if (change === undefined) return [];
  if (change === 'remove') return [{ path }];
  return 'object' in change ? [{ path, object: change.object }] : [{ path, content: change.bytes }];
}

function ledgerEditsOf({ module, ledger }: PlannedChange): TreeEdit[] {
  if (!ledger) return [];
  const path = ledgerPathOf(ledger.origin, module);
  const added: TreeEdit =
    'object' in ledger ? { path, object: ledger.object } : { path, content: ledger.bytes };
  const hasMoved = ledger.previousOrigin !== undefined && ledger.previousOrigin !== ledger.origin;
  return hasMoved ? [{ path: ledgerPathOf(ledger.previousOrigin, module) }, added] : [added];
}

function describePlan(plan: SyncPlan, notes: readonly string[] = []): string {
  const changes = plan.modules.flatMap(({ change }) => (change ? [change] : []));
  const lines = changes.slice(0, maxNamedModules).map((change) => {
    const from =
      change.previousOrigin === undefined ? change.origin : `${change.previousOrigin} -> ${change.origin}`;
    const versions = [
      ...change.versionsAdded.map((version) => `+${version}`),
      ...change.versionsRemoved.map((version) => `-${version}`),
    ];
    return `${change.kind} ${change.module} (${from}) ${versions.slice(0, 20).join(' ')}`.trimEnd();
  });
  if (changes.length > lines.length) lines.push(`… and ${changes.length - lines.length} more`);
  const [decision] = notes.length > 0 ? plan.taken : [];
  const subject =
    decision !== undefined
      ? `Decide about ${decision.module}`
      : changes.length === 0
        ? 'Record sources and ledger'
        : changes.length === 1
          ? `Update ${changes[0]?.module}`
          : `Update ${changes.length} modules`;
  return `${[subject, '', ...notes, ...lines].join('\n').trimEnd()}\n`;
}
