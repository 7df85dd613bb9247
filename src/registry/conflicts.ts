import type { Config } from '../config/config.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import type { StateView } from '../index/git-index.ts';
import { findEntry, parseIndexFile } from '../index/index-file.ts';
import type { Checksum } from '../model/checksum.ts';
import { type Finding, isConflict, isOpenConflict } from '../model/finding.ts';
import { isModuleName, type ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import type { Version } from '../model/version.ts';
import { checksumChanges } from './plan-module.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from './reports.ts';
import { createResolver, type ResolvedModule, type Resolver } from './resolve-module.ts';
import { aggregate, type SyncContext } from './sync.ts';

type Context = Pick<SyncContext, 'index' | 'archives'>;

/** All conflicts that stand, kept ones too, each with the pin and the origin it is about. Asks no source. */
export async function listConflicts(context: Context, config: Config): Promise<Conflict[]> {
  const state = await context.index.state();
  const resolver = resolverOf(context, state, config);
  const findings = (await state.findings()).filter(isConflict);
  return Promise.all(findings.map((finding) => describeConflict(finding, resolver)));
}

async function describeConflict(finding: Finding, resolver: Resolver): Promise<Conflict> {
  if (!isModuleName(finding.module)) return { ...finding, origin: undefined, pin: undefined };
  const { decision, pins } = await resolver.resolve(finding.module);
  const pin = pins.find(({ version }) => version === finding.version);
  return {
    ...finding,
    origin: decision.origin,
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
  let decisions: readonly OperatorDecision[] = [];
  const at = context.now().toISOString();
  const { report } = await aggregate(context, {
    touched: [ruling.module],
    decide: async (state, config) => {
      const resolved = await resolverOf(context, state, config).resolve(ruling.module);
      const findings = (await state.findings()).filter(({ module }) => module === ruling.module);
      const stamp = { module: ruling.module, at, by };
      decisions = await decide(context, ruling, resolved, findings.filter(isConflict), stamp);
      return decisions;
    },
  });
  return { decisions, report };
}

interface Stamp {
  readonly module: ModuleName;
  readonly at: string;
  readonly by: string;
}

async function decide(
  context: Context,
  ruling: ConflictRuling,
  resolved: ResolvedModule,
  conflicts: readonly Finding[],
  stamp: Stamp,
): Promise<readonly OperatorDecision[]> {
  refuseUndecided(conflicts);
  switch (ruling.action) {
    case 'keep':
      return keep(ruling.version, conflicts, stamp);
    case 'accept-version':
      return [await acceptVersion(context, ruling, resolved, stamp)];
    case 'accept-origin':
      return acceptOrigin(context, ruling, resolved, stamp);
  }
}

/** Nothing is served of such a name, so there is nothing to keep, and nobody knows what to accept. */
function refuseUndecided(conflicts: readonly Finding[]): void {
  const undecided = conflicts.find(({ kind }) => kind === 'undecided');
  if (!undecided) return;
  const { module, source } = undecided;
  throw new UsageError(
    `${module} is undecided: source "${source}", which is trusted more, has never been read`,
    {
      hint:
        `moonbit-registry source check ${source} (then sync); or decide without it: moonbit-registry source disable ${source}; ` +
        `or limit it: moonbit-registry config sources.${source}.include "OWNER/*"`,
    },
  );
}

function keep(version: Version | undefined, conflicts: readonly Finding[], stamp: Stamp): OperatorDecision[] {
  const meant = conflicts.filter((finding) => version === undefined || finding.version === version);
  if (meant.length === 0)
    throw noConflict(version === undefined ? stamp.module : `${stamp.module}@${version}`);
  return meant.filter(isOpenConflict).map((finding) => ({ ...stamp, action: 'keep', finding }));
}

async function acceptVersion(
  { index }: Context,
  ruling: Extract<ConflictRuling, { action: 'accept-version' }>,
  { decision, pins }: ResolvedModule,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const { module, version, checksum } = ruling;
  const pin = pins.find((candidate) => candidate.version === version);
  const file = decision.file === undefined ? undefined : await index.read(decision.file);
  const offered = file && findEntry(parseIndexFile(file), version)?.checksum;
  if (!pin || decision.origin === undefined || offered === undefined || offered === pin.checksum)
    throw noConflict(`${module}@${version}`);
  if (offered !== checksum) throw otherChecksum(version, checksum, offered, decision.origin);
  const { origin: source } = decision;
  return { ...stamp, action: 'accept-version', version, from: pin.checksum, to: offered, source };
}

async function acceptOrigin(
  { index }: Context,
  { module, origin, checksums }: Extract<ConflictRuling, { action: 'accept-origin' }>,
  { decision, facts, pins }: ResolvedModule,
  stamp: Stamp,
): Promise<OperatorDecision[]> {
  const { rule, contender, origin: recorded } = decision;
  if (rule !== 'held' || contender === undefined || recorded === undefined) throw noConflict(module);
  if (contender !== origin)
    throw new UsageError(`"${origin}" is not the source that would supply ${module}: "${contender}" is`, {
      hint: `moonbit-registry explain ${module}`,
    });
  const id = facts.listings.get(contender);
  const file = id === undefined ? undefined : await index.read(id);
  const changes = file ? checksumChanges(file, pins) : [];
  const missing = changes.filter(({ version }) => !checksums.has(version));
  if (missing.length > 0)
    throw new UsageError(
      `moving ${module} to "${origin}" would change versions that were served:\n${missing
        .map(({ version, pinned, offered }) => `  ${version}: ${pinned} -> ${offered}`)
        .join('\n')}`,
      { hint: 'accept each one too: --checksum VERSION=SHA256, with the new checksum typed out' },
    );
  for (const [version, checksum] of checksums) {
    const change = changes.find((candidate) => candidate.version === version);
    if (!change) throw new UsageError(`moving ${module} to "${origin}" does not change version ${version}`);
    if (change.offered !== checksum) throw otherChecksum(version, checksum, change.offered, origin);
  }
  return [
    ...changes.map(
      ({ version, pinned, offered }): OperatorDecision => ({
        ...stamp,
        action: 'accept-version',
        version,
        from: pinned,
        to: offered,
        source: origin,
      }),
    ),
    { ...stamp, action: 'accept-origin', from: recorded, to: origin },
  ];
}

function noConflict(what: string): NotFoundError {
  return new NotFoundError(`there is no conflict about ${what} to decide`, {
    hint: 'moonbit-registry conflicts',
  });
}

function otherChecksum(version: Version, typed: Checksum, offered: Checksum, source: string): UsageError {
  return new UsageError(
    `source "${source}" offers ${offered} for version ${version}, and not what was typed: ${typed}`,
    { hint: 'ask its author which of them is right; nothing was changed' },
  );
}

function resolverOf({ index, archives }: Context, state: StateView, config: Config): Resolver {
  return createResolver({ index, archives, config, state, snapshots: state.snapshots });
}
