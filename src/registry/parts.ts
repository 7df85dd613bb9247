import type { StoredArchives } from '../archives/archive-store.ts';
import { type CacheReserve, createCacheReserve, readDiskSpace } from '../archives/cache-reserve.ts';
import { createDiskShares, type DiskShares } from '../archives/disk-share.ts';
import { openFileArchiveStore } from '../archives/file-archive-store.ts';
import { openStagedArchives, type StagedArchives } from '../archives/staged-archives.ts';
import {
  createVerifyingStore,
  type DamagedArchive,
  type VerifyingStore,
} from '../archives/verifying-store.ts';
import type { ConnectedSources } from '../sources/connect.ts';
import type { DataLayout } from './data-layout.ts';
import { createAssetCache } from './deliver/assets/asset-cache.ts';
import { openAssetPins } from './deliver/assets/asset-pins.ts';
import { createAssetDelivery } from './deliver/assets/deliver-asset.ts';
import { type ArchiveDelivery, createArchiveDelivery } from './deliver/deliver-archive.ts';
import { repairListed } from './deliver/repair-archive.ts';
import { createServedIndex, type ServedIndex } from './deliver/served-index.ts';
import { createSymbols } from './deliver/symbols/served-symbols.ts';
import { type Ground, type OpenOptions, openGround } from './ground.ts';
import { createConnections } from './sync/connections.ts';
import { type CurrentResolver, createCurrentResolver } from './sync/current-resolver.ts';
import { observationsFile } from './sync/observations.ts';
import { createPastStates, type PastStates } from './sync/past-states.ts';
import { createReloading } from './sync/reload-settings.ts';
import type { SyncContext } from './sync/sync-context.ts';
import { findAbandonedFiles } from './upkeep/abandoned-files.ts';
import { removeLeftovers } from './upkeep/leftovers.ts';
import { createScrub, type Scrub } from './upkeep/scrub.ts';
import { createTidying } from './upkeep/tidy.ts';

/** Archives and assets as they are on the disk. */
interface Stores {
  readonly files: StoredArchives;
  readonly assetFiles: StoredArchives;
  /** Archives that wait to be approved. */
  readonly staged: StagedArchives;
}

interface VerifyingStores extends Stores {
  /** `files` behind what reads an archive before it is given out for the first time. */
  readonly archives: VerifyingStore;
  /** The same of `assetFiles`. */
  readonly assetStore: VerifyingStore;
  /** How much of the disk each source's bodies may take while they come. */
  readonly shares: DiskShares;
  /** How much of the disk what is fetched leaves free. */
  readonly reserve: CacheReserve;
}

/** What looks after the data beside the work. */
interface UpkeepParts {
  readonly findAbandoned: () => ReturnType<typeof findAbandonedFiles>;
  readonly scrub: Scrub;
  /** Works, and beside that removes what others left behind. */
  readonly whileTidying: ReturnType<typeof createTidying>;
}

/** What a registry is made of, each part knowing the others it needs. */
export interface RegistryParts extends Ground, VerifyingStores, UpkeepParts {
  /** Lines of the served index, by module and version. */
  readonly served: ServedIndex;
  /** Where modules come from, as of the state that is real now. */
  readonly resolver: CurrentResolver;
  readonly past: PastStates;
  readonly connections: ReturnType<typeof createConnections>;
  /** All sources by name, as the settings are now. */
  readonly sources: () => ConnectedSources['sources'];
  /** Loads `registry.toml` where it was edited; whether it was. */
  readonly reload: () => Promise<boolean>;
  readonly delivery: ArchiveDelivery;
  readonly assets: ReturnType<typeof createAssetDelivery>;
  readonly symbols: ReturnType<typeof createSymbols>;
  /** What work on the whole registry needs, as the settings are now. */
  readonly context: () => SyncContext;
  /** Ends what is on its way, then gives back what is open. */
  readonly close: () => Promise<void>;
}

