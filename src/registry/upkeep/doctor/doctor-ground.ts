import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HealthCheck } from '../../../model/health-check.ts';
import { tryChmod, tryLink, trySyncDirectory } from '../../../support/disk/file-system-gaps.ts';
import { errorCode } from '../../../support/error-code.ts';

/** What the file system of the data folder can do: the code it refuses with, `undefined` for what it does. */
interface GroundAbilities {
  readonly rename: string | undefined;
  readonly link: string | undefined;
  readonly folderSync: string | undefined;
  readonly chmod: string | undefined;
}

/** Tries, in a folder of its own that is gone afterwards. Nothing where nothing can be written: another check tells. */
export async function checkGround(dataDir: string): Promise<HealthCheck[]> {
  const abilities = await probe(dataDir);
  return abilities === undefined ? [] : [judgeGround(dataDir, abilities)];
}

async function probe(dataDir: string): Promise<GroundAbilities | undefined> {
  const folder = await mkdtemp(join(dataDir, '.doctor-')).catch(() => undefined);
  if (folder === undefined) return undefined;
  const [first, second, third] = ['first', 'second', 'third'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    await writeFile(first, 'probe', { mode: 0o600 });
    const link = await codeOf(() => tryLink(first, second));
    const folderSync = await codeOf(() => trySyncDirectory(folder));
    const chmod = await codeOf(() => tryChmod(first, 0o640));
    const renaming = await codeOf(() => rename(first, third).then(() => undefined));
    return { rename: renaming, link, folderSync, chmod };
  } catch {
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function codeOf(operation: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await operation();
  } catch (error) {
    return errorCode(error) ?? 'an unexpected failure';
  }
}

function judgeGround(dataDir: string, abilities: GroundAbilities): HealthCheck {
  const name = 'file system';
  const { rename: renaming, link, folderSync, chmod } = abilities;
  if (renaming !== undefined)
    return {
      name,
      result: 'failure',
      detail: `files in ${dataDir} cannot be renamed (${renaming}), so nothing can be written there safely`,
      hint: 'keep the data folder on another file system: moonbit-registry config registry.data_dir FOLDER',
    };
  const lacks = [
    ...(link === undefined ? [] : [`hard links (${link}): locks are made in another way, which is as safe`]),
    ...(folderSync === undefined
      ? []
      : [`fsync of folders (${folderSync}): a power cut may lose the last change`]),
    ...(chmod === undefined
      ? []
      : [`permissions (${chmod}): the mount decides who may read what, backups and the audit file too`]),
  ];
  if (lacks.length === 0)
    return { name, result: 'ok', detail: 'renames, links, permissions and fsync of folders work' };
  return {
    name,
    result: 'warning',
    detail: `that of ${dataDir} has no ${lacks.join('; no ')}`,
    hint: 'a local disk (ext4, xfs, btrfs) has them all',
  };
}
