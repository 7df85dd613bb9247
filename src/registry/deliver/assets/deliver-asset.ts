import { UnavailableError } from '../../../errors.ts';
import type { Checksum } from '../../../model/checksum.ts';
import { absent, detailOf, found, type Lookup, unavailable } from '../../../model/lookup.ts';
import type { ModuleName } from '../../../model/module-name.ts';
import type { Version } from '../../../model/version.ts';
import type { Source } from '../../../sources/source.ts';
import { createSingleFlight } from '../../../support/flow/single-flight.ts';
import type { Log } from '../../../support/log.ts';
import type { ServedFile } from '../served-bytes.ts';
import type { Asset, AssetCache } from './asset-cache.ts';
import { parseAssetPath } from './asset-path.ts';

export interface AssetDeliveryContext {
  readonly cache: AssetCache;
  readonly log: Log;
  readonly isListed: (module: ModuleName, version: Version) => Promise<boolean>;
  /** The source a module comes from, if it may be asked. */
  readonly originOf: (module: ModuleName) => Promise<Source | undefined>;
}

/** Prebuilt wasm for clients: kept, or else fetched from the module's origin alone, once however many ask. */
export function createAssetDelivery({ cache, log, isListed, originOf }: AssetDeliveryContext): {
  readonly open: (assetPath: string) => Promise<Lookup<ServedFile>>;
  /** Lets go of what is not kept. */
  readonly settle: () => void;
} {
  const asking = createSingleFlight<string, Lookup<Checksum>>();
  const fetching = createSingleFlight<string, Lookup<Asset>>();

  /** Of the module's origin; "not here" and "not asked" say nothing about whether there is one. */
  async function fromOrigin<T>(
    module: ModuleName,
    wasmPath: string,
    ask: (source: Source) => Promise<Lookup<T>>,
  ): Promise<Lookup<T>> {
    const source = await originOf(module);
    if (!source)
      return unavailable({ reason: 'disabled', detail: 'it is not here, and its origin may not be asked' });
    const outcome = await ask(source);
    if (outcome.kind === 'unavailable')
      log.warn('an asset could not be fetched', {
        asset: wasmPath,
        detail: detailOf(outcome),
        ...(outcome.cause.reason === 'wrong-bytes' ? { pin: cache.locatePin(wasmPath) } : {}),
      });
    return outcome;
  }

  async function checksumOf(module: ModuleName, wasmPath: string): Promise<Lookup<Checksum>> {
    const known = await cache.checksum(wasmPath);
    return known
      ? found(known)
      : fromOrigin(module, wasmPath, (source) => cache.learnChecksum(wasmPath, source));
  }

  async function find(module: ModuleName, wasmPath: string): Promise<Lookup<Asset>> {
    const here = await cache.find(wasmPath);
    return here ? found(here) : fromOrigin(module, wasmPath, (source) => cache.fetch(wasmPath, source));
  }

  function serveAsset({ checksum, sizeBytes }: Asset): ServedFile {
    return {
      etag: checksum,
      sizeBytes,
      content: async (range) => {
        const stream = await cache.open(checksum, range);
        if (stream) return stream;
        throw new UnavailableError('the file has been lost since it was looked up: ask again');
      },
    };
  }

  return {
    settle: () => cache.settle(),
    async open(assetPath) {
      const parsed = parseAssetPath(assetPath);
      if (!parsed) return absent(`${assetPath} is not the path of a wasm asset`);
      const { module, version, wasmPath, isChecksum } = parsed;
      if (!(await isListed(module, version))) return absent(`${module}@${version} is not in the index`);
      if (!isChecksum) {
        const asset = await fetching.run(wasmPath, () => find(module, wasmPath));
        return asset.kind === 'found' ? found(serveAsset(asset.value)) : asset;
      }
      const checksum = await asking.run(wasmPath, () => checksumOf(module, wasmPath));
      if (checksum.kind !== 'found') return checksum;
      const fileName = wasmPath.slice(wasmPath.lastIndexOf('/') + 1);
      const bytes = Buffer.from(`${checksum.value}  ${fileName}\n`);
      return found({ etag: `${checksum.value}-sha256`, sizeBytes: bytes.length, content: bytes });
    },
  };
}
