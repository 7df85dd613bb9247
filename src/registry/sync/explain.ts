import type { GitIndex } from '../../index/git-index.ts';
import { findEntry, parseIndexFile } from '../../index/index-file.ts';
import type { Pending } from '../../index/pending-names.ts';
import type { Adoption, Publication } from '../../index/publishers-file.ts';
import type { StateView } from '../../index/state-view.ts';
import { type Block, findBlock } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Finding } from '../../model/finding.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { compareVersions, type Version } from '../../model/version.ts';
import type { Decision, ModuleFacts, Rule } from '../decide/decide-origin.ts';
import { claimantOf, maySupply, maySupplyNew, type Policy, type PolicySource } from '../decide/policy.ts';
import { describeHosted, type StandingYank, yankOfSource } from './explain-hosted.ts';
import type { HeldBack } from './held-back.ts';
import { heldBackOf } from './held-back.ts';
import { type Observations, observationsFile, readObservations } from './observations.ts';
import { readStanding } from './read-standing.ts';
import { type ResolvedModule, resolveState } from './resolve-module.ts';
import { readListed } from './source-file.ts';
import type { SyncContext } from './sync-context.ts';

export interface Explanation {
  readonly module: ModuleName;
  readonly version: Version | undefined;
  /** Whether clients can get it (the module, or the version if one was asked for). */
  readonly isServed: boolean;
  readonly origin: string | undefined;
  /** The rule that decided, and one sentence that says so to anybody: no user of this machine is named in it. */
  readonly rule: string;
  readonly because: string;
  /** Who gave the name to its origin by mirroring it: a user of the operating system, for the operator alone. */
  readonly decidedBy: string | undefined;
  /** Highest trust first; every configured source, and a removed one that is still an origin. */
  readonly sources: readonly {
    readonly source: string;
    readonly priority: number;
    readonly listing:
      | 'listed'
      | 'absent'
      | 'excluded'
      | 'claimed-elsewhere'
      | 'disabled'
      | 'never-read'
      | 'removed';
    readonly isStale: boolean;
    readonly versions: readonly Version[];
    /** What this source says the asked version's checksum is. */
    readonly checksum: Checksum | undefined;
  }[];
  readonly pin:
    | { readonly checksum: Checksum; readonly firstSeen: string; readonly source: string }
    | undefined;
  readonly isCached: boolean | undefined;
  /** Who published the asked version here. */
  readonly published: Publication | undefined;
  /** Who took the version over from a source. */
  readonly adopted: Adoption | undefined;
  /** Who told its users last not to use the version any more, where that stands. */
  readonly yanked: StandingYank | undefined;
  /** Versions in the served index, lowest first. */
  readonly versions: readonly Version[];
  /** What of it is refused to everybody; of one version, what refuses that. */
  readonly blocks: readonly Block[];
  readonly findings: readonly Finding[];
  /** What keeps this name from being decided, where it only waits. */
  readonly heldBack: HeldBack | undefined;
}

