import { type CacheReserve, createCacheReserve } from '../archives/cache-reserve.ts';
import { createDiskShares, type DiskShares, readFreeBytes } from '../archives/disk-share.ts';
import { openFileArchiveStore } from '../archives/file-archive-store.ts';
import { createVerifyingStore, type DamagedArchive } from '../archives/verifying-store.ts';
import type { Config } from '../config/config.ts';
import { indexAddress } from '../config/index-address.ts';
import { parseIndexFile } from '../index/index-file.ts';
import { readIndexPath } from '../index/layout.ts';
import { type ModuleName, ownerOf } from '../model/module-name.ts';
import type { ConnectionTuning } from '../sources/connect.ts';
import { createDiskWatch, noDiskWatch } from '../support/disk/disk-watch.ts';
import { createComplaints } from '../support/flow/complaints.ts';
import { createFairTurns } from '../support/flow/fair-queue.ts';
import { systemClock } from '../support/flow/monotonic-clock.ts';
import { type Log, silentLog } from '../support/log.ts';
import { type DataLayout, dataLayout } from './data-layout.ts';
import { createAssetCache } from './deliver/assets/asset-cache.ts';
import { openAssetPins } from './deliver/assets/asset-pins.ts';
import { createAssetDelivery } from './deliver/assets/deliver-asset.ts';
import { createArchiveDelivery } from './deliver/deliver-archive.ts';
import { createServedIndex } from './deliver/served-index.ts';
import { createSymbols } from './deliver/symbols/served-symbols.ts';
import type { OpenMode } from './open-mode.ts';
import { type Actor, openAudit, silentAudit } from './record/audit.ts';
import { describeConfigChanges } from './sync/config-changes.ts';
import { createConfiguration } from './sync/configuration.ts';
import { createConnections } from './sync/connections.ts';
import { observationsFile } from './sync/observations.ts';
import { createResolver, type Resolver } from './sync/resolve-module.ts';
import type { SyncContext } from './sync/sync.ts';
import { findAbandonedFiles } from './upkeep/abandoned-files.ts';
import { removeLeftovers } from './upkeep/leftovers.ts';
import { openData } from './upkeep/open-data.ts';
import { createScrub } from './upkeep/scrub.ts';
import { createTidying } from './upkeep/tidy.ts';

export interface OpenOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log?: Log | undefined;
  readonly now?: (() => Date) | undefined;
  readonly connections?: ConnectionTuning | undefined;
  /** For the audit file: whoever opens a registry may write there, if only of an archive that it finds damaged. */
  readonly actor: Actor;
  /** Several processes serve this registry: what one of them fetches or computes is so for all of them. */
  readonly isOneOfSeveral?: boolean | undefined;
  /** What may be done to the data: `write` unless it is said. */
  readonly mode?: OpenMode | undefined;
  /** One of them that leaves telling of new settings to the first. */
  readonly isFollower?: boolean | undefined;
}

/** As many as keep git busy. */
const locatedAtOnce = 16;

/** Archives and assets as they are on the disk. */
export function openStores(
  layout: Pick<DataLayout, 'packages' | 'assets'>,
  bounds: { readonly shares?: DiskShares; readonly reserve?: CacheReserve } = {},
) {
  const files = openFileArchiveStore(layout.packages, bounds);
  const assetFiles = openFileArchiveStore(layout.assets, { ...bounds, suffix: '.wasm' });
  return { files, assetFiles };
}

/** What a registry is made of, each part knowing the others it needs. */
export type RegistryParts = Awaited<ReturnType<typeof openParts>>;