/** The one place where implementations are chosen and put together. Contacts no source. */
export async function openParts(options: OpenOptions): Promise<RegistryParts> {
  const ground = await openGround(options);
  const { configuration, settings, layout, index, scratch, audit, log, now, clock, disk, mode } = ground;
  const stores = openVerifyingStores(ground, ({ checksum, damage }) => {
    delivery.expectRepair(checksum);
    void audit.record([{ event: 'archive-quarantined', checksum, reason: `it ${damage}` }]);
  });
  const { archives, shares, reserve } = stores;
  const served = createServedIndex(index);
  const resolver = createCurrentResolver({ index, archives, now }, settings);
  const connections = createConnections({ layout, scratch }, index, options.connections, options.env, log);
  const sources = () => connections.of(settings());
  const { reload, currentConfig } = createReloading({
    ...{ configuration, audit, log, leavesItToFirst: options.leavesItToFirst ?? false },
    isToldElsewhere: mode === 'serve',
  });
  const slow = new Set<string>();
  const delivery = createArchiveDelivery({
    ...{ archives, audit, index, log, settings, sources, disk, reserve },
    find: served.find,
    resolver: resolver.getInTurns,
    clock: options.connections?.clock,
    lockFolder: options.isOneOfSeveral ? layout.locks : undefined,
  });
  const assets = createAssetDelivery({
    cache: createAssetCache(openAssetPins(layout.assets), stores.assetStore, reserve),
    log,
    isListed: async (module, version) => (await served.find(module, version)) !== undefined,
    async originOf(module) {
      const source = sources().get((await resolver.originOf(module)) ?? '');
      return source?.config.enabled && settings().server.upstreamFallback ? source : undefined;
    },
  });
  return {
    ...{ ...ground, ...stores, served, resolver, connections, sources, reload, delivery },
    past: createPastStates({ index, now }),
    assets,
    symbols: createSymbols({ directory: layout.symbols, shares, log }),
    context: () => ({
      ...{ config: settings(), currentConfig, index, archives, sources: sources() },
      ...{ audit, log, now, clock, slow },
    }),
    ...createUpkeepParts(ground, { ...stores, currentConfig, served, delivery }),
    async close() {
      await connections.close();
      await delivery.settle();
      assets.settle();
      await audit.flush();
      index.close();
      await scratch?.remove();
    },
  };
}

export function openStores(
  layout: Pick<DataLayout, 'packages' | 'assets' | 'staged'>,
  bounds: { readonly shares?: DiskShares; readonly reserve?: CacheReserve } = {},
): Stores {
  const files = openFileArchiveStore(layout.packages, bounds);
  const assetFiles = openFileArchiveStore(layout.assets, { ...bounds, suffix: '.wasm' });
  return { files, assetFiles, staged: openStagedArchives(layout.staged, files) };
}

/** The same behind what reads them before it gives them out. */
function openVerifyingStores(
  { layout, dataDir, settings, mode, log }: Ground,
  onDamagedArchive: (damaged: DamagedArchive) => void,
): VerifyingStores {
  const shares = createDiskShares(async () => (await readDiskSpace(dataDir)).freeBytes);
  const reserve = createCacheReserve(dataDir, () => settings().registry.cacheReserveBytes);
  const { files, assetFiles, staged } = openStores(layout, { shares, reserve });
  const leavesDamaged = mode === 'read';
  const tellOf =
    (what: string) =>
    ({ checksum, damage, movedTo }: DamagedArchive) =>
      log.error(`a stored ${what} was damaged: it ${damage}`, { checksum, movedTo });
  const archives = createVerifyingStore(files, {
    leavesDamaged,
    onDamage(damaged) {
      tellOf('archive')(damaged);
      onDamagedArchive(damaged);
    },
  });
  const assetStore = createVerifyingStore(assetFiles, { leavesDamaged, onDamage: tellOf('asset') });
  return { files, assetFiles, staged, archives, assetStore, shares, reserve };
}

type Needed = Pick<RegistryParts, 'files' | 'assetFiles' | 'staged' | 'archives' | 'served' | 'delivery'> &
  Pick<SyncContext, 'currentConfig'>;

function createUpkeepParts(ground: Ground, needed: Needed): UpkeepParts {
  const { files, assetFiles, staged, archives, currentConfig, served, delivery } = needed;
  const { directory, dataDir, layout, index, log, mode, isTold, settings } = ground;
  const findAbandoned = () => findAbandonedFiles(directory, dataDir, layout, [files, assetFiles, staged]);
  return {
    findAbandoned,
    scrub: createScrub({
      ...{ archives, log },
      repair: (checksum, signal) => repairListed(checksum, served, delivery, signal),
    }),
    whileTidying: createTidying({
      ...{ locks: layout.locks, index, log, findAbandoned, isTold },
      isReading: mode === 'read',
      async removeLeftovers() {
        const { sources } = await currentConfig();
        const observations = observationsFile(settings());
        await removeLeftovers({ ...layout, observations }, new Set(sources.map(({ name }) => name)));
      },
    }),
  };
}
