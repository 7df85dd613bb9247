import { findEntry, parseIndexFile } from '../../index/index-file.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { type Block, findBlock } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { compareVersions, type Version } from '../../model/version.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { type Policy, policyOf } from '../decide/policy.ts';
import {
  blocksOf,
  describeMirrored,
  type Explanation,
  explain,
  findMirrored,
  reasonOfBlock,
} from './explain.ts';
import { describeHosted } from './explain-hosted.ts';
import { findFactsByPath } from './find-facts.ts';
import { heldBackOf } from './held-back.ts';
import type { PastState, StateDates } from './past-states.ts';
import { readStanding } from './read-standing.ts';
import { readListed, readOwnFile, readPins } from './source-file.ts';
import type { SyncContext } from './sync-context.ts';

/** What was served of one module at a moment of the past, as it was written down then, and what has become of it. */
export interface PastExplanation extends Explanation {
  readonly state: StateDates & {
    /** The commit that clients found at the index. */
    readonly served: string;
  };
  readonly today: {
    readonly isServed: boolean;
    /** What the asked version's bytes are now; `undefined` where it is not listed, or none was asked for. */
    readonly checksum: Checksum | undefined;
    /** Whether what was served of it then (the version, or every version there was) is so now, byte for byte. */
    readonly isSame: boolean;
    readonly blocks: readonly Block[];
  };
}

/**
 * As `explain`, from a state of the past alone. Settings are in no state, so it tells what was recorded, and not by which of them;
 * whether an archive is here, and what stands in its way, is as of now.
 */
export async function explainPast(
  module: ModuleName,
  version: Version | undefined,
  context: SyncContext,
  past: PastState,
): Promise<PastExplanation> {
  const { index, config } = context;
  const { view } = past;
  const facts = await findFactsByPath(index, view, view.snapshots).find(module);
  const { recorded: origin } = facts;
  const [listed, { listed: versions, left }, pins] = await Promise.all([
    readChecksums(context, facts.served),
    readStanding(index, facts),
    readPins(index, facts),
  ]);
  const pin = pins.find((candidate) => candidate.version === version);
  const checksum = version === undefined ? undefined : (listed.get(version) ?? pin?.checksum);
  const mirrored = await findMirrored({ origin }, module, view);
  const blocks = blocksOf(view.blocks, module, version);
  const refusing = blocks.find((block) => version !== undefined || block.version === undefined);
  const pending = (await view.pending()).get(module);
  const policy = policyOf(config, view.snapshots);
  return {
    ...{ module, version, origin, versions, blocks },
    isServed: versions.some(
      (one) => (version === undefined || one === version) && !findBlock(view.blocks, module, one),
    ),
    rule: refusing ? 'blocked' : 'as-recorded',
    because: refusing
      ? reasonOfBlock(version, versions, left)
      : describeRecord(origin) + describeMirrored(mirrored),
    decidedBy: mirrored?.by,
    sources: await Promise.all(
      [...view.snapshots]
        .sort((a, b) => priorityOf(a) - priorityOf(b))
        .map((snapshot) => describeSnapshot(context, policy, snapshot, facts, version)),
    ),
    pin: pin && { checksum: pin.checksum, firstSeen: pin.firstSeen, source: pin.source },
    isCached: checksum === undefined ? undefined : await context.archives.has(checksum),
    ...(await describeHosted(index, view, module, version)),
    findings: (await view.findings()).filter((finding) => finding.module === module),
    heldBack: heldBackOf(new Map(pending ? [[module, pending]] : []), {
      ...{ config, snapshots: view.snapshots, observations: {} },
    })[0],
    state: { commit: past.commit, since: past.since, until: past.until, served: view.served },
    today: await describeToday(context, module, version, listed),
  };
}

function describeRecord(origin: string | undefined): string {
  if (origin === undefined) return 'it was recorded for no source then';
  if (origin === hosted) return 'it was published here';
  return `it was recorded for source "${origin}" then; by which settings is in no state`;
}

/** What is published here is trusted before all. */
function priorityOf({ source, priority }: SnapshotRecord): number {
  return source === hosted ? Number.NEGATIVE_INFINITY : priority;
}

async function describeSnapshot(
  { index }: SyncContext,
  policy: Policy,
  { source, priority }: SnapshotRecord,
  facts: LocatedFacts,
  version: Version | undefined,
): Promise<Explanation['sources'][number]> {
  const id = facts.listings.get(source);
  const file = id === undefined ? undefined : await readListed(index, policy, source, id);
  return {
    ...{ source, priority, isStale: false },
    listing: id === undefined ? 'absent' : 'listed',
    versions: [...new Set(file?.lines.map((line) => line.entry.version))].sort(compareVersions),
    checksum: file && version !== undefined ? findEntry(file, version)?.checksum : undefined,
  };
}

/** Of two lines for one version the last counts, as for clients. */
async function readChecksums(
  { index }: Pick<SyncContext, 'index'>,
  id: string | undefined,
): Promise<ReadonlyMap<Version, Checksum>> {
  if (id === undefined) return new Map();
  const { lines } = parseIndexFile(await readOwnFile(index, id));
  return new Map(lines.map(({ entry }) => [entry.version, entry.checksum]));
}

async function describeToday(
  context: SyncContext,
  module: ModuleName,
  version: Version | undefined,
  then: ReadonlyMap<Version, Checksum>,
): Promise<PastExplanation['today']> {
  const { isServed, blocks } = await explain(module, version, context);
  const state = await context.index.state();
  const { served } = await findFactsByPath(context.index, state, state.snapshots).find(module);
  const now = await readChecksums(context, served);
  const asked = version === undefined ? [...then.keys()] : [version];
  return {
    ...{ isServed, blocks, checksum: version === undefined ? undefined : now.get(version) },
    isSame: asked.every((one) => now.get(one) === then.get(one)),
  };
}
