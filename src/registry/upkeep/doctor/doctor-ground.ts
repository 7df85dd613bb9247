import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tryChmod, tryLink, trySyncDirectory } from '../../../support/disk/file-system-gaps.ts';
import { errorCode } from '../../../support/error-code.ts';
import { failure, ok, type Verdict, warning } from './probe.ts';

/** What the file system of the data folder should be able to do; an attempt gives the code with which it refuses. */
const abilities = [
  {
    what: 'hard links',
    without: 'locks are made in another way, which is as safe',
    attempt: (folder: string, file: string) => tryLink(file, join(folder, 'second')),
  },
  {
    what: 'fsync of folders',
    without: 'a power cut may lose the last change',
    attempt: (folder: string) => trySyncDirectory(folder),
  },
  {
    what: 'permissions',
    without: 'the mount decides who may read what, backups and the audit file too',
    attempt: (_: string, file: string) => tryChmod(file, 0o640),
  },
];

/** Tries, in a folder of its own that is gone afterwards. Nothing where nothing can be written: another check tells. */
export async function checkGround(dataDir: string): Promise<Verdict[]> {
  const folder = await mkdtemp(join(dataDir, '.doctor-')).catch(() => undefined);
  if (folder === undefined) return [];
  const file = join(folder, 'first');
  try {
    await writeFile(file, 'probe', { mode: 0o600 });
    const lacks: string[] = [];
    for (const { what, without, attempt } of abilities) {
      const code = await codeOf(() => attempt(folder, file));
      if (code !== undefined) lacks.push(`${what} (${code}): ${without}`);
    }
    const renaming = await codeOf(() => rename(file, join(folder, 'third')).then(() => undefined));
    return [judgeGround(dataDir, lacks, renaming)];
  } catch {
    return [];
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

function judgeGround(dataDir: string, lacks: readonly string[], renaming: string | undefined): Verdict {
  if (renaming !== undefined)
    return failure(
      `files in ${dataDir} cannot be renamed (${renaming}), so nothing can be written there safely`,
      'keep the data folder on another file system: moonbit-registry config registry.data_dir FOLDER',
    );
  if (lacks.length === 0) return ok('renames, links, permissions and fsync of folders work');
  const detail = `that of ${dataDir} has no ${lacks.join('; no ')}`;
  return warning(detail, 'a local disk (ext4, xfs, btrfs) has them all');
}
