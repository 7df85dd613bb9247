import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { onDisk } from '../support/disk/disk-errors.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { findAbandoned, removeFiles, temporaryName } from '../support/disk/temporary-file.ts';
import { servedRef } from './layout.ts';

/**
 * A folder outside the data for what whoever only looks has to write all the same: objects of indexes that are read, of
 * states that are planned on. Git finds in it what the data have, too.
 */
export interface Scratch {
  /** Absolute. There once `make` has resolved. */
  readonly directory: string;
  /** A bare repository in it without refs, for what git makes refs of on its way. */
  readonly gitDirectory: string;
  /** Its object store, which has the data's as an alternate. */
  readonly objectDirectory: string;
  /** For git on the data's repository: where it reads and writes objects. Empty before `make`. */
  variables(): Readonly<Record<string, string>>;
  /** Harmless if done already. Throws `StorageError`. */
  make(): Promise<void>;
  /** Removes it with all that is in it. Never fails: nobody needs it any more. */
  remove(): Promise<void>;
}

const prefix = 'moonbit-registry';

/**
 * `sharedObjects`: the data's object store; without it, that of a repository `index` in the scratch folder. Made in the
 * system's folder for temporary files when it is first needed.
 */
export function createScratch(sharedObjects?: string): Scratch {
  const directory = join(tmpdir(), temporaryName(prefix));
  const shared = sharedObjects ?? join(directory, 'index', 'objects');
  const gitDirectory = join(directory, 'repository');
  const objectDirectory = join(gitDirectory, 'objects');
  let making: Promise<void> | undefined;
  let isMade = false;

  async function makeOnce(): Promise<void> {
    try {
      await removeOld();
      await makeFolder(directory, 0o700);
      await makeFolder(join(objectDirectory, 'info'));
      await makeFolder(join(gitDirectory, 'refs'));
      await onDisk(`write below ${directory}`, async () => {
        await writeFile(join(gitDirectory, 'HEAD'), `ref: ${servedRef}\n`);
        await writeFile(
          join(gitDirectory, 'config'),
          '[core]\n\trepositoryformatversion = 0\n\tbare = true\n',
        );
        await writeFile(join(objectDirectory, 'info', 'alternates'), `${shared}\n`);
      });
      isMade = true;
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      const hint = 'looking at sources needs a folder for temporary files: name one with room in TMPDIR';
      throw new StorageError(cause.message, { cause, hint });
    }
  }

  return {
    directory,
    gitDirectory,
    objectDirectory,
    variables: () => (isMade ? { GIT_OBJECT_DIRECTORY: objectDirectory } : {}),
    make: () => (making ??= makeOnce()),
    async remove() {
      if (making !== undefined) await rm(directory, { recursive: true, force: true }).catch(() => {});
    },
  };
}

/** What killed processes left; not other users'. */
async function removeOld(): Promise<void> {
  const start = join(tmpdir(), `${prefix}.`);
  const old = await findAbandoned(tmpdir()).catch(() => []);
  await removeFiles(old.filter((file) => file.startsWith(start))).catch(() => {});
}
