import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { zipSync } from 'fflate';
import { type Entry, fromBufferPromise, openPromise, type ZipFile } from 'yauzl';
import { isModuleName, type ModuleName } from '../../../model/module-name.ts';

/** One source's `symbols.zip`. */
export interface SymbolsPart {
  readonly source: string;
  /** Its bytes, or the file that holds them. */
  readonly zip: Buffer | string;
}

export interface SymbolsLimits {
  /** Of one source's entries together, unpacked. */
  readonly maxBytes?: number | undefined;
  readonly maxEntries?: number | undefined;
  /** Of what is merged together, unpacked: all of it is held in memory at once. */
  readonly maxMergedBytes?: number | undefined;
}

export interface MergedSymbols {
  /** Always a valid zip; the same bytes whatever the order of the parts. */
  readonly zip: Buffer;
  /** One sentence for each source whose `symbols.zip` was left out. */
  readonly findings: string[];
}

const suffix = '.symbols';
const mebibyte = 1024 * 1024;
// fflate writes local time, so this gives the same bytes in every time zone.
const entryOptions = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o100644 << 16 };

/**
 * Merges the sources' `symbols.zip` into one, whose entries are `<owner>/<rest>.symbols`: a module's entry is taken from a
 * source only where `mayCarry` says so, that is from the module's origin (rule 1). A zip that is damaged or hostile
 * is left out as a whole, and so is one that finds no room beside those before it.
 */
export async function mergeSymbols(
  parts: readonly SymbolsPart[],
  mayCarry: (source: string, module: ModuleName) => boolean,
  { maxBytes = 64 * mebibyte, maxEntries = 20_000, maxMergedBytes = 32 * mebibyte }: SymbolsLimits = {},
): Promise<MergedSymbols> {
  const merged = new Map<string, Buffer>();
  let room = maxMergedBytes;
  const findings: string[] = [];
  for (const { source, zip } of parts) {
    const isWanted = (module: ModuleName) => mayCarry(source, module);
    try {
      const entries = await readSymbols(zip, isWanted, { maxBytes, maxEntries, room });
      for (const [name, bytes] of entries) {
        if (merged.has(name)) continue;
        merged.set(name, bytes);
        room -= bytes.length;
      }
    } catch (error) {
      // Whatever is wrong with a zip, yauzl tells by throwing, without a code to go by.
      findings.push(`symbols.zip of source "${source}" is left out: ${describeFailure(error)}`);
    }
  }
  const names = [...merged.keys()].sort();
  const content = names.map((name) => [name, [merged.get(name) ?? Buffer.alloc(0), entryOptions] as const]);
  return { zip: Buffer.from(zipSync(Object.fromEntries(content))), findings };
}

async function readSymbols(
  bytes: Buffer | string,
  isWanted: (module: ModuleName) => boolean,
  limits: { readonly maxBytes: number; readonly maxEntries: number; readonly room: number },
): Promise<Map<string, Buffer>> {
  // yauzl itself refuses names that lead elsewhere, and bytes beyond the size an entry states.
  const options = { lazyEntries: true, strictFileNames: true, autoClose: false } as const;
  const zip = await (typeof bytes === 'string'
    ? openPromise(bytes, options)
    : fromBufferPromise(bytes, options));
  try {
    if (zip.entryCount > limits.maxEntries) throw new Error(`it has more than ${limits.maxEntries} entries`);
    const found = new Map<string, Buffer>();
    const names = new Set<string>();
    let sizeBytes = 0;
    let wantedBytes = 0;
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      sizeBytes += entry.uncompressedSize;
      if (sizeBytes > limits.maxBytes) throw new Error(`it unpacks to more than ${limits.maxBytes} bytes`);
      if (names.has(name)) throw new Error(`it has two entries ${JSON.stringify(name)}`);
      names.add(name);
      const module = moduleOf(name);
      if (module === undefined || !isWanted(module)) continue;
      wantedBytes += entry.uncompressedSize;
      if (wantedBytes > limits.room)
        throw new Error('what is wanted of it finds no room beside the symbols of other sources');
      found.set(name, await readEntry(zip, entry));
    }
    return found;
  } finally {
    zip.close();
  }
}

function moduleOf(name: string): ModuleName | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const module = name.slice(0, -suffix.length);
  return isModuleName(module) ? module : undefined;
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const bytes = await buffer(await zip.openReadStreamPromise(entry));
  if (crc32(bytes) !== entry.crc32) throw new Error(`the entry ${JSON.stringify(entry.fileName)} is damaged`);
  return bytes;
}

function describeFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : 'it cannot be read';
  return JSON.stringify(text.slice(0, 200)).slice(1, -1).replaceAll('\\"', '"');
}
