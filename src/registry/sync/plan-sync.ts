import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import { StorageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { indexPathOf, ledgerFolder, readIndexPath } from '../../index/layout.ts';
import type { Pending, PendingNames } from '../../index/pending-names.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Block } from '../../model/block.ts';
import type { Finding } from '../../model/finding.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { applyBlockDecision, carryFindings, type OperatorDecision } from '../../model/operator-decision.ts';
import { batches } from '../../support/flow/batches.ts';
import { createByteBudget } from '../../support/flow/byte-budget.ts';
import { capFindings, untoldIn } from '../decide/cap-findings.ts';
import { findLookAlikes } from '../decide/look-alikes.ts';
import { changedPathsOf, type FactFinder, findAllFacts, findFactsByPath } from '../decide/module-facts.ts';
import { pendingFindings, pendingOf } from '../decide/pending-findings.ts';
import type { PlannedChange } from '../decide/planned-change.ts';
import {
  claimantOf,
  type Policy,
  type PolicySettings,
  plannerVersion,
  policyDigest,
  policyOf,
} from '../decide/policy.ts';
import { awaitedSources } from './held-back.ts';
import { type LocatedPlan, type PlanningTools, planLocated, planLookAlike } from './plan-located.ts';
import { findChangedSelections } from './selection-changes.ts';

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

export interface PlanningInput {
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
  readonly now: string;
  /** What the operator decides now; every earlier decision is in the state. */
  readonly taken?: readonly OperatorDecision[];
  /** Told of what nobody foresaw while one module was planned. */
  readonly onBug?: ((error: unknown, module: string) => void) | undefined;
}

/** How many modules are planned at a time: keeps git's pipe full. */
const batchSize = 64;
/** All index files that are in memory at the same time while planning. */
const planningBytes = 32 * 1024 * 1024;

/** Compares the snapshots with the ledger. Reads only what changed, unless the policy itself did. */
export async function planSync(input: PlanningInput): Promise<SyncPlan> {
  const { index, state, snapshots, taken = [] } = input;
  const acceptedNames = acceptNames(state.acceptedNames, taken);
  const blocks = taken.reduce(applyBlockDecision, state.blocks);
  const policy = policyOf(input.config, snapshots, { acceptedNames, blocks });
  const digest = policyDigest(policy);
  const isWhole = digest !== state.policy || state.planner !== plannerVersion;
  const [before, decisions, pendingBefore] = await Promise.all([
    state.findings(),
    state.decisions(),
    state.pending(),
  ]);
  const whole = isWhole ? await findAllFacts(index, state, snapshots) : undefined;
  const facts = whole ?? findFactsByPath(index, state, snapshots);
  const paths = whole ? whole.paths : await changedPaths(input, pendingBefore, before, facts.unlistable);

  const context: PathContext = {
    input,
    policy,
    facts,
    tools: createTools(input, policy, snapshots),
    pendingBefore,
  };
  const results = new Map<string, PathResult>();
  for (const batch of batches(paths, batchSize)) {
    for (const result of await Promise.all(batch.map((path) => planContained(path, context))))
      results.set(result.subject, result);
    // Whoever is served by the same process comes first.
    await nextTurn();
  }
  const suspects = before.flatMap(({ kind, module }) => (kind === 'look-alike' ? [module] : []));
  for (const { module, origin, of } of await findLookAlikes([...results.values()], suspects, {
    ...{ index, state, policy, isWhole },
  }))
    results.set(module, {
      subject: module,
      ...(await planLookAlike(index, await facts.find(module), origin, of)),
    });

  const planned = [...results.values()];
  const modules = planned.flatMap(({ change }) => (change ? [change] : []));
  const changed = await findChangedSelections(index, state, modules, input.config.sources, policy);
  const isLeftOut = ({ source, module }: Finding) =>
    isWhole ? facts.unlistable.has(source) : !results.has(module);
  const standing = before.filter(
    (finding) => finding.kind !== 'more' && !isOfPending(finding) && isLeftOut(finding),
  );
  const untold = untoldIn(before, (module) => isWhole || results.has(module));
  const found = carryFindings(
    sortFindings([...standing, ...planned.flatMap(({ findings }) => findings), ...changed]),
    before,
    [...decisions, ...taken],
    input.now,
  );
  const pending = mergePending(isWhole ? new Map() : pendingBefore, planned);
  const isAwaited = awaitedSources({ config: input.config, snapshots });
  const contended = pendingFindings(pending, [...decisions, ...taken], isAwaited);
  const limits = new Map(input.config.sources.map((source) => [source.name, source.limits.findings]));
  return {
    base: state,
    snapshots: await withoutForgotten(
      index,
      state,
      takeListable(snapshots, state.snapshots, facts),
      input.config,
      modules,
    ),
    // What could not be planned now is planned again by the next sync, with everything else.
    policy: facts.unlistable.size > 0 ? state.policy : digest,
    modules,
    findings: sortFindings(
      capFindings(sortFindings([...found, ...contended]), (source) => limits.get(source), untold),
    ),
    pending,
    acceptedNames,
    blocks,
    taken,
    unlistable: facts.unlistable,
  };
}

function createTools(
  { index, archives, current, taken = [], now, config }: PlanningInput,
  policy: Policy,
  snapshots: readonly SnapshotRecord[],
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
    ...{ index, archives, policy, snapshots, current, now },
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

async function changedPaths(
  { index, state, snapshots, current, touched, taken = [] }: PlanningInput,
  pending: PendingNames,
  findings: readonly Finding[],
  unlistable: Map<string, string>,
): Promise<Set<string>> {
  const known = new Map(state.snapshots.map((record) => [record.source, record]));
  const diffs = await Promise.all(
    snapshots.map(async ({ source, tree }) => {
      const before = known.get(source)?.tree;
      if (before === undefined || before === tree) return [];
      return changedPathsOf(index, source, { before, after: tree }, unlistable);
    }),
  );
  const decidable = [...pending].flatMap(([module, reason]) =>
    reason.kind === 'undecided' && isReady(reason.waitsFor, current) ? [module] : [],
  );
  // What a fault of ours kept from being planned is tried again.
  const failed = findings.flatMap(({ kind, module }) =>
    kind === 'unplanned' && isModuleName(module) ? [module] : [],
  );
  const named = [...touched, ...taken.map(({ module }) => module), ...decidable, ...failed];
  return new Set([...diffs.flat(), ...named.map(indexPathOf)]);
}

function isReady(waitsFor: readonly string[], current: ReadonlySet<string> | undefined): boolean {
  if (current === undefined) return false;
  return waitsFor.length === 0 || waitsFor.some((source) => current.has(source));
}

function withoutUnlistable(
  current: ReadonlySet<string> | undefined,
  { unlistable }: FactFinder,
): ReadonlySet<string> | undefined {
  if (current === undefined || unlistable.size === 0) return current;
  return new Set([...current].filter((source) => !unlistable.has(source)));
}

/** A tree that cannot be read does not replace the one before: the next sync compares with that again. */
function takeListable(
  snapshots: readonly SnapshotRecord[],
  before: readonly SnapshotRecord[],
  { unlistable }: FactFinder,
): SnapshotRecord[] {
  return snapshots.flatMap((record) => {
    if (!unlistable.has(record.source)) return [record];
    return before.find(({ source }) => source === record.source) ?? [];
  });
}

interface PathContext {
  readonly input: PlanningInput;
  readonly policy: Policy;
  readonly facts: FactFinder;
  readonly tools: PlanningTools;
  readonly pendingBefore: PendingNames;
}

/** What planning one path gave. */
interface PathResult extends Partial<Pick<LocatedPlan, 'located' | 'decision'>> {
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
async function planContained(path: string, context: PathContext): Promise<PathResult> {
  try {
    return await planPath(path, context);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const target = readIndexPath(path);
    const subject = target.kind === 'module' ? target.module : path;
    context.input.onBug?.(error, subject);
    const sources = [...(await context.facts.listings(path)).keys()];
    const message = 'it could not be planned, which is a fault of this program; what was served of it stays';
    const findings = sources.map(
      (source): Finding => ({ kind: 'unplanned', module: subject, source, message }),
    );
    const pending = context.pendingBefore.get(subject as ModuleName);
    return { subject, findings, change: undefined, pending };
  }
}

async function planPath(
  path: string,
  { input, policy, facts, tools, pendingBefore }: PathContext,
): Promise<PathResult> {
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
  const deciding = [located.recorded, claimantOf(policy, module)?.name];
  if (located.recorded !== undefined && deciding.some((source) => facts.unlistable.has(source ?? '')))
    return { subject: module, findings: [], change: undefined, pending: before };
  const plan = await planLocated(located, {
    ...tools,
    current: withoutUnlistable(tools.current, facts),
    waitedFor: before?.kind === 'undecided' ? before.waitsFor : [],
  });
  const hasChanges = plan.findings.some(({ kind }) => kind === 'origin-conflict');
  const pending = pendingOf(plan.decision, hasChanges, before, input.now);
  return { subject: module, ...plan, pending };
}

/** Told anew for all names that are contended. */
function isOfPending({ kind, changes }: Finding): boolean {
  return kind === 'origin-conflict' && changes === undefined;
}

function mergePending(before: PendingNames, planned: readonly PathResult[]): Map<ModuleName, Pending> {
  const pending = new Map(before);
  for (const { subject, pending: reason } of planned) {
    if (reason) pending.set(subject as ModuleName, reason);
    else pending.delete(subject as ModuleName);
  }
  return pending;
}

/** Of a source that is configured no longer, and from which nothing comes, nothing stays. */
async function withoutForgotten(
  index: GitIndex,
  state: StateView,
  snapshots: readonly SnapshotRecord[],
  { sources }: PolicySettings,
  modules: readonly PlannedChange[],
): Promise<SnapshotRecord[]> {
  const kept: SnapshotRecord[] = [];
  for (const record of snapshots) {
    const isConfigured = sources.some(({ name }) => name === record.source);
    const { held: _, ...rest } = record;
    if (isConfigured) kept.push(record);
    else if (modules.some(({ ledger }) => ledger?.origin === record.source)) kept.push(rest);
    else if (await index.measure(`${state.commit}:${ledgerFolder}/${record.source}`)) kept.push(rest);
  }
  return kept;
}

function sortFindings(findings: readonly Finding[]): Finding[] {
  const key = ({ module, version, source, kind, line }: Finding) =>
    [module, version ?? '', source, kind, String(line ?? '').padStart(8, '0')].join('\0');
  return findings
    .map((finding) => ({ finding, key: key(finding) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ finding }) => finding);
}
