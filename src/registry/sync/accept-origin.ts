/** A module from another source than so far. */
import { noSuchSource } from '../../config/find-source.ts';
import { UsageError } from '../../errors.ts';
import type { PinChange } from '../../model/finding.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { matchesPattern } from '../../model/pattern.ts';
import { shellLine } from '../../support/shell.ts';
import { pinChanges } from '../decide/pin-changes.ts';
import { claimantOf, maySupplyNew } from '../decide/policy.ts';
import type { ConflictRuling } from './conflict.ts';
import { noConflict, otherOffer } from './conflict-refusals.ts';
import type { ResolvedModule, Resolver } from './resolve-module.ts';
import type { RulingContext, Stamp, Taken } from './ruling.ts';
import { readListed } from './source-file.ts';

export async function acceptOrigin(
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
export async function acceptOrigins(
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
  if (
    !source.isEnabled ||
    !source.hasBeenRead ||
    !facts.listings.has(origin) ||
    !maySupplyNew(source, module)
  )
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
export async function suppliersOf(
  module: ModuleName,
  { locate, policy }: Resolver,
): Promise<readonly string[]> {
  const { facts } = await locate(module);
  return policy.sources
    .filter((source) => source.isEnabled && facts.listings.has(source.name) && maySupplyNew(source, module))
    .map(({ name }) => name);
}

/** The commands that give a name to one of those who list it. */
export function adviseOrigins(module: ModuleName, suppliers: readonly string[]): string {
  return suppliers
    .map((source) => shellLine`moonbit-registry conflicts accept ${module} --origin ${source}`)
    .join(', or ');
}
