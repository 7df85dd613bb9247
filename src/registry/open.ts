import { join } from 'node:path';
import { openFileArchiveStore } from '../archives/file-archive-store.ts';
import { createVerifyingStore, type DamagedArchive } from '../archives/verifying-store.ts';
import type { Config } from '../config/config.ts';
import { NotFoundError, StorageError } from '../errors.ts';
import { type GitIndex, openGitIndex } from '../index/git-index.ts';
import { parseIndexFile } from '../index/index-file.ts';
import { readIndexPath } from '../index/layout.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { ConnectionTuning } from '../sources/connect.ts';
import { currentUser } from '../support/current-user.ts';
import { type Log, silentLog } from '../support/log.ts';
import { systemClock } from '../support/monotonic-clock.ts';
import { withProcessLock } from '../support/process-lock.ts';
import { suggest } from '../support/suggest.ts';
import { findAbandonedFiles } from './abandoned-files.ts';
import { createAssetCache } from './asset-cache.ts';
import { type Actor, openAudit } from './audit.ts';
import { checkSource } from './check-source.ts';
import { describeConfigChanges } from './config-changes.ts';
import { createConfiguration } from './configuration.ts';
import { listConflicts, ruleOnConflict } from './conflicts.ts';
import { createConnections } from './connections.ts';
import { createArchiveDelivery } from './deliver-archive.ts';
import { createAssetDelivery } from './deliver-asset.ts';
import { explain } from './explain.ts';
import { createData, dataLayout } from './init.ts';
import { mirror } from './mirror.ts';
import { readOrigins } from './module-facts.ts';
import { observationsFile, readObservations } from './observations.ts';
import { findStaleSources, listReadTimes } from './read-times.ts';
import type { Registry } from './registry.ts';
import { createResolver, type Resolver } from './resolve-module.ts';
import { createScrub } from './scrub.ts';
import { createServedIndex } from './served-index.ts';
import { createSymbols } from './served-symbols.ts';
import { readStatus } from './status.ts';
import { aggregate, type SyncContext, syncRegistry } from './sync.ts';
import { createTidying } from './tidy.ts';
import { verifyOpened } from './verify-opened.ts';

export interface OpenOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log?: Log | undefined;
  readonly now?: (() => Date) | undefined;
  readonly connections?: ConnectionTuning | undefined;
  /** For the audit file. */
  readonly actor?: Actor | undefined;
  /** Several processes serve this registry: one fetch per archive holds among all of them. */
  readonly isOneOfSeveral?: boolean | undefined;
  /** One of them that leaves telling of new settings to the first. */
  readonly isFollower?: boolean | undefined;
}

