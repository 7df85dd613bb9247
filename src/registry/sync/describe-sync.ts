import type { StateView } from '../../index/state-view.ts';
import { plannedModules, reRoots } from './apply-plan.ts';
import type { SourceRefresh } from './source-refresh.ts';
import type { SyncPlan } from './sync-plan.ts';
import type { ReportedView, SyncReport } from './sync-report.ts';

/** Names that wait now, and did not before. */
export async function newlyHeld({ base, pending }: SyncPlan): Promise<SyncReport['newlyHeld']> {
  const before = await base.pending();
  return [...pending].flatMap(([module, reason]) =>
    reason.kind === 'undecided' && before.get(module)?.kind !== 'undecided'
      ? [{ module, waitsFor: reason.waitsFor }]
      : [],
  );
}

export function describeSync(
  plan: SyncPlan,
  waiting: Pick<SyncReport, 'newlyHeld' | 'heldBack'>,
  after: Pick<StateView, 'served' | 'views'>,
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
    views: reportedViews(after),
    modules: plannedModules(plan),
    commit: after.served,
    reRooted: !dryRun && reRoots(plan),
  };
}

export function reportedViews({ views }: Pick<StateView, 'views'>): readonly ReportedView[] {
  return views.map(({ name, modules, withheld }) => ({ name, modules, withheld }));
}
