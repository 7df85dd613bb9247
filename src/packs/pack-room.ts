import { formatSize } from '../config/size.ts';
import { StorageError } from '../errors.ts';
import type { PackFile } from './pack-file.ts';

/** Few enough for one folder. */
const maxFiles = 1000;

/** The room that files of packs take on the disk: those that are whole and can be found, in the order of use, and all others. */
export function createPackRoom(diskBytes: number) {
  const kept = new Map<string, PackFile>();
  /** How much each takes, also of what is being written. */
  const sizes = new Map<PackFile, number>();
  let isClosed = false;

  function giveBack(file: PackFile): void {
    if (!file.isRead) sizes.delete(file);
    void file.discard().then(() => sizes.delete(file));
  }

  function giveBackWhere(isToGo: (key: string) => boolean): void {
    for (const [key, file] of kept) if (isToGo(key) && kept.delete(key)) giveBack(file);
  }

  return {
    find(key: string): PackFile | undefined {
      const file = kept.get(key);
      if (file && kept.delete(key)) kept.set(key, file);
      return file;
    },
    /** Where need be, what was not asked for longest goes, and never what is being read. Throws `StorageError`. */
    take(taker: PackFile, bytes: number): void {
      let neededBytes = bytes;
      for (const size of sizes.values()) neededBytes += size;
      for (const [key, file] of kept) {
        if (neededBytes <= diskBytes && kept.size < maxFiles) break;
        if (file.isRead || !kept.delete(key)) continue;
        neededBytes -= sizes.get(file) ?? 0;
        giveBack(file);
      }
      if (neededBytes > diskBytes)
        throw new StorageError(`they take more than limits.git_spool, which is ${formatSize(diskBytes)}`, {
          hint: 'raise limits.git_spool if the disk has room for it',
        });
      sizes.set(taker, (sizes.get(taker) ?? 0) + bytes);
    },
    /** Lets a whole one be found. */
    put(key: string, file: PackFile): void {
      // Of what was there before, the name is that of the new one.
      const before = kept.get(key);
      void before?.close().then(() => sizes.delete(before));
      if (isClosed) giveBack(file);
      else kept.set(key, file);
    },
    /** Of a file that is not to be found; once nobody reads it. */
    giveBack(file: PackFile): void {
      giveBack(file);
    },
    giveBackWhere,
    close(): void {
      isClosed = true;
      giveBackWhere(() => true);
    },
  };
}
