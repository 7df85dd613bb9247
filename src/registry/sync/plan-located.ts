import type { GitIndex } from '../../index/git-index.ts';
import { type IndexFile, parseIndexFile } from '../../index/index-file.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Decision, LocatedFacts } from '../decide/decide-origin.ts';
import { claimedByLooks, contentionFindings, lookAlike } from '../decide/module-findings.ts';
import { pinChanges, replacePins } from '../decide/pin-changes.ts';
import { planModule } from '../decide/plan-module.ts';
import { describeChange, type PlannedChange } from '../decide/planned-change.ts';
import { blockedVersions, type Policy } from '../decide/policy.ts';
import { decideLocated } from './decide-located.ts';
import { type FactContext, withFacts } from './gather-facts.ts';
import { measureAll, readListed, readOwnFile, readPins } from './source-file.ts';

/** What planning one module takes beside its facts. */
export interface PlanningTools extends FactContext {
  /** See `DecisionContext`. */
  readonly current: ReadonlySet<string> | undefined;
  /** What the operator decides with this plan about one module. */
  readonly takenAbout: (module: ModuleName) => readonly OperatorDecision[];
  /** ISO 8601, UTC. */
  readonly now: string;
}

export interface LocatedPlan {
  readonly located: LocatedFacts;
  readonly decision: Decision;
  readonly findings: readonly Finding[];
  readonly change: PlannedChange | undefined;
}

/** Decides one module and plans what is served of it. `waitedFor`: what it waited for before; see `DecisionContext`. */
export async function planLocated(
  located: LocatedFacts,
  tools: PlanningTools,
  waitedFor: readonly string[],
): Promise<LocatedPlan> {
  const taken = tools.takenAbout(located.module);
  const accepted = taken.find((decision) => decision.action === 'accept-origin')?.to;
  const decision = await decideLocated(located, tools, { accepted, current: tools.current, waitedFor });
  const plan = await planDecided(located, decision, tools, taken);
  const findings = [...plan.findings, ...claimedByLooks(located, decision, tools.policy)];
  return { located, decision, findings, change: plan.change };
}

async function planDecided(
  located: LocatedFacts,
  decision: Decision,
  tools: PlanningTools,
  taken: readonly OperatorDecision[],
): Promise<Pick<LocatedPlan, 'findings' | 'change'>> {
  const { policy, now } = tools;
  const contender = await readContender(located, decision, tools);
  if (taken.length === 0 && isSettled(located, decision, policy)) {
    const changes = contender ? pinChanges(contender, await readPins(tools.index, located)) : [];
    return { findings: contentionFindings(located.module, decision, changes), change: undefined };
  }
  return withFacts(located, decision, tools, ({ facts, served, ledger }) => {
    const pins = replacePins(facts.pins, taken, now);
    const plan = planModule({ policy, decision, facts: { ...facts, pins, contender }, now });
    return { findings: plan.findings, change: describeChange(plan, located, served, ledger, policy) };
  });
}

/** Whether nothing of it can change: its source's whole file is served as it is, and that is the one of before. */
function isSettled(located: LocatedFacts, { origin, file, supply }: Decision, policy: Policy): boolean {
  const isPlain = blockedVersions(policy, located.module) === undefined && located.unblocked === undefined;
  const isAsBefore = origin === located.recorded && file === located.served;
  return isPlain && isAsBefore && (file === undefined || (supply === 'all' && policy.upstreamFallback));
}

/** What a contender lists; most that contend list the very file that is served, and change nothing by that. */
async function readContender(
  { listings, served }: LocatedFacts,
  { rule, contender }: Decision,
  { index, policy, budget }: PlanningTools,
): Promise<IndexFile | undefined> {
  const id = rule === 'held' && contender !== undefined ? listings.get(contender) : undefined;
  if (id === undefined || contender === undefined || id === served) return undefined;
  return budget.run(await measureAll(index, [id]), () => readListed(index, policy, contender, id));
}

/** A name that looks like one of another origin leaves the index, or does not come in; its pins stay. */
export async function planLookAlike(
  index: GitIndex,
  { module, served }: Pick<LocatedFacts, 'module' | 'served'>,
  origin: string,
  of: { readonly name: string; readonly source: string },
): Promise<Pick<LocatedPlan, 'findings' | 'change'>> {
  const findings = [lookAlike(module, origin, of)];
  if (served === undefined) return { findings, change: undefined };
  const { lines } = parseIndexFile(await readOwnFile(index, served));
  const versionsRemoved = [...new Set(lines.map(({ entry }) => entry.version))];
  const change = { module, kind: 'removed' as const, origin, versionsAdded: [], versionsRemoved };
  return { findings, change: { module, served: 'remove', listed: -1, change } };
}
