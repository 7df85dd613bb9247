import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { ConfigError, UsageError } from '../../errors.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ManifestField } from '../../model/manifest-syntax.ts';
import { readManifestFields } from '../../model/project-manifest.ts';
import { shortJson } from '../../model/short-json.ts';
import { locateManifest } from '../mirror/project-requirements.ts';
import type { ArchiveRules } from './archive-rules.ts';
import { findModuleFiles, type ManifestLists, type ModuleFile } from './module-files.ts';
import { writeZip, type ZipFile } from './write-zip.ts';

export interface PackedModule {
  readonly bytes: Buffer;
  readonly checksum: Checksum;
  /** In the order of the archive. */
  readonly files: readonly Pick<ModuleFile, 'path' | 'sizeBytes' | 'isLink'>[];
  /** What whoever packs it should know, each a sentence without its full stop. */
  readonly remarks: readonly string[];
}

/**
 * Packs a module as the client does, without the client. The same files give the same bytes: on any day, in any time zone,
 * whatever their times and owners, and of their permissions only whether the owner may run them counts. Throws
 * `NotFoundError` where there is no module, and `UsageError` for what no archive can hold or may hold by `rules`.
 */
export async function packModule(
  path: string,
  rules: Pick<ArchiveRules, 'maxUnpackedBytes' | 'maxEntries'>,
): Promise<PackedModule> {
  const manifestPath = await locateManifest(path);
  const folder = dirname(resolve(manifestPath));
  const lists = await readLists(manifestPath);
  const { files, refused } = await findModuleFiles(folder, lists);
  if (refused.length > 0)
    throw new UsageError(`cannot pack ${path}: ${refused.join('; ')}`, {
      hint: 'put the files themselves there, or leave them out by lines in .moonignore',
    });
  if (!files.some((file) => file.path === basename(manifestPath)))
    throw new UsageError(`cannot pack ${path}: an ignore file leaves out ${basename(manifestPath)}`, {
      hint: `add the line "!/${basename(manifestPath)}" to .moonignore or .gitignore`,
    });
  checkSize(path, files, rules);
  const bytes = writeZip(await readAll(files));
  const checksum = createHash('sha256').update(bytes).digest('hex') as Checksum;
  const packed = files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes, isLink: file.isLink }));
  return { bytes, checksum, files: packed, remarks: remarksOn(files, lists) };
}

async function readLists(manifestPath: string): Promise<ManifestLists> {
  try {
    const { fields } = readManifestFields(manifestPath, await readFile(manifestPath, 'utf8'));
    return { include: textsOf(fields, 'include'), exclude: textsOf(fields, 'exclude') };
  } catch (error) {
    // Reported as a `ConfigError`, its place would be taken for one in registry.toml.
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Values of another form are reported when the archive is checked. */
function textsOf(fields: readonly ManifestField[], key: string): string[] {
  const value = fields.find((field) => field.key === key)?.value;
  return value?.kind === 'array'
    ? value.items.flatMap((item) => (item.kind === 'string' ? [item.text] : []))
    : [];
}

function checkSize(
  path: string,
  files: readonly ModuleFile[],
  { maxUnpackedBytes, maxEntries }: Pick<ArchiveRules, 'maxUnpackedBytes' | 'maxEntries'>,
): void {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const hint = 'leave out by lines in .moonignore what nobody needs who installs it';
  if (files.length > maxEntries)
    throw new UsageError(
      `cannot pack ${path}: it has ${files.length} files, and ${maxEntries} may be published`,
      { hint },
    );
  if (total <= maxUnpackedBytes) return;
  const largest = [...files].sort((left, right) => right.sizeBytes - left.sizeBytes).slice(0, 3);
  const shown = largest.map((file) => `${shortJson(file.path)} has ${file.sizeBytes} bytes`).join(', ');
  throw new UsageError(
    `cannot pack ${path}: its files have ${total} bytes together, and ${maxUnpackedBytes} may be published`,
    { hint: `${hint}: ${shown}` },
  );
}

async function readAll(files: readonly ModuleFile[]): Promise<ZipFile[]> {
  const read: ZipFile[] = [];
  for (const { path, location, isExecutable } of files)
    read.push({ path, isExecutable, content: await readFile(location) });
  return read;
}

function remarksOn(files: readonly ModuleFile[], lists: ManifestLists): string[] {
  const links = files
    .filter(({ isLink }) => isLink)
    .map(({ path }) => `${shortJson(path)} is a symbolic link: the file it leads to is packed in its place`);
  const keys = (['include', 'exclude'] as const).filter((key) => lists[key].length > 0);
  return [
    ...links,
    ...keys.map(
      (key) => `${shortJson(key)} of the manifest is read, but new clients go by .moonignore alone`,
    ),
  ];
}
