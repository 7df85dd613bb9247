import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './atomic-file.ts';
import { onDisk } from './disk-errors.ts';

/** Makes all files and names below a folder durable: for what other programs have written. */
export async function syncTree(folder: string): Promise<void> {
  await onDisk(`write ${folder}`, async () => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await syncTree(path);
      else if (entry.isFile()) await syncFile(path);
    }
    await syncDirectory(folder);
  });
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
