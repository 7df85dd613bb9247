import { NotFoundError, UsageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import type { StateView } from '../../index/state-view.ts';
import { type Block, type BlockSubject, nameOfBlock } from '../../model/block.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { compareVersions, latestVersion, type Version } from '../../model/version.ts';
import { shellLine } from '../../support/shell.ts';
import { suggest } from '../../support/suggest.ts';
import { aggregate } from './aggregate.ts';
import { findFactsByPath } from './find-facts.ts';
import { readStanding } from './read-standing.ts';
import { resolveState } from './resolve-module.ts';
import { readListed, readPins } from './source-file.ts';
import { suggestModule } from './suggest-module.ts';
import type { SyncContext } from './sync-context.ts';
import type { SyncReport } from './sync-report.ts';

export type BlockRuling = BlockSubject &
  (
    | { readonly action: 'block'; readonly reason: string }
    | { readonly action: 'withdraw'; readonly version: Version; readonly reason: string }
    | { readonly action: 'unblock' }
  );

export interface BlockOutcome {
  readonly decision: OperatorDecision;
  /** Those of the versions it is about that clients have ever been served, lowest first. */
  readonly versions: readonly Version[];
  /** Of what it is about, what stands in the index now, lowest first: whoever requires it is told the reason, while it is blocked. */
  readonly listed: readonly Version[];
  /** What left the index, as nothing above it could be taken instead: clients find no version, and no reason. */
  readonly left: readonly Version[];
  readonly report: SyncReport;
  /** What of it no source lists and nobody was ever served; what may have been meant; and which sources were never read. */
  readonly unknown:
    | { readonly what: string; readonly nearest: string | undefined; readonly unread: readonly string[] }
    | undefined;
}

/**
 * Blocks, unblocks or withdraws, in one change of the state. Throws, with nothing changed: `NotFoundError` where there is nothing to lift
 * or to withdraw, `UsageError` of what was withdrawn already, or is not published here.
 */
export async function ruleOnBlock(
  context: SyncContext,
  ruling: BlockRuling,
  by: string,
): Promise<BlockOutcome> {
  let decision: OperatorDecision | undefined;
  let unknown: BlockOutcome['unknown'];
  const { report } = await aggregate(context, {
    decide: async (state, config) => {
      if (ruling.action === 'withdraw') await requireHosted(ruling, context.index, state);
      decision = decide(state.blocks, ruling, { at: context.now().toISOString(), by });
      if (ruling.action === 'block') unknown = await judgeKnown(ruling, { ...context, config }, state);
      return [decision];
    },
  });
  if (!decision) throw new Error('the decision was not asked for');
  return { decision, ...(await describeServed(context, ruling)), report, unknown };
}

/** Of what the ruling is about, the versions that clients have ever been served, and how they stand now. */
async function describeServed(
  { index }: SyncContext,
  { module, version }: BlockSubject,
): Promise<Pick<BlockOutcome, 'versions' | 'listed' | 'left'>> {
  const state = await index.state();
  const facts = await findFactsByPath(index, state, state.snapshots).find(module);
  const pins = await readPins(index, facts);
  const { listed, left } = await readStanding(index, facts);
  const isMeant = (one: Version) => version === undefined || one === version;
  return {
    versions: pins
      .map((pin) => pin.version)
      .filter(isMeant)
      .sort(compareVersions),
    listed: listed.filter(isMeant),
    left: left.filter(isMeant),
  };
}

/** What nobody lists may come, or be mistyped. Before any source has been read nobody can tell. */
async function judgeKnown(
  { module, version }: BlockSubject,
  context: SyncContext,
  state: StateView,
): Promise<BlockOutcome['unknown']> {
  const { index, config } = context;
  if (state.snapshots.length === 0) return undefined;
  const { policy, locate } = resolveState(context, state);
  const { facts } = await locate(module);
  const files = await Promise.all(
    [...facts.listings].map(([source, id]) => readListed(index, policy, source, id)),
  );
  const { listed, left } = await readStanding(index, facts);
  const pins = await readPins(index, facts);
  const versions = new Set<Version>([...listed, ...left, ...pins.map((pin) => pin.version)]);
  for (const { lines } of files) for (const { entry } of lines) versions.add(entry.version);
  const read = new Set(state.snapshots.map(({ source }) => source));
  const unread = config.sources
    .filter(({ name, enabled }) => enabled && !read.has(name))
    .map(({ name }) => name);
  if (facts.listings.size === 0 && versions.size === 0)
    return { what: module, nearest: await suggestModule(module, index, state), unread };
  const isUnreadable = files.some(({ unreadable }) => unreadable !== undefined);
  if (version === undefined || versions.has(version) || isUnreadable) return undefined;
  const nearest = suggest(version, versions) ?? latestVersion([...versions]);
  return { what: `${module}@${version}`, nearest: nearest && `${module}@${nearest}`, unread };
}

/** What comes from elsewhere is not ours to take back. */
async function requireHosted(
  { module, version }: BlockSubject,
  index: GitIndex,
  state: StateView,
): Promise<void> {
  const facts = await findFactsByPath(index, state, state.snapshots).find(module);
  const pins = await readPins(index, facts);
  if (facts.recorded !== hosted) {
    const name = nameOfBlock({ module, version });
    if (pins.length === 0) throw await unknownHere(module, index, state);
    throw new UsageError(
      `${name} is not published here: it comes from "${facts.recorded ?? 'another registry'}"`,
      {
        hint: `refuse it to everybody instead: ${shellLine`moonbit-registry block ${name} --reason "…"`}`,
      },
    );
  }
  const versions = pins.map((pin) => pin.version);
  if (version === undefined || versions.includes(version)) return;
  const nearest = suggest(version, versions) ?? latestVersion(versions);
  throw new NotFoundError(`${module} has no version ${version} here`, {
    hint: nearest === undefined ? 'moonbit-registry list' : `the nearest is ${module}@${nearest}`,
  });
}

async function unknownHere(module: ModuleName, index: GitIndex, state: StateView): Promise<NotFoundError> {
  const nearest = await suggestModule(module, index, state);
  return new NotFoundError(`${module} is not published here`, {
    hint: nearest === undefined ? 'moonbit-registry list' : `did you mean ${nearest}?`,
  });
}

function requireStanding(blocks: readonly Block[], ruling: BlockRuling): void {
  const own = blocks.find((block) => nameOfBlock(block) === nameOfBlock(ruling));
  if (!own?.isWithdrawn) return;
  throw new UsageError(`${nameOfBlock(own)} was withdrawn at ${own.at} by ${own.by}: ${own.reason}`, {
    hint: 'that is for good: publish another version',
  });
}

function decide(
  blocks: readonly Block[],
  ruling: BlockRuling,
  stamp: { readonly at: string; readonly by: string },
): OperatorDecision {
  requireStanding(blocks, ruling);
  const { module, version } = ruling;
  const facts = { module, ...(version === undefined ? {} : { version }), ...stamp };
  if (ruling.action === 'block') return { ...facts, action: 'block', reason: ruling.reason };
  if (ruling.action === 'withdraw')
    return { ...facts, action: 'withdraw', version: ruling.version, reason: ruling.reason };
  const stands = blocks.some((block) => nameOfBlock(block) === nameOfBlock(ruling));
  if (stands) return { ...facts, action: 'unblock' };
  throw notBlocked(blocks, ruling);
}

/** One version of a blocked module cannot be let out alone, and a module does not stand for its blocked versions. */
function notBlocked(blocks: readonly Block[], ruling: BlockRuling): NotFoundError {
  const own = blocks.filter(({ module }) => module === ruling.module).map(nameOfBlock);
  const what = nameOfBlock(ruling);
  if (own.length === 0)
    return new NotFoundError(`${what} is not blocked`, { hint: 'moonbit-registry block --list' });
  const [first = ''] = own;
  return new NotFoundError(`${what} is not blocked as such; what is: ${own.join(', ')}`, {
    hint: shellLine`moonbit-registry unblock ${first}`,
  });
}