/** Opens a registry: the one place where implementations are chosen and put together. Contacts no source. */
export async function openRegistry(options: OpenOptions): Promise<Registry> {
  const { directory, env, log = silentLog, now = () => new Date() } = options;
  const configuration = await createConfiguration(directory, env);
  const first = configuration.current();
  const layout = dataLayout(first.registry.dataDir);
  await createData(layout, now());
  const { actor = { user: currentUser(), command: 'library' } } = options;
  const audit = openAudit({ dataDir: first.registry.dataDir, actor, log, now });
  const index = await openGitIndex(layout.index);
  if (!(await index.isSettled())) await settle(index, layout.locks, log);
  const files = openFileArchiveStore(layout.packages);
  const archives = createVerifyingStore(files, { onDamage: reportDamage });
  const served = createServedIndex(index);
  let resolving: { state: string; config: Config; resolver: Resolver } | undefined;
  const symbols = createSymbols(layout.symbols, log);
  const connections = createConnections(layout, index, options.connections, log);

  async function reload(): Promise<boolean> {
    const before = configuration.current();
    if (!(await configuration.reload())) return false;
    const changes = describeConfigChanges(before, configuration.current());
    if (!options.isFollower) await audit.record([{ event: 'config-reloaded', changes }]);
    return true;
  }

  function findAbandoned(): Promise<string[]> {
    return findAbandonedFiles(directory, first.registry.dataDir, layout);
  }

  const whileTidying = createTidying({ locks: layout.locks, index, log, findAbandoned });

  function reportDamage({ checksum, damage, movedTo }: DamagedArchive): void {
    delivery.expectRepair(checksum);
    log.error(`a stored archive was damaged: it ${damage}`, { checksum, movedTo });
    void audit.record([{ event: 'archive-quarantined', checksum, reason: `it ${damage}` }]);
  }

  function context(): SyncContext {
    const config = configuration.current();
    return {
      config,
      index,
      archives,
      sources: connections.of(config),
      audit,
      log,
      now,
      clock: options.connections?.clock ?? systemClock,
      currentConfig: async () => {
        await reload().catch((error: unknown) =>
          log.warn('registry.toml was not reloaded', { error: String(error) }),
        );
        return configuration.current();
      },
    };
  }

  async function resolver(): Promise<Resolver> {
    const state = await index.state();
    const config = configuration.current();
    if (resolving?.state === state.commit && resolving.config === config) return resolving.resolver;
    const created = createResolver({ index, archives, config, state, snapshots: state.snapshots });
    resolving = { state: state.commit, config, resolver: created };
    return created;
  }

  const delivery = createArchiveDelivery({
    archives,
    audit,
    index,
    log,
    find: served.find,
    settings: () => configuration.current(),
    sources: () => connections.of(configuration.current()),
    resolver,
    lockFolder: options.isOneOfSeveral ? layout.locks : undefined,
  });

  async function* readIndex() {
    const listed = await index.list(await index.servedCommit());
    for (const [path, id] of listed) {
      const target = readIndexPath(path);
      const file = target.kind === 'module' ? await index.read(id) : undefined;
      if (target.kind === 'module' && file) yield { module: target.module, file };
    }
  }

  const scrub = createScrub({
    archives,
    log,
    async repair(checksum, signal) {
      for await (const { module, file } of readIndex()) {
        signal?.throwIfAborted();
        const line = parseIndexFile(file).lines.find(({ entry }) => entry.checksum === checksum);
        if (line) return delivery.repair(module, line.entry);
      }
      return false;
    },
  });

  async function originOf(module: ModuleName): Promise<string | undefined> {
    return (await (await resolver()).locate(module)).facts.recorded;
  }

  const assets = createAssetDelivery({
    cache: createAssetCache(layout.assets),
    isListed: async (module, version) => (await served.find(module, version)) !== undefined,
    async originOf(module) {
      const config = configuration.current();
      const source = connections.of(config).get((await originOf(module)) ?? '');
      return source?.config.enabled && config.server.upstreamFallback ? source : undefined;
    },
  });

  async function refreshSymbols(signal: AbortSignal | undefined): Promise<void> {
    const config = configuration.current();
    const sources = [...connections.of(config).values()].filter((source) => source.config.enabled);
    await symbols.refresh(sources, signal);
  }

  return {
    get config() {
      return configuration.current();
    },
    indexDirectory: layout.index,
    reload,

    async sync(syncOptions = {}) {
      const { report } = await whileTidying(() => syncRegistry(context(), syncOptions));
      if (!syncOptions.dryRun) await refreshSymbols(syncOptions.signal);
      return report;
    },
    reaggregate: async () => (await aggregate(context(), {})).report,
    mirror: (mirrorOptions) => whileTidying(() => mirror(context(), mirrorOptions)),

    async status() {
      const config = configuration.current();
      return readStatus(config, index, archives, await readObservations(observationsFile(config)));
    },

    async explain(module, version) {
      const state = await index.state();
      const config = configuration.current();
      const input = { index, archives, config, state, snapshots: state.snapshots };
      return explain(module, version, input, await readObservations(observationsFile(config)));
    },

    scrub: (signal) => scrub.run(signal),
    async verify(verifyOptions) {
      const quarantineDirectory = join(layout.packages, '..', 'quarantine');
      return verifyOpened(
        { ...context(), files, archives, resolver: await resolver(), findAbandoned, quarantineDirectory },
        verifyOptions,
      );
    },

    async checkSources(name) {
      const config = configuration.current();
      const sources = connections.of(config);
      const enabled = config.sources.filter((source) => source.enabled);
      const names = name === undefined ? enabled.map((source) => source.name) : [name];
      return Promise.all(
        names.map((wanted) => {
          const source = sources.get(wanted);
          if (source) return checkSource(source, index);
          throw unknownSource(wanted, [...sources.keys()]);
        }),
      );
    },

    conflicts: () => listConflicts({ index, archives }, configuration.current()),
    ruleOnConflict: (ruling) => ruleOnConflict(context(), ruling, actor.user),

    servedCommit: () => index.servedCommit(),
    isServedCommit: async (commit) => (await index.servedHistory()).includes(commit),
    readIndexFile: served.readFile,

    readIndex,
    originOf,

    async findArchive(module, version) {
      const entry = await served.find(module, version);
      if (!entry) return undefined;
      const isCached = await archives.has(entry.checksum);
      return { checksum: entry.checksum, cachedAt: isCached ? archives.locate(entry.checksum) : undefined };
    },

    openArchive: delivery.open,

    async symbols() {
      const state = await index.state();
      const names = state.snapshots.map((snapshot) => snapshot.source);
      return symbols.serve(state.commit, names, () => readOrigins(index, state.commit));
    },

    openAsset: assets.open,

    readTimes: async () => listReadTimes(configuration.current()),

    forgetAbsences() {
      for (const source of connections.of(configuration.current()).values()) source.forgetAbsences();
    },

    sourcesLeftAlone: () =>
      [...connections.of(configuration.current()).values()].flatMap((source) => {
        const reason = source.refusal();
        return reason === undefined ? [] : [{ source: source.config.name, reason }];
      }),

    staleSources: async () => findStaleSources(configuration.current(), await index.state()),

    async close() {
      await connections.close();
      await delivery.settle();
      await audit.flush();
      index.close();
    },
  };
}

/** Puts right what a killed process left. Where that cannot be done, what is there is served as it is. */
async function settle(index: GitIndex, locks: string, log: Log): Promise<void> {
  try {
    await withProcessLock(join(locks, 'registry'), () => index.settle());
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.warn('the served index could not be brought up to the state', { error });
  }
}

function unknownSource(name: string, names: readonly string[]): NotFoundError {
  const guess = suggest(name, names);
  return new NotFoundError(`there is no source "${name}"; configured sources: ${names.join(', ')}`, {
    hint: guess === undefined ? undefined : `did you mean "${guess}"?`,
  });
}