/** Shows the decision for one module, source by source (rule 8), from the state and the snapshots at hand. */
export async function explain(
  module: ModuleName,
  version: Version | undefined,
  context: SyncContext,
): Promise<Explanation> {
  const { index, config } = context;
  const state = await index.state();
  const observations = await readObservations(observationsFile(config));
  const resolver = resolveState(context, state);
  const resolved = await resolver.resolve(module);
  const { facts, pins } = resolved;
  const pending = (await state.pending()).get(module);
  const decision = withWhatItWaitsFor(resolved.decision, pending);
  const servedFile = facts.served === undefined ? undefined : await index.read(facts.served);
  const served = parseIndexFile(servedFile ?? Buffer.alloc(0));
  const { listed: versions, left } = await readStanding(index, facts);
  const pin = pins.find((candidate) => candidate.version === version);
  const entry = version === undefined ? undefined : findEntry(served, version);
  const checksum = entry?.checksum ?? pin?.checksum;
  const mirrored = await findMirrored(decision, module, state);
  const blocks = blocksOf(state.blocks, module, version);
  const refusing = blocks.find((block) => version !== undefined || block.version === undefined);
  const findings = (await state.findings()).filter((finding) => finding.module === module);
  const described = await describeHosted(index, state, module, version);
  return {
    module,
    version,
    isServed: versions.some(
      (listed) => (version === undefined || listed === version) && !findBlock(state.blocks, module, listed),
    ),
    origin: decision.origin,
    rule: refusing ? 'blocked' : decision.rule,
    because: refusing
      ? reasonOfBlock(version, versions, left)
      : reasonOf(decision, resolver.policy, module) + describeMirrored(mirrored),
    decidedBy: mirrored?.by,
    sources: await Promise.all(
      resolver.policy.sources.map((source) =>
        describeSource(source, resolved, resolver.policy, version, index, observations),
      ),
    ),
    pin: pin && { checksum: pin.checksum, firstSeen: pin.firstSeen, source: pin.source },
    isCached: checksum === undefined ? undefined : await context.archives.has(checksum),
    ...described,
    yanked: described.yanked ?? yankOfSource(servedFile, version, decision.origin),
    versions,
    blocks,
    findings,
    heldBack: heldBackOf(new Map(pending ? [[module, pending]] : []), {
      ...{ config, snapshots: state.snapshots, observations },
    })[0],
  };
}

type Mirrored = Extract<OperatorDecision, { action: 'accept-origin' }>;

/** What the operator has decided by mirroring the name. */
export async function findMirrored(
  { origin }: Pick<Decision, 'origin'>,
  module: ModuleName,
  state: StateView,
): Promise<Mirrored | undefined> {
  const decisions = (await state.decisions()).filter((one) => one.module === module);
  const last = decisions.findLast(({ action }) => action === 'accept-origin');
  const isIt = last?.action === 'accept-origin' && last.pattern !== undefined && last.to === origin;
  return isIt ? last : undefined;
}

export function describeMirrored(mirrored: Mirrored | undefined): string {
  if (!mirrored) return '';
  const { pattern, at } = mirrored;
  return `; nobody could tell whose name it is until the operator mirrored "${pattern}" from it (${at})`;
}

/** What of a module is refused, or what refuses one version of it. */
export function blocksOf(
  blocks: readonly Block[],
  module: ModuleName,
  version: Version | undefined,
): readonly Block[] {
  if (version === undefined) return blocks.filter((block) => block.module === module);
  const block = findBlock(blocks, module, version);
  return block ? [block] : [];
}

/** `listed` and `left` are versions of the module: what clients find, and what left the index as it is blocked. */
export function reasonOfBlock(
  version: Version | undefined,
  listed: readonly Version[],
  left: readonly Version[],
): string {
  if (version === undefined) return 'the operator refuses all its versions to everybody, future ones too';
  const who = 'the operator refuses it to everybody';
  if (listed.includes(version))
    return `${who}; it stays listed, so that builds which require it fail with the reason, and none gets another version instead`;
  if (left.includes(version))
    return `${who}; it has left the index, as no newer compatible version can be had, and moon says only "no version satisfies requirement"`;
  return `${who}, wherever it comes from`;
}

/** What an undecided name waits for is known from the last sync: nothing that is asked now reads a source. */
function withWhatItWaitsFor(decision: Decision, pending: Pending | undefined): Decision {
  if (decision.rule !== 'undecided' || pending?.kind !== 'undecided') return decision;
  return { ...decision, waitsFor: pending.waitsFor, contender: pending.waitsFor[0] };
}

