import type { ArchiveStore } from '../archives/archive-store.ts';
import { StorageError } from '../errors.ts';
import type { GitIndex, StateView } from '../index/git-index.ts';
import { indexPathOf, readIndexPath } from '../index/layout.ts';
import { type Pin, parseLedgerFile } from '../index/ledger-file.ts';
import type { SnapshotRecord } from '../index/registry-state.ts';
import type { ChecksumChange, Finding } from '../model/finding.ts';
import type { ModuleName } from '../model/module-name.ts';
import { carryFindings, type OperatorDecision } from '../model/operator-decision.ts';
import { batches } from '../support/batches.ts';
import { cachedChecksums } from './cached-checksums.ts';
import { type Decision, decideOrigin } from './decide-origin.ts';
import { type FactFinder, findAllFacts, findFactsByPath, type LocatedFacts } from './module-facts.ts';
import { agreesWithPins, checksumChanges, originFindings, planModule } from './plan-module.ts';
import { describeChange, type PlannedChange } from './planned-change.ts';
import { type Policy, policyDigest, policyOf } from './policy.ts';

/** What a sync will do, as a value: to be printed (`--dry-run`) or applied. */
export interface SyncPlan {
  readonly base: StateView;
  readonly snapshots: readonly SnapshotRecord[];
  readonly policy: string;
  readonly modules: readonly PlannedChange[];
  /** Every finding that stands afterwards. */
  readonly findings: readonly Finding[];
  /** What the operator decides with this plan. */
  readonly taken: readonly OperatorDecision[];
}

export interface PlanningInput {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly config: Parameters<typeof policyOf>[0];
  readonly state: StateView;
  /** As they will be recorded. */
  readonly snapshots: readonly SnapshotRecord[];
  /** Modules to plan although no index file changed: their archives have. */
  readonly touched: readonly ModuleName[];
  readonly now: string;
  /** What the operator decides now; every earlier decision is in the state. */
  readonly taken?: readonly OperatorDecision[];
}

/** How many modules are read and planned at a time: bounds memory, and keeps git's pipe full. */
const batchSize = 512;

/** Compares the snapshots with the ledger. Reads only what changed, unless the policy itself did. */
export async function planSync(input: PlanningInput): Promise<SyncPlan> {
  const { index, state, snapshots, taken = [] } = input;
  const policy = policyOf(input.config, snapshots);
  const digest = policyDigest(policy);
  const isWhole = digest !== state.policy;
  const whole = isWhole ? await findAllFacts(index, state, snapshots) : undefined;
  const facts = whole ?? findFactsByPath(index, state, snapshots);
  const paths = whole ? whole.paths : await changedPaths(input);

  const modules: PlannedChange[] = [];
  const findings: Finding[] = [];
  const planned = new Set<string>();
  for (const batch of batches(paths, batchSize)) {
    for (const result of await Promise.all(batch.map((path) => planPath(path, facts, policy, input)))) {
      planned.add(result.subject);
      findings.push(...result.findings);
      if (result.change) modules.push(result.change);
    }
  }
  const [before, decisions] = await Promise.all([state.findings(), state.decisions()]);
  const standing = isWhole ? [] : before.filter(({ module }) => !planned.has(module));
  const current = sortFindings([...standing, ...findings]);
  return {
    base: state,
    snapshots,
    policy: digest,
    modules,
    findings: carryFindings(current, before, [...decisions, ...taken], input.now),
    taken,
  };
}

async function changedPaths({
  index,
  state,
  snapshots,
  touched,
  taken = [],
}: PlanningInput): Promise<Set<string>> {
  const known = new Map(state.snapshots.map(({ source, tree }) => [source, tree]));
  const diffs = await Promise.all(
    snapshots.map(async ({ source, tree }) => {
      const before = known.get(source);
      return before === undefined || before === tree ? [] : [...(await index.diff(before, tree)).keys()];
    }),
  );
  const named = [...touched, ...taken.map(({ module }) => module)];
  return new Set([...diffs.flat(), ...named.map(indexPathOf)]);
}

interface PathResult {
  /** What findings of earlier syncs this replaces. */
  readonly subject: string;
  readonly findings: readonly Finding[];
  readonly change: PlannedChange | undefined;
}

