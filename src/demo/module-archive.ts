import { createCipheriv, createHash } from 'node:crypto';
import { strToU8, type ZipOptions, zipSync } from 'fflate';

export interface ModuleArchiveContent {
  readonly module: string;
  readonly version: string;
  /** Dependencies as the manifest states them: module name → requirement. */
  readonly deps?: Readonly<Record<string, unknown>> | undefined;
  /** Further files by path; one named like a generated file replaces it. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** About how large the archive becomes; it is never cut below what its files need. */
  readonly sizeBytes?: number | undefined;
}

const paddingPath = 'assets/padding.bin';
// Local header, central header and end record of a zip file (APPNOTE 4.3).
const entryOverheadBytes = 30 + 46;
const endRecordBytes = 22;

/**
 * The archive of one version as clients expect it: stored or deflated entries and `moon.mod.json` at the root
 * (moon-protocol §3). The same content gives the same bytes, in every time zone and on every platform.
 */
export function createModuleArchive(content: ModuleArchiveContent): Buffer {
  const files = new Map<string, Uint8Array>([
    ['moon.mod.json', strToU8(`${JSON.stringify(createManifest(content), undefined, 2)}\n`)],
    ['src/lib.mbt', strToU8(createLibrary(content))],
    ['src/moon.pkg.json', strToU8('{}\n')],
  ]);
  for (const [path, text] of Object.entries(content.files ?? {}))
    files.set(path, typeof text === 'string' ? strToU8(text) : text);
  const missingBytes = (content.sizeBytes ?? 0) - estimateBytes(files) - entryBytes(paddingPath);
  if (missingBytes > 0) files.set(paddingPath, createPadding(content, missingBytes));
  const paths = [...files.keys()].sort();
  const zip = zipSync(
    Object.fromEntries(paths.map((path) => [path, [files.get(path) ?? new Uint8Array(), zipOptions(path)]])),
  );
  return Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength);
}

function zipOptions(path: string): ZipOptions {
  return {
    // Zip files hold local times: a date made of local parts is the same bytes everywhere.
    mtime: new Date(1980, 0, 1),
    os: 3,
    attrs: 0o100644 << 16,
    level: path === paddingPath ? 0 : 6,
  };
}

function createManifest({ module, version, deps }: ModuleArchiveContent): Record<string, unknown> {
  return { name: module, version, ...(deps ? { deps } : {}), source: 'src' };
}

function createLibrary({ module, version }: ModuleArchiveContent): string {
  return `///|\npub fn identity() -> String {\n  ${JSON.stringify(`${module}@${version}`)}\n}\n`;
}

function estimateBytes(files: ReadonlyMap<string, Uint8Array>): number {
  let total = endRecordBytes;
  for (const [path, bytes] of files) total += entryBytes(path) + bytes.length;
  return total;
}

function entryBytes(path: string): number {
  return entryOverheadBytes + 2 * Buffer.byteLength(path);
}

/** Bytes that no compression makes smaller: a key stream. */
function createPadding({ module, version }: ModuleArchiveContent, length: number): Buffer {
  const key = createHash('sha256').update(`${module}@${version}`).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
