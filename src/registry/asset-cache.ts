import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { found, type Lookup, unavailable } from '../model/lookup.ts';
import type { Source } from '../sources/source.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ifExists, onDisk } from '../support/disk-errors.ts';
import { readBody } from './read-body.ts';

/** A verified wasm asset. It is pinned by being kept: what was served once is served for ever (rule 3). */
export interface Asset {
  readonly checksum: Checksum;
  readonly bytes: Buffer;
}

const maxAssetBytes = 256 * 1024 * 1024;
const maxChecksumFileBytes = 4096;

/**
 * Prebuilt wasm assets by path, as files named by the path's own hash: `<2 hex>/<hash>.wasm` with its checksum in
 * `<hash>.sha256`. The wasm is written first, so that a checksum is never there without it.
 */
export function createAssetCache(directory: string) {
  function locate(wasmPath: string): string {
    const key = createHash('sha256').update(wasmPath).digest('hex');
    return join(directory, key.slice(0, 2), key);
  }

  return {
    async read(wasmPath: string): Promise<Asset | undefined> {
      const place = locate(wasmPath);
      const checksum = await readKeptChecksum(place);
      const bytes = checksum === undefined ? undefined : await readIfThere(`${place}.wasm`);
      // A file that has gone bad on our disk is fetched again, against the checksum it had.
      return checksum && bytes && sha256(bytes) === checksum ? { checksum, bytes } : undefined;
    },

    /** Fetches the checksum, then the asset, and keeps both if they agree with each other and with what was kept before. */
    async fetch(wasmPath: string, source: Source): Promise<Lookup<Asset>> {
      const stated = await readStatedChecksum(wasmPath, source);
      if (stated.kind !== 'found') return stated;
      const place = locate(wasmPath);
      const kept = await readKeptChecksum(place);
      const checksum = stated.value;
      const wrong = (detail: string) => unavailable<Asset>({ reason: 'wrong-bytes', detail });
      if (kept !== undefined && kept !== checksum)
        return wrong(
          `source "${source.config.name}" states another checksum for ${wasmPath} than was served before`,
        );
      const bytes = await readBody(await source.openAsset(wasmPath), maxAssetBytes);
      if (bytes.kind !== 'found') return bytes;
      if (sha256(bytes.value) !== checksum)
        return wrong(
          `source "${source.config.name}" sent bytes for ${wasmPath} that are not what its .sha256 says`,
        );
      await onDisk(`write ${place}`, () => mkdir(dirname(place), { recursive: true }));
      await writeFileAtomic(`${place}.wasm`, bytes.value);
      await writeFileAtomic(`${place}.sha256`, `${checksum}\n`);
      return found({ checksum, bytes: bytes.value });
    },
  };
}

/** A file that has gone bad on our disk holds none: nothing speaks against fetching both again. */
async function readKeptChecksum(place: string): Promise<Checksum | undefined> {
  const text = (await readIfThere(`${place}.sha256`))?.toString('latin1').trim();
  return isChecksum(text) ? text : undefined;
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

async function readIfThere(file: string): Promise<Buffer | undefined> {
  return onDisk(`read ${file}`, () => ifExists(readFile(file)));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
