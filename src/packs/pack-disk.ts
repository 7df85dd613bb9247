import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { onDisk } from '../support/disk/disk-errors.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { createPackFile, openPackFile, type PackFile } from './pack-file.ts';
import { createPackRoom } from './pack-room.ts';

export interface PackDiskOptions {
  /** Where files are that are for this process alone. */
  readonly folder: string;
  /** Where they are for all processes that serve the same repository, and where locks are. */
  readonly shared?: { readonly packFolder: string; readonly lockFolder: string } | undefined;
  /** Of all that this process has, also while it grows, or is discarded and still read. */
  readonly diskBytes: number;
  /** Of one pack in memory. */
  readonly smallBytes: number;
}

export type PackDisk = ReturnType<typeof createPackDisk>;

interface PackDiskKind {
  /** Whether what is kept of one commit leaves what is kept of others where it is. */
  readonly keepsAllCommits: boolean;
}

/** The files of packs, within a bound. Keys begin with a commit, and are the names of files that processes share. */
export function createPackDisk({
  shared,
  diskBytes,
  smallBytes,
  ...options
}: PackDiskOptions & PackDiskKind) {
  const folder = shared?.packFolder ?? options.folder;
  const writing = <T>(work: () => Promise<T>) => onDisk(`write below ${folder}`, work);
  const room = createPackRoom(diskBytes);
  let commitOfAll: string | undefined;

  /** Nobody asks for packs of other commits any more. */
  async function discardOthers(commit: string): Promise<void> {
    if (options.keepsAllCommits || commit === commitOfAll) return;
    commitOfAll = commit;
    room.giveBackWhere((key) => !key.startsWith(commit));
    // Also what processes left that were killed.
    const names = shared ? await readdir(folder) : [];
    for (const name of names) if (!name.startsWith(commit)) await rm(join(folder, name), { force: true });
  }

  async function takeOver(key: string, file: PackFile): Promise<Buffer | PackFile | undefined> {
    const stream = file.sizeBytes <= smallBytes ? file.read() : undefined;
    if (stream) return buffer(stream);
    room.take(file, file.sizeBytes);
    room.put(key, file);
    return file;
  }

  return {
    /** One that this process has whole. */
    find: room.find,
    /** What another process has: a small pack itself, or the file of a large one, which this one has too from now on. */
    async findShared(key: string): Promise<Buffer | PackFile | undefined> {
      const file = shared && (await openPackFile(join(folder, key)));
      const found = file && (await takeOver(key, file).catch(() => undefined));
      if (found !== file) void file?.close();
      return found;
    },
    /** An empty one that nobody finds. Throws `StorageError`. */
    async create(key: string, onAbandoned = () => {}): Promise<PackFile> {
      if (shared) await makeFolder(folder, 0o700);
      return writing(() => createPackFile(folder, shared && key, onAbandoned));
    },
    /** Throws `StorageError`, also where they take too much room. Then the file is to be discarded. */
    async append(file: PackFile, bytes: Buffer): Promise<void> {
      room.take(file, bytes.length);
      await writing(() => file.append(bytes));
    },
    /** Lets a whole one be found, here and by others. Throws `StorageError` if others do not find it. */
    async publish(key: string, file: PackFile): Promise<void> {
      room.put(key, file);
      await writing(async () => {
        await discardOthers(key.slice(0, key.indexOf('-')));
        await file.publish();
      });
    },
    /** Gives its room back, once nobody reads it. */
    giveBack: room.giveBack,
    close: room.close,
  };
}

/** What processes of an earlier run have shared: nothing of it was made to outlive a power cut. Throws `StorageError`. */
export async function discardSharedPacks(folder: string): Promise<void> {
  await onDisk(`remove ${folder}`, () => rm(folder, { recursive: true, force: true }));
}
