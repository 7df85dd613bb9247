import { plannedModules, reRoots } from './apply-plan.ts';
import type { SourceRefresh } from './source-refresh.ts';
import type { SyncPlan } from './sync-plan.ts';
import type { SyncReport } from './sync-report.ts';

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
