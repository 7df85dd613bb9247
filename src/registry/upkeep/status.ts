import type { ArchiveUpkeep } from '../../archives/archive-store.ts';
import type { CacheSpace } from '../../archives/cache-reserve.ts';
import type { Config } from '../../config/config.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { StagingRecord } from '../../index/staged-file.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Block } from '../../model/block.ts';
import type { Finding } from '../../model/finding.ts';
import { hosted } from '../../model/hosted.ts';
import { createCredentialsReader } from '../../sources/credentials.ts';
import type { Environment } from '../../support/environment.ts';
import { runGit } from '../../support/git/git.ts';
import { policyOf } from '../decide/policy.ts';
import { readStagings } from '../hosting/staging/read-stagings.ts';
import { isWaiting, settleStagings, sizeOf } from '../hosting/staging/stagings.ts';
import { reportedViews } from '../sync/describe-sync.ts';
import { readOrigins } from '../sync/find-facts.ts';
import type { HeldBack } from '../sync/held-back.ts';
import { heldBackOf } from '../sync/held-back.ts';
import type { Observations } from '../sync/observations.ts';
import type { FailureClass } from '../sync/source-refresh.ts';
import type { ReportedView } from '../sync/sync-report.ts';

export interface StatusReport {
  readonly name: string;
  /** `degraded`: what is served may be older than what an enabled source has. */
  readonly health: 'ok' | 'degraded';
  readonly directory: string;
  readonly commit: string;
  readonly modules: number;
  readonly upstreamFallback: boolean;
  readonly sources: readonly {
    readonly name: string;
    readonly isDefault: boolean;
    readonly enabled: boolean;
    /** Configured no longer, but modules are still served under its name. */
    readonly removed: boolean;
    readonly priority: number;
    /** When the index was last read successfully, and when anybody last tried. */
    readonly readAt: string | undefined;
    readonly triedAt: string | undefined;
    readonly isStale: boolean;
    /** Its newest index is held back, as `failure` says. */
    readonly isHeld: boolean;
    readonly failure: string | undefined;
    readonly failureClass: FailureClass | undefined;
    /** The first of the readings in a row that were no use. */
    readonly failingSince: string | undefined;
    /** What of its credentials is missing now, and where it should be; for the operator alone. */
    readonly missingCredentials: string | undefined;
    readonly listed: number;
    /** Modules in the served index whose origin it is. */
    readonly served: number;
  }[];
  /** What is published here; absent where nothing is, or may be. */
  readonly hosting?:
    | {
        readonly namespaces: readonly string[];
        readonly modules: number;
        /** Archives that wait for approval, and since when the first of them does. */
        readonly staged: {
          readonly count: number;
          readonly bytes: number;
          readonly since?: string | undefined;
        };
      }
    | undefined;
  /** Parts of the index that are served by themselves. */
  readonly views: readonly ReportedView[];
  readonly findings: readonly Finding[];
  readonly heldBack: readonly HeldBack[];
  /** What is refused to everybody. */
  readonly blocks: readonly Block[];
  readonly archives: { readonly count: number; readonly bytes: number };
  readonly indexBytes: number;
  /** Archives are not cached while less is free than is kept for the index; absent where the disk cannot be asked. */
  readonly caching?:
    | {
        readonly isPaused: boolean;
        /** Absent where the file system does not say how large it is. */
        readonly freeBytes?: number | undefined;
        readonly reserveBytes: number;
      }
    | undefined;
}