async function planPath(
  path: string,
  facts: FactFinder,
  policy: Policy,
  input: PlanningInput,
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
  const located = await facts.find(target.module);
  const taken = (input.taken ?? []).filter(({ module }) => module === target.module);
  const accepted = taken.find((decision) => decision.action === 'accept-origin')?.to;
  const decision = await decide(located, policy, input.index, accepted);
  const plan = await planLocated(located, decision, policy, { ...input, taken });
  return { subject: target.module, ...plan };
}

/** The decision for one module, with the question of agreement answered from git. */
export async function decide(
  located: LocatedFacts,
  policy: Policy,
  index: GitIndex,
  accepted?: string,
): Promise<Decision> {
  const tentative = decideOrigin(located, policy, () => true, accepted);
  if (tentative.rule !== 'moved' || tentative.file === undefined || located.ledger === undefined)
    return tentative;
  const [file, ledger] = await Promise.all([
    readObject(index, tentative.file),
    readObject(index, located.ledger),
  ]);
  const agrees = agreesWithPins(file, parseLedgerFile(ledger));
  return decideOrigin(located, policy, () => agrees, accepted);
}

async function planLocated(
  located: LocatedFacts,
  decision: Decision,
  policy: Policy,
  input: PlanningInput,
): Promise<Pick<PathResult, 'findings' | 'change'>> {
  const { module } = located;
  const taken = input.taken ?? [];
  const contenderChanges = await findContenderChanges(located, decision, input.index);
  const mustBeCached = decision.isCachedOnly || !policy.upstreamFallback;
  const isSettled = decision.origin === located.recorded && decision.file === located.served;
  if (taken.length === 0 && isSettled && (decision.file === undefined || !mustBeCached))
    return { findings: originFindings(module, decision, contenderChanges), change: undefined };

  const read = (id: string | undefined) => (id === undefined ? undefined : readObject(input.index, id));
  const [sourceFile, servedFile, ledger] = await Promise.all([
    read(decision.file),
    read(located.served),
    read(located.ledger),
  ]);
  const cached =
    mustBeCached && sourceFile ? await cachedChecksums([sourceFile, servedFile], input.archives) : undefined;
  const pins = ledger ? parseLedgerFile(ledger) : [];
  const plan = planModule({
    module,
    decision,
    recorded: located.recorded,
    upstreamFallback: policy.upstreamFallback,
    sourceFile,
    servedFile,
    pins: replacePins(pins, taken, input.now),
    isCached: (checksum) => cached?.has(checksum) ?? false,
    contenderChanges,
    now: input.now,
  });
  const change = describeChange(plan, located, servedFile, ledger, input.snapshots);
  return { findings: plan.findings, change };
}

async function findContenderChanges(
  located: LocatedFacts,
  { rule, contender }: Decision,
  index: GitIndex,
): Promise<readonly ChecksumChange[]> {
  const id = rule === 'held' && contender !== undefined ? located.listings.get(contender) : undefined;
  if (id === undefined || located.ledger === undefined) return [];
  const [file, ledger] = await Promise.all([readObject(index, id), readObject(index, located.ledger)]);
  return checksumChanges(file, parseLedgerFile(ledger));
}

/** The one way in which a pin ever changes: the operator has accepted another checksum for it. */
function replacePins(pins: readonly Pin[], taken: readonly OperatorDecision[], now: string): readonly Pin[] {
  return pins.map((pin) => {
    const accepted = taken.find(
      (decision) =>
        decision.action === 'accept-version' &&
        decision.version === pin.version &&
        decision.from === pin.checksum,
    );
    if (accepted?.action !== 'accept-version') return pin;
    return { version: pin.version, checksum: accepted.to, firstSeen: now, source: accepted.source };
  });
}

async function readObject(index: GitIndex, id: string): Promise<Buffer> {
  const content = await index.read(id);
  if (!content)
    throw new StorageError(`object ${id} is missing from ${index.directory}`, {
      hint: 'run "git fsck" there; a copy of the repository can supply it',
    });
  return content;
}

function sortFindings(findings: readonly Finding[]): Finding[] {
  const key = ({ module, version, source, kind, line }: Finding) =>
    [module, version ?? '', source, kind, String(line ?? '').padStart(8, '0')].join('\0');
  return findings
    .map((finding) => ({ finding, key: key(finding) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ finding }) => finding);
}
