import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk, storageErrorOf } from '../support/disk/disk-errors.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { findAbandoned, removeFiles, temporaryName } from '../support/disk/temporary-file.ts';

/** What git may assume to be here already, so that only the difference travels. */
export interface Seed {
  /** A commit that is here; its parents may be missing. */
  readonly commit: string;
  readonly tree: string;
}

/** What keeps git's memory small whatever it reads: all of it is one process's work, and large files are streamed. */
const frugal = `[core]
	bigFileThreshold = 1m
	deltaBaseCacheLimit = 8m
	packedGitWindowSize = 1m
	packedGitLimit = 32m
[pack]
	threads = 1
	windowMemory = 8m
`;

/** One pack, never loose objects; nothing told to a source of what our own refs name, nor of what other sources sent; and a list of branches that comes in one piece, and so within what git may allocate. */
const config = `[core]
	repositoryformatversion = 0
	bare = true
	fsync = committed
	alternateRefsPrefixes = refs/of-no-concern/
[fetch]
	unpackLimit = 1
[protocol]
	version = 0
${frugal}`;

// git run for the other side of a file:// address sees only this: the operator named that repository, whoever owns it.
const userConfig = `[safe]\n\tdirectory = *\n${frugal}`;

/** A git directory for one piece of work, and what git must be told to work in it. */
export interface GitDirectory {
  readonly path: string;
  /** For git's environment: objects go to a folder of the directory's own, and those of the shared store can be read where a seed needs them. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface GitDirectoryPlace {
  /** Absolute path of the folder in which git directories are made. */
  readonly gitDirectory: string;
  /** Absolute path of the shared object store. */
  readonly objectDirectory: string;
}

/**
 * Runs `use` with a bare git directory made for it alone, which is gone afterwards with all that git fetched into it. So
 * nothing of a damaged or interrupted run is left to trip over, nothing unchecked is in the shared object store, a list of
 * shallow commits never grows, processes never wait for each other's locks, and the served repository never becomes
 * shallow. Throws `StorageError` when our disk fails.
 */
export async function withGitDirectory<T>(
  place: GitDirectoryPlace,
  seed: Seed | undefined,
  use: (directory: GitDirectory) => Promise<T>,
): Promise<T> {
  const path = await createGitDirectory(place.gitDirectory, seed);
  const shared = seed && { GIT_ALTERNATE_OBJECT_DIRECTORIES: quotePath(place.objectDirectory) };
  try {
    return await use({
      path,
      variables: {
        GIT_OBJECT_DIRECTORY: join(path, 'objects'),
        GIT_CONFIG_GLOBAL: join(path, 'user.gitconfig'),
        ...shared,
      },
    });
  } finally {
    await onDisk(`remove ${path}`, () => rm(path, { recursive: true, force: true }));
  }
}

/** In the list of alternates a colon ends a path that is not quoted (git's environment variables). */
function quotePath(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

async function createGitDirectory(parent: string, seed: Seed | undefined): Promise<string> {
  try {
    await makeFolder(parent);
    // A process that was killed leaves its directory behind.
    await removeFiles(await findAbandoned(parent));
    const gitDir = join(parent, temporaryName('git'));
    await makeFolder(join(gitDir, 'refs', 'heads'));
    await makeFolder(join(gitDir, 'objects', 'pack'));
    await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/snapshot\n');
    await writeFile(join(gitDir, 'config'), config);
    await writeFile(join(gitDir, 'user.gitconfig'), userConfig);
    if (seed === undefined) return gitDir;
    await writeFile(join(gitDir, 'refs', 'heads', 'snapshot'), `${seed.commit}\n`);
    await writeFile(join(gitDir, 'shallow'), `${seed.commit}\n`);
    return gitDir;
  } catch (error) {
    throw storageErrorOf(`write below ${parent}`, error);
  }
}