/** Everything an operator asks first: sources and their ages, counts, conflicts, disk use. Asks no source. */
export async function readStatus(
  config: Config,
  index: GitIndex,
  archives: Pick<ArchiveUpkeep, 'usage'>,
  observations: Observations,
  env: Environment,
  now: Date,
  space?: CacheSpace,
): Promise<StatusReport> {
  const state = await index.state();
  const policy = policyOf(config, state.snapshots);
  const served = await countServed(index, state);
  const sources = await Promise.all(
    policy.sources.filter(isSource).map(async (source) => {
      const snapshot = state.snapshots.find((record) => record.source === source.name);
      const observation = observations[source.name];
      return {
        name: source.name,
        isDefault: source.name === config.defaultSource,
        enabled: source.isEnabled,
        removed: source.isRemoved,
        priority: source.priority,
        readAt: observation?.readAt,
        triedAt: observation?.triedAt,
        isStale: source.isEnabled && (snapshot === undefined || observation?.failure !== undefined),
        isHeld: source.isEnabled && observation?.held !== undefined,
        failure: source.isEnabled ? observation?.failure : undefined,
        failureClass: source.isEnabled ? observation?.failureClass : undefined,
        failingSince: source.isEnabled ? observation?.failingSince : undefined,
        missingCredentials: await findMissingCredentials(config, source.name, env),
        listed: snapshot ? countModules(await index.list(snapshot.tree)) : 0,
        served: served.get(source.name) ?? 0,
      };
    }),
  );
  return {
    name: config.registry.name,
    health: sources.some(({ isStale }) => isStale) ? 'degraded' : 'ok',
    directory: config.directory,
    commit: state.served,
    modules: state.modules,
    upstreamFallback: config.server.upstreamFallback,
    sources,
    hosting: describeHosting(config, served, await readStagings(index, state), now),
    views: reportedViews(state),
    findings: await state.findings(),
    heldBack: heldBackOf(await state.pending(), { config, snapshots: state.snapshots, observations }),
    blocks: state.blocks,
    archives: await archives.usage(),
    indexBytes: await measureRepository(index.directory),
    caching: space && { ...space, freeBytes: Number.isFinite(space.freeBytes) ? space.freeBytes : undefined },
  };
}

function isSource({ name }: { readonly name: string }): boolean {
  return name !== hosted;
}

function describeHosting(
  { hosting }: Config,
  served: ReadonlyMap<string, number>,
  stagings: readonly StagingRecord[],
  now: Date,
): StatusReport['hosting'] {
  const { namespaces } = hosting;
  const modules = served.get(hosted) ?? 0;
  const waiting = settleStagings(stagings, hosting, now).filter(isWaiting);
  if (namespaces.length === 0 && modules === 0 && waiting.length === 0) return undefined;
  const count = waiting.reduce((sum, { versions }) => sum + versions.length, 0);
  const [first] = waiting;
  return {
    namespaces,
    modules,
    staged: { count, bytes: sizeOf(waiting), ...(first && { since: first.at }) },
  };
}

async function findMissingCredentials(
  { sources }: Config,
  name: string,
  env: Environment,
): Promise<string | undefined> {
  const settings = sources.find((source) => source.name === name);
  if (!settings?.enabled) return undefined;
  const reading = await createCredentialsReader(settings, env)();
  return reading.kind === 'missing' ? reading.problem : undefined;
}

function countModules(files: ReadonlyMap<string, string>): number {
  return [...files.keys()].filter((path) => readIndexPath(path).kind === 'module').length;
}

/** Modules that clients see, by origin. The ledger has more: it forgets nothing. */
async function countServed(index: GitIndex, state: StateView): Promise<Map<string, number>> {
  const originOf = await readOrigins(index, state.commit);
  const counts = new Map<string, number>();
  for (const path of (await index.list(state.served)).keys()) {
    const target = readIndexPath(path);
    const origin = target.kind === 'module' ? originOf(target.module) : undefined;
    if (origin !== undefined) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  }
  return counts;
}

async function measureRepository(directory: string): Promise<number> {
  const counts = (await runGit(['count-objects', '-v'], { gitDir: directory })).toString();
  const kibibytes = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(counts)?.[1] ?? 0);
  return (kibibytes('size') + kibibytes('size-pack')) * 1024;
}
