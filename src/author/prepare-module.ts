import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { type ArchiveRules, defaultArchiveRules } from '../registry/hosting/archive-rules.ts';
import { bytesInMemory } from '../registry/hosting/byte-source.ts';
import { checkArchive } from '../registry/hosting/check-archive.ts';
import { packModule } from '../registry/hosting/pack-module.ts';
import type { PublishProblem } from '../registry/hosting/publish-problem.ts';
import { readWorkspace } from '../registry/hosting/workspace.ts';
import { errorCode } from '../support/error-code.ts';

/** A module ready to be sent, or refused already. */
export interface PreparedModule {
  /** The folder or file it was made of. */
  readonly path: string;
  /** What it says it is; `undefined` where it is refused. */
  readonly id: { readonly module: ModuleName; readonly version: Version } | undefined;
  readonly bytes: Buffer;
  readonly checksum: Checksum;
  /** What goes in; of an archive that is refused, nothing that anybody could tell. */
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** Errors, where it is refused, before remarks. */
  readonly problems: readonly PublishProblem[];
  /** About the packing, each a sentence without its full stop. */
  readonly remarks: readonly string[];
}

/** How large an archive may be is the registry's to say; this is what a machine can hold. */
const authorRules: ArchiveRules = {
  ...defaultArchiveRules,
  maxArchiveBytes: 512 * 1024 * 1024,
  maxUnpackedBytes: 1024 * 1024 * 1024,
};

/** Packs a folder with a module in it, or takes a zip file, and judges it as a registry does. */
export async function prepareModule(path: string): Promise<PreparedModule> {
  const packed = (await isZipFile(path)) ? await readZip(path) : await packModule(path, authorRules);
  const check = await checkArchive(bytesInMemory(packed.bytes), authorRules);
  const { bytes, checksum, files, remarks } = packed;
  const shared = { path, bytes, checksum, remarks, problems: check.problems };
  if (check.kind === 'refused') return { ...shared, id: undefined, files };
  const { name, version } = check.archive.manifest;
  return { ...shared, id: { module: name, version }, files: check.archive.files };
}

/** The members of a workspace, no two of which are one module. */
export async function prepareWorkspace(folder: string): Promise<PreparedModule[]> {
  const { members } = await readWorkspace(folder);
  if (members.length === 0)
    throw new UsageError(`the workspace at ${folder} has no members`, {
      hint: 'name them in moon.work: members = ["app", "lib"]',
    });
  const prepared: PreparedModule[] = [];
  for (const member of members) prepared.push(await prepareModule(member));
  for (const [position, { id, path }] of prepared.entries()) {
    const other = prepared.slice(0, position).find((earlier) => earlier.id?.module === id?.module);
    if (id && other)
      throw new UsageError(`${other.path} and ${path} are both the module ${id.module}`, {
        hint: 'take one of them out of moon.work',
      });
  }
  return prepared;
}

/** A file that is no manifest, which stands for its folder. */
async function isZipFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  return found?.isFile() === true && !/^moon\.mod(\.json)?$/.test(basename(path));
}

async function readZip(
  path: string,
): Promise<Pick<PreparedModule, 'bytes' | 'checksum' | 'files' | 'remarks'>> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > authorRules.maxArchiveBytes)
      throw new UsageError(
        `${path} has ${size} bytes, and no more than ${authorRules.maxArchiveBytes} can be published`,
        { hint: 'leave out what nobody needs who installs it' },
      );
    const bytes = await file.readFile();
    const checksum = createHash('sha256').update(bytes).digest('hex') as Checksum;
    return { bytes, checksum, files: [], remarks: [] };
  } finally {
    await file.close();
  }
}
