import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Checksum, isChecksum } from '../../../model/checksum.ts';
import { writeFileAtomic, writeFileOnce } from '../../../support/disk/atomic-file.ts';
import { ifExists, onDisk } from '../../../support/disk/disk-errors.ts';
import { makeFolder } from '../../../support/disk/make-folder.ts';

/**
 * Which bytes a path means: `<2 hex>/<hash of the path>.sha256` holds the checksum that clients were told, or that the
 * bytes they got have. It stays (rule 3), whatever the source says later.
 */
export interface AssetPins {
  find(wasmPath: string): Promise<Checksum | undefined>;
  /** Durable when it resolves, to what is pinned now: another process may have been quicker, with another. */
  pin(wasmPath: string, checksum: Checksum): Promise<Checksum>;
  /** Where people find the pin. */
  locate(wasmPath: string): string;
  /** Where up to version 0.1 the bytes lay: beside the pin, under the hash of the path. */
  locateOldBytes(wasmPath: string): string;
}

const pinSuffix = '.sha256';

export function openAssetPins(directory: string): AssetPins {
  function place(wasmPath: string): string {
    const key = createHash('sha256').update(wasmPath).digest('hex');
    return join(directory, key.slice(0, 2), key);
  }
  const locate = (wasmPath: string) => `${place(wasmPath)}${pinSuffix}`;
  const find = async (wasmPath: string) => readPin(locate(wasmPath));

  return {
    locate,
    find,
    async pin(wasmPath, checksum) {
      const file = locate(wasmPath);
      await makeFolder(dirname(file));
      if (await writeFileOnce(file, `${checksum}\n`)) return checksum;
      const before = await readPin(file);
      if (before !== undefined) return before;
      // A pin that has gone bad on our disk says nothing, and nothing speaks against the new one.
      await writeFileAtomic(file, `${checksum}\n`);
      return checksum;
    },
    locateOldBytes: (wasmPath) => `${place(wasmPath)}.wasm`,
  };
}

/** Every pin, by the hash of its path. */
export async function* listAssetPins(
  directory: string,
): AsyncGenerator<{ readonly key: Checksum; readonly checksum: Checksum }, void, undefined> {
  const folders = (await onDisk(`read ${directory}`, () => ifExists(readdir(directory)))) ?? [];
  for (const folder of folders.filter((name) => /^[0-9a-f]{2}$/.test(name)).sort()) {
    const place = join(directory, folder);
    const names = (await onDisk(`read ${place}`, () => ifExists(readdir(place)))) ?? [];
    for (const name of names.filter((each) => each.startsWith(folder)).sort()) {
      const key = name.slice(0, -pinSuffix.length);
      const checksum = name.endsWith(pinSuffix) ? await readPin(join(place, name)) : undefined;
      if (isChecksum(key) && checksum !== undefined) yield { key, checksum };
    }
  }
}

/** Writes a pin as `listAssetPins` has told it. */
export async function writeAssetPin(directory: string, key: Checksum, checksum: Checksum): Promise<void> {
  const file = join(directory, key.slice(0, 2), `${key}${pinSuffix}`);
  await makeFolder(dirname(file));
  await writeFileAtomic(file, `${checksum}\n`);
}

async function readPin(file: string): Promise<Checksum | undefined> {
  const text = (await onDisk(`read ${file}`, () => ifExists(readFile(file, 'latin1'))))?.trim();
  return isChecksum(text) ? text : undefined;
}
