import { noSuchSource } from '../../config/find-source.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { IndexLine } from '../../index/index-file.ts';
import type { Pending } from '../../index/pending-names.ts';
import type { StateView } from '../../index/state-view.ts';
import {
  type ConflictFinding,
  type Finding,
  isConflict,
  isOpenConflict,
  type PinChange,
  versionOf,
} from '../../model/finding.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { matchesPattern } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import { shellLine } from '../../support/shell.ts';
import { contendedFinding } from '../decide/pending-findings.ts';
import { pinChanges } from '../decide/pin-changes.ts';
import { claimantOf, maySupply } from '../decide/policy.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from './conflict.ts';
import { type ResolvedModule, type Resolver, resolveState } from './resolve-module.ts';
import { readListed } from './source-file.ts';
import { aggregate, type SyncContext } from './sync.ts';

/** All conflicts that stand, kept ones too, each with the pin and the origin it is about. Asks no source. */
export async function listConflicts(context: SyncContext): Promise<Conflict[]> {
  const state = await context.index.state();
  const resolver = resolveState(context, state);
  const findings = (await state.findings()).filter(isConflict);
  return Promise.all(findings.map((finding) => describeConflict(finding, resolver)));
}

async function describeConflict(finding: ConflictFinding, resolver: Resolver): Promise<Conflict> {
  if (!isModuleName(finding.module)) return { ...finding, origin: undefined, pin: undefined };
  const { decision, pins } = await resolver.resolve(finding.module);
  const pin = pins.find(({ version }) => version === versionOf(finding));
  return {
    ...finding,
    origin: (finding.kind === 'origin-conflict' ? finding.origin : undefined) ?? decision.origin,
    pin: pin && { checksum: pin.checksum, firstSeen: pin.firstSeen, source: pin.source },
  };
}

/**
 * Carries out what the operator rules about a conflict, in one change of the state. Throws `NotFoundError` where there
 * is no such conflict, `UsageError` where the ruling does not fit what is offered; nothing has changed then.
 */
export async function ruleOnConflict(
  context: SyncContext,
  ruling: ConflictRuling,
  by: string,
): Promise<ConflictOutcome> {
  let taken: Taken = { decisions: [], skipped: [] };
  const at = context.now().toISOString();
  const { report } = await aggregate(context, {
    touched: 'module' in ruling ? [ruling.module] : [],
    decide: async (state, config) => {
      const resolver = resolveState({ ...context, config }, state);
      taken = await decide({ ...context, state, resolver }, ruling, { at, by });
      return taken.decisions;
    },
  });
  return { ...taken, report };
}

type Taken = Pick<ConflictOutcome, 'decisions' | 'skipped'>;

interface RulingContext extends SyncContext {
  readonly state: StateView;
  readonly resolver: Resolver;
}

interface Stamp {
  readonly at: string;
  readonly by: string;
}

async function decide(context: RulingContext, ruling: ConflictRuling, stamp: Stamp): Promise<Taken> {
  const only = (decisions: readonly OperatorDecision[]): Taken => ({ decisions, skipped: [] });
  switch (ruling.action) {
    case 'keep':
      return only(await keep(context, ruling, stamp));
    case 'accept-version':
      return only([await acceptVersion(context, ruling, stamp)]);
    case 'accept-requirements':
      return only([await acceptRequirements(context, ruling, stamp)]);
    case 'accept-origin':
      return only(await acceptOrigin(context, ruling, stamp));
    case 'accept-origins':
      return acceptOrigins(context, ruling, stamp);
    case 'accept-name':
      return only([await acceptName(context, ruling.module, stamp)]);
  }
}

