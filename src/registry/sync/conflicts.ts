import { UsageError } from '../../errors.ts';
import type { Pending } from '../../index/pending-names.ts';
import { type ConflictFinding, isConflict, isOpenConflict, versionOf } from '../../model/finding.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { shellLine } from '../../support/shell.ts';
import { contendedFinding } from '../decide/pending-findings.ts';
import { acceptRequirements, acceptVersion } from './accept-offer.ts';
import { acceptOrigin, acceptOrigins, adviseOrigins, suppliersOf } from './accept-origin.ts';
import { aggregate } from './aggregate.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from './conflict.ts';
import { noConflict } from './conflict-refusals.ts';
import { type Resolver, resolveState } from './resolve-module.ts';
import type { RulingContext, Stamp, Taken } from './ruling.ts';
import type { SyncContext } from './sync-context.ts';

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
