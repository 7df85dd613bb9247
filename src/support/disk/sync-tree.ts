import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from './disk-errors.ts';
import { syncDirectory, syncFile } from './file-system-gaps.ts';

/** Makes all files and names below a folder durable: for what other programs have written. */
export async function syncTree(folder: string): Promise<void> {
  await onDisk(`write ${folder}`, async () => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await syncTree(path);
      else if (entry.isFile()) await syncFileAt(path);
    }
    await syncDirectory(folder);
  });
}

async function syncFileAt(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await syncFile(handle);
  } finally {
    await handle.close();
  }
}
