/** Where a backup may be written: never over anything but an earlier backup, and never into the data that it is of. */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { IntegrityError, StorageError } from '../../errors.ts';
import { followLinks } from '../../support/disk/atomic-file.ts';
import { ifExists, storageErrorOf } from '../../support/disk/disk-errors.ts';
import { shellLine } from '../../support/shell.ts';
import { openBackup } from './read-backup.ts';
import { leadsOutOf } from './restored-sources.ts';

/** The file that a backup to `target` would be, behind all links, as an absolute path. Throws `StorageError` where it has no place. */
export async function findPlace(target: string, dataDir: string): Promise<string> {
  const named = resolve(target);
  try {
    const file = await followLinks(named);
    const folder = await ifExists(realpath(dirname(file)));
    if (folder === undefined)
      throw new StorageError(
        `there is no folder ${dirname(file)}${file === named ? '' : `, where ${named} leads`}`,
        { hint: shellLine`mkdir -p ${dirname(file)}` },
      );
    if (!leadsOutOf(await realpath(dataDir), folder))
      throw new StorageError(`${named} is inside ${dataDir}, which is what is backed up`, {
        hint: 'choose a place outside of it, best on another disk',
      });
    await requireReplaceable(file);
    return file;
  } catch (error) {
    throw storageErrorOf(`look at ${named}`, error);
  }
}

async function requireReplaceable(file: string): Promise<void> {
  const there = await ifExists(stat(file));
  if (!there) return;
  if (there.isDirectory())
    throw new StorageError(`${file} is a folder`, {
      hint: `name a file in it: ${shellLine`${join(file, 'registry-backup.tar')}`}`,
    });
  if (!there.isFile())
    throw new StorageError(`${file} is no ordinary file`, {
      hint: 'write to stdout instead: moonbit-registry backup - > FILE',
    });
  if (!(await beginsAsBackup(file)))
    throw new StorageError(`${file} is there already, and is no backup: it is left as it is`, {
      hint: `choose another name, e.g. ${shellLine`${join(dirname(file), 'registry-backup.tar')}`}`,
    });
}

/** As every backup of ours does, whatever became of the rest of it. */
async function beginsAsBackup(file: string): Promise<boolean> {
  const bytes = createReadStream(file);
  try {
    await openBackup(bytes);
    return true;
  } catch (error) {
    if (error instanceof IntegrityError) return false;
    throw error;
  } finally {
    bytes.destroy();
  }
}