/** The one place where implementations are chosen and put together. Contacts no source. */
export async function openParts(options: OpenOptions) {
  const { directory, env, actor, log = silentLog, now = () => new Date(), mode = 'write' } = options;
  const configuration = await createConfiguration(directory);
  const { dataDir } = configuration.current().registry;
  const layout = dataLayout(dataDir);
  const addressOf = (name: string) => {
    const source = configuration.current().sources.find((candidate) => candidate.name === name);
    return source && indexAddress(source);
  };
  const clock = options.connections?.clock ?? systemClock;
  // Of several processes the first tells it.
  const diskLog = options.isFollower ? silentLog : log;
  const disk = mode === 'serve' ? createDiskWatch(diskLog, clock) : noDiskWatch;
  const isTold = (error: unknown) => disk.refused(error);
  const { index, scratch } = await openData(
    { directory, dataDir, layout },
    { mode, now, log, addressOf, isTold },
  );
  const audit = mode === 'read' ? silentAudit : openAudit({ dataDir, actor, log, now, isTold });
  const shares = createDiskShares(() => readFreeBytes(dataDir));
  const reserve = createCacheReserve(dataDir, () => configuration.current().registry.cacheReserveBytes);
  const { files, assetFiles } = openStores(layout, { shares, reserve });
  const leavesDamaged = mode === 'read';
  const archives = createVerifyingStore(files, { leavesDamaged, onDamage: reportDamage });
  const assetStore = createVerifyingStore(assetFiles, {
    leavesDamaged,
    onDamage: ({ checksum, damage, movedTo }) =>
      log.error(`a stored asset was damaged: it ${damage}`, { checksum, movedTo }),
  });
  const served = createServedIndex(index);
  const place = { layout, scratch };
  const connections = createConnections(place, index, options.connections, env, log);
  const sources = () => connections.of(configuration.current());
  const findAbandoned = () => findAbandonedFiles(directory, dataDir, layout);

  function reportDamage({ checksum, damage, movedTo }: DamagedArchive): void {
    delivery.expectRepair(checksum);
    log.error(`a stored archive was damaged: it ${damage}`, { checksum, movedTo });
    void audit.record([{ event: 'archive-quarantined', checksum, reason: `it ${damage}` }]);
  }

  async function reload(): Promise<boolean> {
    const before = configuration.current();
    if (!(await configuration.reload())) return false;
    const changes = describeConfigChanges(before, configuration.current());
    if (!options.isFollower) await audit.record([{ event: 'config-reloaded', changes }]);
    return true;
  }

  const complaints = createComplaints();
  /** Once, however often work begins before the file is mended; a server tells it as soon as the file is edited. */
  function complain(error: unknown): void {
    if (mode !== 'serve' && complaints.isNew('reload', error))
      log.warn('registry.toml was not reloaded', { error: String(error) });
  }

  const slow = new Set<string>();

  /** What work on the whole registry needs, as the settings are now. */
  function context(): SyncContext {
    return {
      config: configuration.current(),
      index,
      archives,
      sources: sources(),
      audit,
      log,
      now,
      clock,
      slow,
      currentConfig: async () => {
        await reload().then(() => complaints.isWell('reload'), complain);
        return configuration.current();
      },
    };
  }

  let resolving: { state: string; config: Config; resolver: Resolver } | undefined;
  async function resolver(): Promise<Resolver> {
    const state = await index.state();
    const config = configuration.current();
    if (resolving?.state === state.commit && resolving.config === config) return resolving.resolver;
    const created = createResolver({ index, archives, config, state, snapshots: state.snapshots });
    resolving = { state: state.commit, config, resolver: created };
    return created;
  }

  const locating = createFairTurns(locatedAtOnce);
  /** For downloads: however many modules of one owner are asked for, those of another are looked up in their turn. */
  async function resolverInTurns(): Promise<Resolver> {
    const whole = await resolver();
    return {
      ...whole,
      locate: (module) => locating.run(ownerOf(module), () => whole.locate(module)),
    };
  }

  async function originOf(module: ModuleName): Promise<string | undefined> {
    return (await (await resolver()).locate(module)).facts.recorded;
  }

  async function* readIndex() {
    const listed = await index.list(await index.servedCommit());
    for (const [path, id] of listed) {
      const target = readIndexPath(path);
      const file = target.kind === 'module' ? await index.read(id) : undefined;
      if (target.kind === 'module' && file) yield { module: target.module, file };
    }
  }

  const delivery = createArchiveDelivery({
    archives,
    audit,
    index,
    log,
    find: served.find,
    settings: () => configuration.current(),
    sources,
    resolver: resolverInTurns,
    clock: options.connections?.clock,
    disk,
    reserve,
    lockFolder: options.isOneOfSeveral ? layout.locks : undefined,
  });
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
  const assets = createAssetDelivery({
    cache: createAssetCache(openAssetPins(layout.assets), assetStore, reserve),
    log,
    isListed: async (module, version) => (await served.find(module, version)) !== undefined,
    async originOf(module) {
      const config = configuration.current();
      const source = connections.of(config).get((await originOf(module)) ?? '');
      return source?.config.enabled && config.server.upstreamFallback ? source : undefined;
    },
  });
  return {
    ...{
      layout,
      actor,
      configuration,
      reload,
      audit,
      index,
      files,
      assetFiles,
      archives,
      connections,
      sources,
    },
    ...{
      served,
      delivery,
      assets,
      scrub,
      symbols: createSymbols({ directory: layout.symbols, shares, log }),
    },
    ...{ context, resolver, originOf, readIndex, findAbandoned },
    disk,
    scratch,
    cacheSpace: reserve.look,
    whileTidying: createTidying({
      ...{ locks: layout.locks, index, log, findAbandoned, isTold },
      isReading: mode === 'read',
      async removeLeftovers() {
        const { sources: configured } = await context().currentConfig();
        const observations = observationsFile(configuration.current());
        await removeLeftovers({ ...layout, observations }, new Set(configured.map(({ name }) => name)));
      },
    }),
  };
}