async function describeSource(
  source: PolicySource,
  { module, facts }: ResolvedModule,
  policy: Policy,
  version: Version | undefined,
  index: GitIndex,
  observations: Observations,
): Promise<Explanation['sources'][number]> {
  const id = facts.listings.get(source.name);
  const file = id === undefined ? undefined : await readListed(index, policy, source.name, id);
  return {
    source: source.name,
    priority: source.priority,
    listing: listingOf(source, { module, recorded: facts.recorded }, policy, id !== undefined),
    isStale: source.isEnabled && observations[source.name]?.failure !== undefined,
    versions: [...new Set(file?.lines.map((line) => line.entry.version))].sort(compareVersions),
    checksum: file && version !== undefined ? findEntry(file, version)?.checksum : undefined,
  };
}

function listingOf(
  source: PolicySource,
  { module, recorded }: Pick<ModuleFacts, 'module' | 'recorded'>,
  policy: Policy,
  isListed: boolean,
): Explanation['sources'][number]['listing'] {
  const claimant = claimantOf(policy, module);
  if (claimant && claimant !== source) return 'claimed-elsewhere';
  if (source.isRemoved) return 'removed';
  if (!source.isEnabled) return 'disabled';
  if (!(source.name === recorded ? maySupply : maySupplyNew)(source, module)) return 'excluded';
  if (!source.hasBeenRead) return 'never-read';
  return isListed ? 'listed' : 'absent';
}

const reasons: Readonly<Record<Rule, (origin: string, contender: string) => string>> = {
  claimed: (origin) =>
    `source "${origin}" claims this name in its namespaces, so it alone says what the name means`,
  priority: (origin) => `of the enabled sources that list it, "${origin}" has the lowest priority number`,
  recorded: (origin) => `it was first served from "${origin}", and no other enabled source lists it now`,
  moved: (origin, contender) => `the operator moved it from "${contender}" to "${origin}"`,
  held: (origin, contender) =>
    `it was first served from "${origin}"; a module moves by itself only to a source that claims its name, and only with the same checksums and requirements, so "${contender}" does not take it over`,
  undecided: (_, contender) =>
    contender === ''
      ? 'no sync has decided yet where it comes from'
      : `source "${contender}", which is trusted more than whoever lists it and may have it too, could not be read, so nobody can tell who supplies this name`,
  unlisted: () => 'no enabled source that may supply it lists it',
};

function reasonOf(decision: Decision, policy: Policy, module: ModuleName): string {
  const origin = policy.sources.find((source) => source.name === decision.origin);
  const claimant = claimantOf(policy, module);
  if (decision.origin === hosted) return 'it is published here: no source says what the name means';
  const reason =
    decision.rule === 'held' && claimant && claimant.name === decision.contender
      ? contested(decision.origin ?? '', claimant.name)
      : reasons[decision.rule](decision.origin ?? '', decision.contender ?? '');
  const tie = decision.rule === 'priority' && origin ? tieOf(origin, policy) : '';
  if (!origin || origin.isEnabled) return reason + tie;
  const condition = origin.isRemoved ? 'is no longer configured' : 'is disabled';
  return `${reason}${tie}; "${origin.name}" ${condition}, so only versions are listed that were served before and are cached, or that an enabled source lists with the same checksum`;
}

function contested(origin: string, claimant: string): string {
  if (claimant === hosted)
    return `its name may be published here, but it was first served from "${origin}", so what was served stays, and nothing new of it is listed or may be published`;
  return `source "${claimant}" claims this name, but it was first served from "${origin}", and moving it would change what was served or give it to a source trusted less; until the operator decides, what was served stays and nothing new is listed`;
}

/** How equals are told apart: nothing about a priority number says so. */
function tieOf(origin: PolicySource, policy: Policy): string {
  const equals = policy.sources.filter(
    ({ priority, isEnabled }) => isEnabled && priority === origin.priority,
  );
  if (equals.length < 2) return '';
  const names = equals.map(({ name }) => `"${name}"`).join(', ');
  return `; of equal numbers the source that stands first in registry.toml comes first (${names})`;
}
