import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifExists, onDisk } from './disk-errors.ts';

const pauseMs = 50;

/** Bytes that the files of a folder take on the disk. Files may come and go meanwhile. Throws `StorageError`. */
function measureFolder(folder: string): Promise<number> {
  return onDisk(`measure ${folder}`, () => addUp(folder));
}

async function addUp(folder: string): Promise<number> {
  let total = 0;
  for (const entry of (await ifExists(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += await addUp(path);
    else {
      const facts = await ifExists(lstat(path));
      // Small files take whole blocks; of fresh ones some disks do not know the blocks yet.
      if (facts) total += Math.max(facts.size, facts.blocks * 512);
    }
  }
  return total;
}

export interface FolderWatch {
  /** Measures once more. Resolves to whether the folder ever was too large. */
  stop(): Promise<boolean>;
}

/**
 * Watches a folder that another process fills, and calls `onExceeded` once when it is larger than `maxBytes`: by then a
 * fast writer has gone beyond by what it writes in a moment. Where the folder cannot be measured, `stop` throws.
 */
export function watchFolder(folder: string, maxBytes: number, onExceeded: () => void): FolderWatch {
  let isStopped = false;
  let isExceeded = false;
  let timer: NodeJS.Timeout | undefined;
  const measure = async () => {
    if (isExceeded || (await measureFolder(folder)) <= maxBytes) return;
    isExceeded = true;
    onExceeded();
  };
  let failure: { readonly error: unknown } | undefined;
  let measuring: Promise<void> = Promise.resolve();
  const watch = () => {
    measuring = measure().then(
      () => {
        if (!isStopped && !isExceeded) timer = setTimeout(watch, pauseMs);
      },
      (error: unknown) => {
        failure = { error };
      },
    );
  };
  watch();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await measuring;
      if (failure) throw failure.error;
      await measure();
      return isExceeded;
    },
  };
}