async function keep(
  { state, resolver }: RulingContext,
  { module, version }: Extract<ConflictRuling, { action: 'keep' }>,
  stamp: Stamp,
): Promise<OperatorDecision[]> {
  const pending = (await state.pending()).get(module);
  refuseUndecided(module, pending, await suppliersOf(module, resolver));
  const own = (await state.findings()).filter(isConflict).filter((finding) => finding.module === module);
  const told = own.filter((one) => one.kind !== 'origin-conflict' || one.changes !== undefined);
  // Of many names that wait for the same, one can be kept; what was kept before is kept already.
  const waiting = own.find((one) => one.kind === 'origin-conflict' && !one.changes && !one.count);
  const contended = pending?.kind === 'contended' ? [waiting ?? contendedFinding(module, pending)] : [];
  const meant = [...told, ...contended].filter(
    (finding) => version === undefined || versionOf(finding) === version,
  );
  if (meant.length === 0)
    throw noConflict(version === undefined ? module : `${module}@${version}`, await state.findings());
  return meant.filter(isOpenConflict).map((finding) => ({ module, ...stamp, action: 'keep', finding }));
}

/** Nothing is served of such a name, so there is nothing to keep. */
function refuseUndecided(
  module: ModuleName,
  pending: Pending | undefined,
  suppliers: readonly string[],
): void {
  if (pending?.kind !== 'undecided') return;
  const [source] = pending.waitsFor;
  if (source === undefined)
    throw new UsageError(`${module} is undecided until the next sync`, { hint: 'moonbit-registry sync' });
  throw new UsageError(
    `${module} is undecided: source "${source}", which is trusted more and may have it too, could not be read`,
    {
      hint:
        `${shellLine`moonbit-registry source check ${source}`} (then sync); or decide without it: ${adviseOrigins(module, suppliers)}; ` +
        `or limit it: ${shellLine`moonbit-registry config sources.${source}.include`} "<owner>/*"`,
    },
  );
}

/** The line that the origin offers for a version that is pinned otherwise. */
async function findOffer(
  { index, resolver, state }: RulingContext,
  module: ModuleName,
  version: Version,
): Promise<{
  readonly line: IndexLine;
  readonly pin: ResolvedModule['pins'][number];
  readonly source: string;
}> {
  const { decision, pins } = await resolver.resolve(module);
  const pin = pins.find((candidate) => candidate.version === version);
  const { origin: source, file: id } = decision;
  const missing = async () => noConflict(`${module}@${version}`, await state.findings());
  if (!pin || source === undefined || id === undefined) throw await missing();
  const { lines } = await readListed(index, resolver.policy, source, id);
  const line = lines.findLast(({ entry }) => entry.version === version);
  if (!line) throw await missing();
  return { line, pin, source };
}

async function acceptVersion(
  context: RulingContext,
  { module, version, checksum }: Extract<ConflictRuling, { action: 'accept-version' }>,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const { line, pin, source } = await findOffer(context, module, version);
  const offered = line.entry.checksum;
  if (offered === pin.checksum) throw noConflict(`${module}@${version}`, await context.state.findings());
  if (offered !== checksum) throw otherOffer(version, checksum, offered, source);
  const requirements = line.entry.requirements;
  const [from, to] = [pin.checksum, offered];
  return { module, ...stamp, action: 'accept-version', version, from, to, requirements, source };
}

async function acceptRequirements(
  context: RulingContext,
  { module, version, requirements }: Extract<ConflictRuling, { action: 'accept-requirements' }>,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const { line, pin, source } = await findOffer(context, module, version);
  const offered = line.entry.requirements;
  if (pin.requirements === undefined || offered === pin.requirements)
    throw noConflict(`${module}@${version}`, await context.state.findings());
  if (line.entry.checksum !== pin.checksum)
    throw new UsageError(`version ${version} of ${module} has other bytes as well`, {
      hint: `${shellLine`moonbit-registry conflicts accept ${module}@${version} --checksum SHA256`} accepts both`,
    });
  if (offered !== requirements) throw otherOffer(version, requirements, offered, source);
  return {
    module,
    ...stamp,
    action: 'accept-requirements',
    version,
    from: pin.requirements,
    to: offered,
    source,
  };
}

