import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk, storageErrorOf } from '../support/disk-errors.ts';
import { findAbandoned, removeFiles, temporaryName } from '../support/temporary-file.ts';

/** What git may assume to be here already, so that only the difference travels. */
export interface Seed {
  readonly commit: string;
  /** Whether the commit's parents may be missing. */
  readonly isShallow: boolean;
}

const config = '[core]\n\trepositoryformatversion = 0\n\tbare = true\n';
// git run for the other side of a file:// address sees only this: the operator named that repository, whoever owns it.
const userConfig = '[safe]\n\tdirectory = *\n';

/**
 * Runs `use` with a bare git directory made for it alone, which is gone afterwards; what git fetches goes to the
 * shared object store. So nothing of a damaged or interrupted run is left to trip over, a list of shallow commits
 * never grows, processes never wait for each other's locks, and the served repository never becomes shallow.
 * Throws `StorageError` when our disk fails.
 */
export async function withGitDirectory<T>(
  place: { readonly gitDirectory: string; readonly objectDirectory: string },
  seed: Seed | undefined,
  use: (gitDir: string, variables: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const gitDir = await createGitDirectory(place.gitDirectory, seed);
  try {
    return await use(gitDir, {
      GIT_OBJECT_DIRECTORY: place.objectDirectory,
      GIT_CONFIG_GLOBAL: join(gitDir, 'user.gitconfig'),
    });
  } finally {
    await onDisk(`remove ${gitDir}`, () => rm(gitDir, { recursive: true, force: true }));
  }
}

async function createGitDirectory(parent: string, seed: Seed | undefined): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    // A process that was killed leaves its directory behind.
    await removeFiles(await findAbandoned(parent));
    const gitDir = join(parent, temporaryName('git'));
    await mkdir(join(gitDir, 'refs', 'heads'), { recursive: true });
    await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/snapshot\n');
    await writeFile(join(gitDir, 'config'), config);
    await writeFile(join(gitDir, 'user.gitconfig'), userConfig);
    if (seed !== undefined) await writeFile(join(gitDir, 'refs', 'heads', 'snapshot'), `${seed.commit}\n`);
    if (seed?.isShallow) await writeFile(join(gitDir, 'shallow'), `${seed.commit}\n`);
    return gitDir;
  } catch (error) {
    throw storageErrorOf(`write below ${parent}`, error);
  }
}
