import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ArchiveStore, ByteRange } from '../../../archives/archive-store.ts';
import type { CacheReserve } from '../../../archives/cache-reserve.ts';
import { createPassingArchives } from '../../../archives/passing-archives.ts';
import { ExcessError, IntegrityError } from '../../../errors.ts';
import { type Checksum, isChecksum } from '../../../model/checksum.ts';
import { found, type Lookup, type SourceFailure, unavailable } from '../../../model/lookup.ts';
import type { Source } from '../../../sources/source.ts';
import { ifExists, onDisk } from '../../../support/disk/disk-errors.ts';
import { transportFailure } from '../../../support/net/http-failure.ts';
import { readBody } from '../read-body.ts';
import { boundsOf } from '../storing-bounds.ts';
import type { AssetPins } from './asset-pins.ts';

/** A verified wasm asset that is here. */
export interface Asset {
  readonly checksum: Checksum;
  readonly sizeBytes: number;
}

/** Prebuilt wasm: pins by path, bytes by checksum. Nothing is ever held in memory. */
export interface AssetCache {
  /** What the path means, from the pin. Asks nobody, and reads no asset. */
  checksum(wasmPath: string): Promise<Checksum | undefined>;
  /** Asks the source what the path means, and pins that: it is about to be told. */
  learnChecksum(wasmPath: string, source: Source): Promise<Lookup<Checksum>>;
  find(wasmPath: string): Promise<Asset | undefined>;
  /** Fetches what the path is pinned to, or else what the source says, which is pinned once its bytes are here. */
  fetch(wasmPath: string, source: Source): Promise<Lookup<Asset>>;
  /** The file that says what the path means, for people: without it, the source is asked anew. */
  locatePin(wasmPath: string): string;
  /** `undefined` if it is not here (any more). */
  open(checksum: Checksum, range?: ByteRange): Promise<Readable | undefined>;
  /** Lets go of what is not kept. */
  settle(): void;
}

const maxChecksumFileBytes = 4096;

/** `reserve`: without it, all of the disk is for assets. */
export function createAssetCache(pins: AssetPins, store: ArchiveStore, reserve?: CacheReserve): AssetCache {
  const passing = createPassingArchives(undefined, '.wasm');

  /** Where the disk's room is for other things, what is fetched passes through. */
  async function keepOrPass(
    ...[checksum, body, options]: Parameters<ArchiveStore['store']>
  ): Promise<number> {
    // Nobody may be reading when it fails.
    body.on('error', () => {});
    if ((await reserve?.isRoomFor(options?.announcedBytes ?? 0)) !== false)
      return store.store(checksum, body, options);
    return (await passing.receive(checksum, body, options)).sizeBytes;
  }

  async function sizeOf(wasmPath: string, checksum: Checksum): Promise<number | undefined> {
    return (await store.size(checksum)) ?? takeOver(pins.locateOldBytes(wasmPath), checksum);
  }

  /** What an older version kept elsewhere; damaged bytes are fetched anew. */
  async function takeOver(file: string, checksum: Checksum): Promise<number | undefined> {
    const old = await onDisk(`open ${file}`, () => ifExists(open(file, 'r')));
    if (!old) return undefined;
    const taken = store.store(checksum, old.createReadStream(), { isAbsent: true });
    const sizeBytes = await taken.catch((error: unknown) => {
      if (error instanceof IntegrityError) return undefined;
      throw error;
    });
    await onDisk(`remove ${file}`, () => rm(file, { force: true }));
    return sizeBytes;
  }

  return {
    checksum: pins.find,

    async learnChecksum(wasmPath, source) {
      const stated = await readStatedChecksum(wasmPath, source);
      return stated.kind === 'found' ? found(await pins.pin(wasmPath, stated.value)) : stated;
    },

    async find(wasmPath) {
      const checksum = await pins.find(wasmPath);
      if (checksum === undefined) return undefined;
      const sizeBytes = passing.find(checksum)?.sizeBytes ?? (await sizeOf(wasmPath, checksum));
      return sizeBytes === undefined ? undefined : { checksum, sizeBytes };
    },

    async fetch(wasmPath, source) {
      const pin = await pins.find(wasmPath);
      const stated = pin ? found(pin) : await readStatedChecksum(wasmPath, source);
      if (stated.kind !== 'found') return stated;
      const checksum = stated.value;
      const stored = await storeAsset(wasmPath, checksum, source, keepOrPass);
      if (stored.kind !== 'found') return stored;
      if ((await pins.pin(wasmPath, checksum)) !== checksum) return unavailable(otherBytes(wasmPath, source));
      return found({ checksum, sizeBytes: stored.value });
    },

    locatePin: pins.locate,
    open: async (checksum, range) =>
      passing.find(checksum)?.open(range) ?? (await store.open(checksum, range)),
    settle: () => passing.close(),
  };
}

/** The first word of the `.sha256` file, in either letter case (client.rs, moon-protocol §5). */
async function readStatedChecksum(wasmPath: string, source: Source): Promise<Lookup<Checksum>> {
  const body = await readBody(await source.openAsset(`${wasmPath}.sha256`), maxChecksumFileBytes);
  if (body.kind !== 'found') return body;
  const word = body.value.toString('latin1').trim().split(/\s+/, 1)[0]?.toLowerCase();
  if (isChecksum(word)) return found(word);
  return unavailable({
    reason: 'bad-answer',
    detail: `source "${source.config.name}" has no SHA-256 in ${wasmPath}.sha256`,
  });
}

async function storeAsset(
  wasmPath: string,
  checksum: Checksum,
  source: Source,
  store: ArchiveStore['store'],
): Promise<Lookup<number>> {
  const opened = await source.openAsset(wasmPath);
  if (opened.kind !== 'found') return opened;
  const { config } = source;
  const bounds = boundsOf(config, config.limits.assetBytes, opened.value);
  try {
    return found(await store(checksum, opened.value.body, { ...bounds, isAbsent: true }));
  } catch (error) {
    if (error instanceof ExcessError) {
      const detail = `${opened.value.url}: ${error.message} (limits.asset and limits.disk_share of the source)`;
      return unavailable({ reason: 'bad-answer', detail });
    }
    if (error instanceof IntegrityError) return unavailable(otherBytes(wasmPath, source));
    const broken = transportFailure(error);
    if (!broken) throw error;
    return unavailable({ ...broken, detail: `${opened.value.url}: ${broken.detail}` });
  }
}

function otherBytes(wasmPath: string, { config }: Source): SourceFailure {
  const detail = `source "${config.name}" sent bytes for ${wasmPath} that are not what its .sha256 says`;
  return { reason: 'wrong-bytes', detail };
}