async function acceptOrigin(
  context: RulingContext,
  ruling: Extract<ConflictRuling, { action: 'accept-origin' }>,
  stamp: Stamp,
): Promise<OperatorDecision[]> {
  const { module, origin, checksums, requirements } = ruling;
  const { resolver } = context;
  const resolved = await resolver.resolve(module);
  const problem = moveProblem(resolved, origin, resolver);
  if (problem) throw problem;
  const changes = await changesIn(context, resolved, origin);
  const missing = changes.filter((change) => !isTypedOut(change, ruling));
  if (missing.length > 0)
    throw new UsageError(
      `moving ${module} to "${origin}" would change versions that were served:\n${missing.map(describeChange).join('\n')}`,
      {
        hint: 'accept each one too: --checksum VERSION=SHA256 or --requirements VERSION=DIGEST, with the new one typed out',
      },
    );
  for (const [version, typed] of [...checksums, ...requirements]) {
    const change = changes.find((candidate) => candidate.version === version);
    if (!change) throw new UsageError(`moving ${module} to "${origin}" does not change version ${version}`);
    const offered = checksums.has(version) ? change.offered : change.requirements?.offered;
    if (offered !== typed) throw otherOffer(version, typed, offered ?? 'nothing else', origin);
  }
  const from = resolved.facts.recorded;
  return [
    ...changes.map((change) => acceptChange(change, module, origin, stamp)),
    { module, ...stamp, action: 'accept-origin', ...(from === undefined ? {} : { from }), to: origin },
  ];
}

function isTypedOut(
  { version, pinned, offered }: PinChange,
  { checksums, requirements }: Extract<ConflictRuling, { action: 'accept-origin' }>,
): boolean {
  return pinned === offered ? requirements.has(version) : checksums.has(version);
}

function describeChange({ version, pinned, offered, requirements }: PinChange): string {
  return pinned === offered
    ? `  ${version}: requirements ${requirements?.pinned} -> ${requirements?.offered}`
    : `  ${version}: ${pinned} -> ${offered}`;
}

function acceptChange(change: PinChange, module: ModuleName, source: string, stamp: Stamp): OperatorDecision {
  const { version, pinned, offered, requirements } = change;
  if (pinned === offered && requirements)
    return {
      ...{ module, ...stamp, action: 'accept-requirements', version, source },
      ...{ from: requirements.pinned, to: requirements.offered },
    };
  return {
    ...{ module, ...stamp, action: 'accept-version', version, from: pinned, to: offered, source },
    requirements: requirements?.offered,
  };
}

/** Moves every waiting module that the pattern matches and of which no served version would change; names the others. */
async function acceptOrigins(
  context: RulingContext,
  { pattern, origin }: Extract<ConflictRuling, { action: 'accept-origins' }>,
  stamp: Stamp,
): Promise<Taken> {
  const { state, resolver } = context;
  const waiting = new Set<ModuleName>((await state.pending()).keys());
  for (const { kind, module } of await state.findings())
    if (kind === 'origin-conflict' && isModuleName(module)) waiting.add(module);
  const decisions: OperatorDecision[] = [];
  const skipped: { module: ModuleName; reason: string }[] = [];
  const matching = [...waiting].filter((module) => matchesPattern(pattern, module)).sort();
  for (const module of matching) {
    const resolved = await resolver.resolve(module);
    const problem = moveProblem(resolved, origin, resolver);
    const changes = problem ? [] : await changesIn(context, resolved, origin);
    const from = resolved.facts.recorded;
    if (problem) skipped.push({ module, reason: problem.message });
    else if (changes.length > 0)
      skipped.push({ module, reason: `${changes.length} served versions would change` });
    else
      decisions.push({
        ...{ module, ...stamp, action: 'accept-origin', to: origin },
        ...(from === undefined ? {} : { from }),
      });
  }
  if (matching.length === 0) throw noConflict(`modules that match "${pattern}"`);
  return { decisions, skipped };
}

