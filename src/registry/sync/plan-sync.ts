import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pending, PendingNames } from '../../index/pending-names.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { applyBlockDecision, type OperatorDecision } from '../../model/operator-decision.ts';
import { batches } from '../../support/flow/batches.ts';
import { createByteBudget } from '../../support/flow/byte-budget.ts';
import { type Policy, plannerVersion, policyDigest, policyOf } from '../decide/policy.ts';
import { findingsAfter } from '../decide/standing-findings.ts';
import { changedPaths } from './changed-paths.ts';
import { findAllFacts, findFactsByPath } from './find-facts.ts';
import { findLookAlikes } from './find-look-alikes.ts';
import { awaitedSources } from './held-back.ts';
import { type PlanningTools, planLookAlike } from './plan-located.ts';
import { type PathContext, type PathResult, planContained } from './plan-path.ts';
import { takeListable, withoutForgotten } from './recorded-snapshots.ts';
import { findChangedSelections } from './selection-changes.ts';
import type { SyncInput, SyncPlan } from './sync-plan.ts';

/** How many modules are planned at a time: keeps git's pipe full. */
const batchSize = 32;
/** All index files that are in memory at the same time while planning. */
const planningBytes = 32 * 1024 * 1024;

/** Compares the snapshots with the ledger. Reads only what changed, unless the policy itself did. */
export async function planSync(input: SyncInput): Promise<SyncPlan> {
  const { index, state, snapshots, taken, config } = input;
  const acceptedNames = acceptNames(state.acceptedNames, taken);
  const blocks = taken.reduce(applyBlockDecision, state.blocks);
  const policy = policyOf(config, snapshots, { acceptedNames, blocks });
  const digest = policyDigest(policy);
  const isWhole = digest !== state.policy || state.planner !== plannerVersion;
  const [before, pendingBefore] = await Promise.all([state.findings(), state.pending()]);
  const whole = isWhole ? await findAllFacts(index, state, snapshots) : undefined;
  const facts = whole ?? findFactsByPath(index, state, snapshots);
  const { unlistable } = facts;
  const paths = whole?.paths ?? (await changedPaths(input, pendingBefore, before, unlistable));

  const tools = createTools(input, policy);
  const results = await planPaths(paths, { facts, tools, pendingBefore, onBug: input.onBug });
  const suspects = before.flatMap(({ kind, module }) => (kind === 'look-alike' ? [module] : []));
  const compared = { index, state, policy, isWhole };
  for (const { module, origin, of } of await findLookAlikes([...results.values()], suspects, compared))
    results.set(module, {
      subject: module,
      ...(await planLookAlike(index, await facts.find(module), origin, of)),
    });

  const planned = [...results.values()];
  const modules = planned.flatMap(({ change }) => (change ? [change] : []));
  const changed = await findChangedSelections(index, state, modules, config.sources, policy);
  const pending = mergePending(isWhole ? new Map() : pendingBefore, planned);
  const limits = new Map(config.sources.map((source) => [source.name, source.limits.findings]));
  const listable = takeListable(snapshots, state.snapshots, facts);
  return {
    base: state,
    snapshots: await withoutForgotten(index, state, listable, config, modules),
    // What could not be planned now is planned again by the next sync, with everything else.
    policy: unlistable.size > 0 ? state.policy : digest,
    modules,
    findings: findingsAfter({
      before,
      found: [...planned.flatMap(({ findings }) => findings), ...changed],
      isLeftOut: ({ source, module }) => (isWhole ? unlistable.has(source) : !results.has(module)),
      isPlanned: (module) => isWhole || results.has(module),
      pending,
      isAwaited: awaitedSources({ config, snapshots }),
      decisions: [...(await state.decisions()), ...taken],
      limitOf: (source) => limits.get(source),
      now: input.now,
    }),
    pending,
    acceptedNames,
    blocks,
    taken,
    unlistable,
  };
}

/** By what findings of earlier syncs each result replaces. */
async function planPaths(paths: ReadonlySet<string>, context: PathContext): Promise<Map<string, PathResult>> {
  const results = new Map<string, PathResult>();
  for (const batch of batches(paths, batchSize)) {
    for (const result of await Promise.all(batch.map((path) => planContained(path, context))))
      results.set(result.subject, result);
    // Whoever is served by the same process comes first.
    await nextTurn();
  }
  return results;
}

function createTools(
  { index, archives, current, taken, now, config }: SyncInput,
  policy: Policy,
): PlanningTools {
  const readBytes = new Map<string, number>();
  const limits = new Map(config.sources.map(({ name, limits }) => [name, limits.indexBytes]));
  // Whoever mirrors an owner's names may decide about thousands at once.
  const about = new Map<ModuleName, OperatorDecision[]>();
  for (const decision of taken) {
    const group = about.get(decision.module);
    if (group) group.push(decision);
    else about.set(decision.module, [decision]);
  }
  return {
    ...{ index, archives, policy, current, now },
    takenAbout: (module) => about.get(module) ?? [],
    budget: createByteBudget(planningBytes),
    mayRead(source, sizeBytes) {
      const sum = (readBytes.get(source) ?? 0) + sizeBytes;
      if (sum > (limits.get(source) ?? Number.POSITIVE_INFINITY)) return false;
      readBytes.set(source, sum);
      return true;
    },
  };
}

function acceptNames(before: readonly string[], taken: readonly OperatorDecision[]): readonly string[] {
  const added = taken.flatMap(({ action, module }) => (action === 'accept-name' ? [module] : []));
  return added.length === 0 ? before : [...new Set([...before, ...added])].sort();
}

function mergePending(before: PendingNames, planned: readonly PathResult[]): Map<ModuleName, Pending> {
  const pending = new Map(before);
  for (const { subject, pending: reason } of planned) {
    if (reason) pending.set(subject as ModuleName, reason);
    else pending.delete(subject as ModuleName);
  }
  return pending;
}
