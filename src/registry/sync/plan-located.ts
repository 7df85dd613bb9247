import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { findEntry, parseIndexFile } from '../../index/index-file.ts';
import { type Pin, parseLedgerFile } from '../../index/ledger-file.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { Finding, PinChange } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { ByteBudget } from '../../support/flow/byte-budget.ts';
import { type Decision, decideOrigin } from '../decide/decide-origin.ts';
import type { LocatedFacts } from '../decide/module-facts.ts';
import { contentionFindings, lookAlike } from '../decide/module-findings.ts';
import { agreesWithPins, pinChanges } from '../decide/pin-changes.ts';
import { planModule } from '../decide/plan-module.ts';
import { describeChange, type PlannedChange } from '../decide/planned-change.ts';
import { blockedVersions, claimantOf, maySupply, type Policy } from '../decide/policy.ts';
import { readOwnFile, readSourceFile, type SourceFile } from '../decide/source-file.ts';
import { cachedChecksums } from './cached-checksums.ts';

/** What planning one module takes beside its facts. */
export interface PlanningTools {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
  readonly policy: Policy;
  readonly snapshots: readonly SnapshotRecord[];
  readonly current: ReadonlySet<string> | undefined;
  /** What the module waited for before; see `DecisionContext`. */
  readonly waitedFor?: readonly string[] | undefined;
  /** What the operator decides with this plan about one module. */
  readonly takenAbout: (module: ModuleName) => readonly OperatorDecision[];
  readonly now: string;
  /** Bounds the index files in memory. */
  readonly budget: ByteBudget;
  /** Whether a source may have so many more bytes of its index files read in this sync. */
  readonly mayRead: (source: string, sizeBytes: number) => boolean;
}

export interface LocatedPlan {
  readonly located: LocatedFacts;
  readonly decision: Decision;
  readonly findings: readonly Finding[];
  readonly change: PlannedChange | undefined;
}

/** Decides one module and plans what is served of it. */
export async function planLocated(located: LocatedFacts, tools: PlanningTools): Promise<LocatedPlan> {
  const taken = tools.takenAbout(located.module);
  const accepted = taken.find((decision) => decision.action === 'accept-origin')?.to;
  const { policy, index, current, waitedFor, budget } = tools;
  const decision = await decide(located, policy, index, { accepted, current, waitedFor, budget });
  const plan = await planDecided(located, decision, tools, taken);
  const findings = [...plan.findings, ...claimedByLooks(located, decision, tools.policy)];
  return { located, decision, findings, change: plan.change };
}

/** The decision for one module, with the question of agreement answered from git. */
export async function decide(
  located: LocatedFacts,
  policy: Policy,
  index: GitIndex,
  context: {
    readonly accepted?: string | undefined;
    readonly current: ReadonlySet<string> | undefined;
    readonly waitedFor?: readonly string[] | undefined;
    readonly budget: ByteBudget;
  },
): Promise<Decision> {
  const tentative = decideOrigin(located, policy, { ...context, agrees: () => true });
  const isMove = located.recorded !== undefined && tentative.origin !== located.recorded;
  if (!isMove || tentative.rule !== 'claimed' || tentative.file === undefined || located.ledger === undefined)
    return tentative;
  const pins = parseLedgerFile(await readOwnFile(index, located.ledger));
  const { origin = '', file: id } = tentative;
  const agrees = await context.budget.run(await measureAll(index, [id]), async () => {
    const file = await readListed(index, policy, origin, id);
    const limits = policy.sources.find(({ name }) => name === origin)?.fileLimits;
    return 'bytes' in file && agreesWithPins(file.bytes, pins, limits);
  });
  return decideOrigin(located, policy, { ...context, agrees: () => agrees });
}