/** Why `origin` cannot be given the module; `undefined` if it can. */
function moveProblem(
  { module, facts, decision }: ResolvedModule,
  origin: string,
  { policy }: Resolver,
): Error | undefined {
  const source = policy.sources.find(({ name }) => name === origin);
  if (!source)
    return noSuchSource(
      origin,
      policy.sources.map(({ name }) => name),
    );
  const hint = shellLine`moonbit-registry explain ${module}`;
  const claimant = claimantOf(policy, module);
  if (claimant && claimant !== source)
    return new UsageError(`"${claimant.name}" claims ${module}, so it cannot come from "${origin}"`, {
      hint,
    });
  if (decision.rule !== 'held' && decision.rule !== 'undecided') return noConflict(module);
  if (!source.isEnabled || !source.hasBeenRead || !facts.listings.has(origin) || !maySupply(source, module))
    return new UsageError(`"${origin}" is no source that could supply ${module}`, { hint });
  return undefined;
}

async function changesIn(
  { index, resolver }: RulingContext,
  { facts, pins }: ResolvedModule,
  origin: string,
): Promise<PinChange[]> {
  const id = facts.listings.get(origin);
  return id === undefined ? [] : pinChanges(await readListed(index, resolver.policy, origin, id), pins);
}

/** Enabled sources that list a name and may supply it, most trusted first. */
async function suppliersOf(module: ModuleName, { locate, policy }: Resolver): Promise<readonly string[]> {
  const { facts } = await locate(module);
  return policy.sources
    .filter((source) => source.isEnabled && facts.listings.has(source.name) && maySupply(source, module))
    .map(({ name }) => name);
}

/** The commands that give a name to one of those who list it. */
function adviseOrigins(module: ModuleName, suppliers: readonly string[]): string {
  return suppliers
    .map((source) => shellLine`moonbit-registry conflicts accept ${module} --origin ${source}`)
    .join(', or ');
}

async function acceptName(
  { state, resolver }: RulingContext,
  module: ModuleName,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const findings = await state.findings();
  if ((await state.pending()).has(module))
    throw new UsageError(`say where ${module} shall come from`, {
      hint: adviseOrigins(module, await suppliersOf(module, resolver)),
    });
  if (!findings.some((finding) => finding.kind === 'look-alike' && finding.module === module))
    throw noConflict(module, findings);
  return { module, ...stamp, action: 'accept-name' };
}

const namedConflicts = 5;

/** Where others than the one that was named stand about the same module, they are named instead. */
function noConflict(what: string, findings: readonly Finding[] = []): NotFoundError {
  const [module] = what.split('@');
  const others = findings.filter(isConflict).filter((finding) => finding.module === module);
  const [other] = others;
  if (!other)
    return new NotFoundError(`there is no conflict about ${what} to decide`, {
      hint: 'moonbit-registry conflicts',
    });
  const named = others.slice(0, namedConflicts).map(describeSubject).join(', ');
  const there = `there ${others.length === 1 ? 'is one' : 'are some'} about ${named}${others.length > namedConflicts ? ', …' : ''}`;
  return new NotFoundError(`there is no conflict about ${what} as such to decide; ${there}`, {
    hint: `${shellLine`moonbit-registry conflicts accept ${describeSubject(other)} ${typedOut(other)}`} (moonbit-registry conflicts shows both sides)`,
  });
}

function describeSubject(finding: Finding): string {
  const { module } = finding;
  const version = versionOf(finding);
  return version === undefined ? `${module}` : `${module}@${version}`;
}

/** What has to be given with `accept`, besides what the conflict is about. */
function typedOut({ kind, source }: ConflictFinding): string[] {
  switch (kind) {
    case 'checksum-conflict':
      return ['--checksum', 'SHA256'];
    case 'requirements-conflict':
      return ['--requirements', 'DIGEST'];
    case 'origin-conflict':
      return ['--origin', source];
    case 'look-alike':
      return [];
  }
}

function otherOffer(version: Version, typed: string, offered: string, source: string): UsageError {
  return new UsageError(
    `source "${source}" offers ${offered} for version ${version}, and not what was typed: ${typed}`,
    { hint: 'ask its author which of them is right; nothing was changed' },
  );
}
