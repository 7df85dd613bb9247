import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '../../support/disk/disk-errors.ts';
import { temporaryName } from '../../support/disk/temporary-file.ts';
import type { DataLayout } from '../data-layout.ts';
import { createFolders } from './init.ts';

/** As much as a small change writes. */
const probeBytes = 256 * 1024;

/** Writes a little where everything else is written, and removes it. Throws `StorageError` where the disk refuses. */
export async function probeDisk(layout: DataLayout): Promise<void> {
  await createFolders(layout);
  for (const folder of [layout.locks, layout.sources]) await writeSomething(folder);
}

async function writeSomething(folder: string): Promise<void> {
  await onDisk(`write in ${folder}`, async () => {
    const file = join(folder, temporaryName(''));
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(Buffer.alloc(probeBytes));
      await handle.sync();
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
  });
}