async function planDecided(
  located: LocatedFacts,
  decision: Decision,
  tools: PlanningTools,
  taken: readonly OperatorDecision[],
): Promise<Pick<LocatedPlan, 'findings' | 'change'>> {
  const { index, policy } = tools;
  const { module } = located;
  const changesBy = await readContender(located, decision, tools);
  const isBlocked = blockedVersions(policy, module);
  const isPlain = isBlocked === undefined && located.unblocked === undefined;
  const isSettled = isPlain && decision.origin === located.recorded && decision.file === located.served;
  if (taken.length === 0 && isSettled && (decision.file === undefined || isPassedOn(decision, policy)))
    return {
      findings: changesBy
        ? contentionFindings(module, decision, changesBy(await readPins(located, index)))
        : [],
      change: undefined,
    };

  const sizeBytes = await measureAll(index, [decision.file, located.unblocked ?? located.served]);
  return tools.budget.run(sizeBytes, async () => {
    const read = (id: string | undefined) => (id === undefined ? undefined : readOwnFile(index, id));
    const [source, servedFile, unblockedFile, ledger] = await Promise.all([
      readOriginFile(decision, tools),
      read(located.served),
      read(located.unblocked),
      read(located.ledger),
    ]);
    const before = unblockedFile ?? servedFile;
    const sourceFile = source && 'bytes' in source ? source.bytes : undefined;
    const unreadable = source && 'unreadable' in source ? source.unreadable : undefined;
    const origin = policy.sources.find(({ name }) => name === decision.origin);
    const cached = await cachedChecksums(
      [sourceFile, before],
      tools.archives,
      needsStore(decision, policy, sourceFile),
    );
    const elsewhere = decision.supply === 'obtainable' ? await listElsewhere(located, decision, tools) : [];
    const plan = planModule({
      ...{
        module,
        decision,
        recorded: located.recorded,
        sourceFile,
        unreadable,
        servedFile: before,
        isBlocked,
        contenderChanges: changesBy,
      },
      upstreamFallback: policy.upstreamFallback,
      pins: replacePins(ledger ? parseLedgerFile(ledger) : [], taken, tools.now),
      isCached: (checksum) => cached.has(checksum),
      isListedElsewhere: (version, checksum) =>
        elsewhere.some((file) => findEntry(file, version)?.checksum === checksum),
      deletedUpstream: origin?.deletedUpstream,
      limits: origin?.fileLimits,
      now: tools.now,
    });
    const change = describeChange(plan, located, servedFile, ledger, policy);
    return { findings: plan.findings, change };
  });
}

/** Whether a source's whole file is served as long as it is the same. */
function isPassedOn({ supply }: Decision, { upstreamFallback }: Policy): boolean {
  return supply === 'all' && upstreamFallback;
}

/** Which archives are here matters where not everything that is listed can be fetched, or a source may have deleted something. */
function needsStore(decision: Decision, policy: Policy, sourceFile: Buffer | undefined): 'all' | 'served' {
  return isPassedOn(decision, policy) && sourceFile !== undefined ? 'served' : 'all';
}

/** What reading these objects takes, as git says before they are read. */
export async function measureAll(index: GitIndex, ids: readonly (string | undefined)[]): Promise<number> {
  const sizes = await Promise.all(ids.map((id) => (id === undefined ? undefined : index.measure(id))));
  return sizes.reduce((sum, facts) => sum + (facts?.sizeBytes ?? 0), 0);
}

async function readOriginFile(
  { origin, file }: Decision,
  { index, policy, mayRead }: PlanningTools,
): Promise<SourceFile | undefined> {
  if (file === undefined || origin === undefined) return undefined;
  const read = await readListed(index, policy, origin, file);
  if ('unreadable' in read || mayRead(origin, read.bytes.length)) return read;
  return { unreadable: 'its source has more bytes of index files than may be read in one sync' };
}

/** Reads an index file of a source within the source's limits. */
export function readListed(index: GitIndex, policy: Policy, source: string, id: string): Promise<SourceFile> {
  const limits = policy.sources.find(({ name }) => name === source)?.fileLimits;
  return readSourceFile(index, id, limits?.maxBytes ?? 0);
}

