import { absent, found, type Lookup } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { Source } from '../sources/source.ts';
import { createSingleFlight } from '../support/single-flight.ts';
import type { Asset, createAssetCache } from './asset-cache.ts';
import { parseAssetPath } from './asset-path.ts';
import type { Registry } from './registry.ts';

export interface AssetDeliveryContext {
  readonly cache: ReturnType<typeof createAssetCache>;
  readonly isListed: (module: ModuleName, version: Version) => Promise<boolean>;
  /** The source a module comes from, if it may be asked. */
  readonly originOf: (module: ModuleName) => Promise<Source | undefined>;
}

/** Prebuilt wasm for clients: kept, or else fetched from the module's origin alone, once however many ask. */
export function createAssetDelivery({ cache, isListed, originOf }: AssetDeliveryContext): {
  readonly open: Registry['openAsset'];
} {
  const fetching = createSingleFlight<string, Lookup<Asset>>();

  async function find(module: ModuleName, wasmPath: string): Promise<Lookup<Asset>> {
    const kept = await cache.read(wasmPath);
    if (kept) return found(kept);
    const source = await originOf(module);
    return source
      ? cache.fetch(wasmPath, source)
      : absent('it is not cached, and its origin may not be asked');
  }

  return {
    async open(assetPath) {
      const parsed = parseAssetPath(assetPath);
      if (!parsed) return absent(`${assetPath} is not the path of a wasm asset`);
      const { module, version, wasmPath, isChecksum } = parsed;
      if (!(await isListed(module, version))) return absent(`${module}@${version} is not in the index`);
      const asset = await fetching.run(wasmPath, () => find(module, wasmPath));
      if (asset.kind !== 'found') return asset;
      const { checksum, bytes } = asset.value;
      const fileName = wasmPath.slice(wasmPath.lastIndexOf('/') + 1);
      return found({
        bytes: isChecksum ? Buffer.from(`${checksum}  ${fileName}\n`) : bytes,
        etag: isChecksum ? `${checksum}-sha256` : checksum,
      });
    },
  };
}
