import { StorageError } from '../../errors.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { Pending, PendingNames } from '../../index/pending-names.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { pendingOf } from '../decide/pending-findings.ts';
import type { PlannedChange } from '../decide/planned-change.ts';
import { claimantOf } from '../decide/policy.ts';
import type { FactFinder } from './find-facts.ts';
import { type LocatedPlan, type PlanningTools, planLocated } from './plan-located.ts';

export interface PathContext {
  readonly facts: FactFinder;
  readonly tools: PlanningTools;
  readonly pendingBefore: PendingNames;
  /** Told of what nobody foresaw while one module was planned. */
  readonly onBug: (error: unknown, module: string) => void;
}

/** What planning one path gave. */
export interface PathResult extends Partial<Pick<LocatedPlan, 'located' | 'decision'>> {
  /** What findings of earlier syncs this replaces. */
  readonly subject: string;
  readonly findings: readonly Finding[];
  readonly change: PlannedChange | undefined;
  readonly pending?: Pending | undefined;
}

/**
 * Whatever is thrown while one module is planned is a finding on that module, and what was served of it stays (rule 11). A
 * failure of our own disk is everybody's.
 */
export async function planContained(path: string, context: PathContext): Promise<PathResult> {
  try {
    return await planPath(path, context);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const target = readIndexPath(path);
    const subject = target.kind === 'module' ? target.module : path;
    context.onBug(error, subject);
    const sources = [...(await context.facts.listings(path)).keys()];
    const message = 'it could not be planned, which is a fault of this program; what was served of it stays';
    const findings = sources.map(
      (source): Finding => ({ kind: 'unplanned', module: subject, source, message }),
    );
    const pending = context.pendingBefore.get(subject as ModuleName);
    return { subject, findings, change: undefined, pending };
  }
}

async function planPath(path: string, { facts, tools, pendingBefore }: PathContext): Promise<PathResult> {
  const target = readIndexPath(path);
  if (target.kind === 'other') return { subject: path, findings: [], change: undefined };
  if (target.kind === 'refused') {
    const sources = [...(await facts.listings(path)).keys()];
    const findings = sources.map((source): Finding => {
      const message = `${JSON.stringify(target.text)} is not a module name: ${target.reason}`;
      return { kind: 'refused-name', module: target.text, source, message };
    });
    return { subject: target.text, findings, change: undefined };
  }
  const { module } = target;
  const located = await facts.find(module);
  const before = pendingBefore.get(module);
  // Nothing is known of what its origin, or whoever claims it, has now.
  const deciding = [located.recorded, claimantOf(tools.policy, module)?.name];
  if (located.recorded !== undefined && deciding.some((source) => facts.unlistable.has(source ?? '')))
    return { subject: module, findings: [], change: undefined, pending: before };
  const plan = await planLocated(
    located,
    { ...tools, current: withoutUnlistable(tools.current, facts) },
    before?.kind === 'undecided' ? before.waitsFor : [],
  );
  const hasChanges = plan.findings.some(({ kind }) => kind === 'origin-conflict');
  const pending = pendingOf(plan.decision, hasChanges, before, tools.now);
  return { subject: module, ...plan, pending };
}

function withoutUnlistable(
  current: ReadonlySet<string> | undefined,
  { unlistable }: FactFinder,
): ReadonlySet<string> | undefined {
  if (current === undefined || unlistable.size === 0) return current;
  return new Set([...current].filter((source) => !unlistable.has(source)));
}