/** The index files of enabled sources other than the origin. */
export async function listElsewhere(
  { module, listings }: LocatedFacts,
  { origin }: Decision,
  { index, policy }: Pick<PlanningTools, 'index' | 'policy'>,
) {
  const others = policy.sources.filter(
    (source) => source.isEnabled && source.hasBeenRead && source.name !== origin && maySupply(source, module),
  );
  const files = await Promise.all(
    others.map(({ name }) => {
      const id = listings.get(name);
      return id === undefined ? undefined : readListed(index, policy, name, id);
    }),
  );
  return files.flatMap((file) => (file && 'bytes' in file ? [parseIndexFile(file.bytes)] : []));
}

async function readPins({ ledger }: LocatedFacts, index: GitIndex): Promise<Pin[]> {
  return ledger === undefined ? [] : parseLedgerFile(await readOwnFile(index, ledger));
}

/** What moving to the contender would change of given pins: those of this very plan included. */
async function readContender(
  located: LocatedFacts,
  { rule, contender }: Decision,
  { index, policy, budget }: PlanningTools,
): Promise<((pins: readonly Pin[]) => readonly PinChange[]) | undefined> {
  const id = rule === 'held' && contender !== undefined ? located.listings.get(contender) : undefined;
  if (id === undefined || contender === undefined) return undefined;
  // Most that contend list the very same file.
  if (id === located.served) return undefined;
  const stated = await budget.run(await measureAll(index, [id]), async () => {
    const file = await readListed(index, policy, contender, id);
    return 'bytes' in file ? parseIndexFile(file.bytes) : undefined;
  });
  return stated && ((pins) => pinChanges(stated, pins));
}

/** The one way in which a pin ever changes: the operator has accepted something else for it. */
function replacePins(pins: readonly Pin[], taken: readonly OperatorDecision[], now: string): readonly Pin[] {
  return pins.map((pin) => taken.reduce((current, decision) => replacePin(current, decision, now), pin));
}

function replacePin(pin: Pin, decision: OperatorDecision, now: string): Pin {
  if (decision.action === 'accept-version') {
    if (decision.version !== pin.version || decision.from !== pin.checksum) return pin;
    const { version, source, to: checksum } = decision;
    return { ...pin, version, checksum, firstSeen: now, source, requirements: decision.requirements };
  }
  if (decision.action === 'accept-requirements') {
    if (decision.version !== pin.version || decision.from !== pin.requirements) return pin;
    return { ...pin, requirements: decision.to };
  }
  return pin;
}

/**
 * A name that a claim covers only once letter case and Unicode form are folded, and that others list: it would stand beside the
 * claimed one on some clients' disks.
 */
function claimedByLooks(located: LocatedFacts, decision: Decision, policy: Policy): Finding[] {
  const claimant = claimantOf(policy, located.module);
  if (!claimant || matchesAny(claimant.claims, located.module)) return [];
  return policy.sources
    .filter((source) => source.isEnabled && source !== claimant && source.name !== decision.origin)
    .filter((source) => located.listings.has(source.name))
    .map((source) =>
      lookAlike(located.module, source.name, { name: 'names that are claimed', source: claimant.name }),
    );
}

/** A name that looks like one of another origin leaves the index, or does not come in; its pins stay. */
export async function planLookAlike(
  index: GitIndex,
  { module, served }: Pick<LocatedFacts, 'module' | 'served'>,
  origin: string,
  of: { readonly name: string; readonly source: string },
): Promise<Pick<LocatedPlan, 'findings' | 'change'>> {
  const lines = served === undefined ? [] : parseIndexFile(await readOwnFile(index, served)).lines;
  const versionsRemoved = [...new Set(lines.map(({ entry }) => entry.version))];
  const change: PlannedChange | undefined =
    served === undefined
      ? undefined
      : {
          module,
          served: 'remove',
          listed: -1,
          change: { module, kind: 'removed', origin, versionsAdded: [], versionsRemoved },
        };
  return { findings: [lookAlike(module, origin, of)], change };
}
