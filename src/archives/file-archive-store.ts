import { closeSync, fstatSync, open as openFile, read as readFile } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { againIfStale, ifExists, onDisk, storageErrorOf } from '../support/disk/disk-errors.ts';
import { syncDirectory, syncFile } from '../support/disk/file-system-gaps.ts';
import { findAbandoned, removeFiles, temporaryName } from '../support/disk/temporary-file.ts';
import { errorCode } from '../support/error-code.ts';
import { createSingleFlight } from '../support/flow/single-flight.ts';
import type {
  AbandonedUpload,
  ArchiveUsage,
  LoadedArchive,
  StoredArchives,
  StoreOptions,
} from './archive-store.ts';
import type { CacheReserve } from './cache-reserve.ts';
import type { DiskShares } from './disk-share.ts';
import { pieceBytes } from './pieces.ts';
import { listQuarantined, makeDurableFolder, moveAway } from './quarantine.ts';
import { receiveVerified, tooLarge } from './receive-verified.ts';

const openDescriptor = promisify(openFile);
const readDescriptor = promisify(readFile);
/** A listing is mostly waiting. */
const foldersAtOnce = 32;
/** Few: the work that goes on meanwhile would queue behind them. */
const sweptAtOnce = 4;
const folderPattern = /^[0-9a-f]{2}$/;

export interface FileStoreOptions {
  /** What its files are called at the end: `.zip` unless they are something else. */
  readonly suffix?: '.zip' | '.wasm' | undefined;
  /** What those who are named as suppliers may have on its way; without it, anything. */
  readonly shares?: DiskShares | undefined;
  /** What is left of the disk for other things; without it, nothing. */
  readonly reserve?: CacheReserve | undefined;
}

/**
 * Archives as files `<directory>/<first two hex digits>/<checksum>.zip`; damaged ones as
 * `<directory>/../quarantine/<checksum>.<time>.zip`. Directories are made when they are first needed. Every archive is made durable
 * by itself: measured, sharing one round of fsync among the archives in flight was no faster, since the file system
 * already joins the fsyncs that run at the same time.
 */
export function openFileArchiveStore(directory: string, options: FileStoreOptions = {}): StoredArchives {
  const { suffix = '.zip', shares, reserve } = options;
  const root = path.resolve(directory);
  const quarantine = path.join(root, '..', 'quarantine');
  const folders = createSingleFlight<string, void>();

  const locate = (checksum: Checksum) => path.join(root, checksum.slice(0, 2), `${checksum}${suffix}`);
  const makeFolder = (folder: string) => folders.run(folder, () => makeDurableFolder(folder));

  const store: StoredArchives = {
    locate,
    has: async (checksum) => (await store.size(checksum)) !== undefined,
    size: (checksum) => sizeOf(locate(checksum)),
    load: (checksum, maxBytes) =>
      onDisk(`read ${locate(checksum)}`, () =>
        ifExists(againIfStale(() => readWhole(locate(checksum), maxBytes))),
      ),
    read: async (checksum) => (await store.load(checksum, Number.POSITIVE_INFINITY))?.bytes,
    list: () => listArchives(root, suffix),
    names: () => listNames(root, suffix),
    quarantine: (checksum) => moveAway(checksum, locate(checksum), quarantine),
    quarantined: async () => ({ place: quarantine, checksums: await listQuarantined(quarantine) }),
    findAbandoned: () => findAbandonedFiles(root),
    usage: () => addUp(store.list()),
    probe: () =>
      readdir(root).then(
        () => undefined,
        (error: unknown) => storageErrorOf(`read ${root}`, error),
      ),

    async open(checksum, range) {
      const file = locate(checksum);
      const handle = await onDisk(`open ${file}`, () => ifExists(againIfStale(() => open(file, 'r'))));
      return handle?.createReadStream(range);
    },

    async store(checksum, body, storeOptions = {}) {
      // A body may fail while we look at the disk, and some fail when they are destroyed.
      body.on('error', () => {});
      try {
        const present = storeOptions.isAbsent ? undefined : await store.size(checksum);
        if (present !== undefined) return present;
        return await receive(checksum, body, storeOptions, locate(checksum), {
          ...{ makeFolder, shares, reserve },
          isZip: suffix === '.zip',
        });
      } finally {
        body.destroy();
      }
    },
  };
  return store;
}

/**
 * Only what may wait for the disk goes to Node's thread pool: each way there and back takes longer than the call itself, and
 * an open file tells its size, and is closed, at once.
 */
async function readWhole(file: string, maxBytes: number): Promise<LoadedArchive> {
  const descriptor = await openDescriptor(file, 'r');
  try {
    const sizeBytes = fstatSync(descriptor).size;
    if (sizeBytes > maxBytes) return { sizeBytes, bytes: undefined };
    const bytes = Buffer.allocUnsafeSlow(sizeBytes);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await readDescriptor(descriptor, bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { sizeBytes: filled, bytes: bytes.subarray(0, filled) };
  } finally {
    closeSync(descriptor);
  }
}

/** The temporary files that interrupted `store` calls left. */
async function findAbandonedFiles(root: string): Promise<AbandonedUpload[]> {
  const limit = pLimit(sweptAtOnce);
  const files = await limit.map(await foldersOf(root), findAbandoned);
  return files.flat().map((place) => ({ place, remove: () => removeFiles([place]) }));
}

async function addUp(archives: AsyncIterable<{ readonly sizeBytes: number }>): Promise<ArchiveUsage> {
  let count = 0;
  let bytes = 0;
  for await (const { sizeBytes } of archives) {
    count += 1;
    bytes += sizeBytes;
  }
  return { count, bytes };
}

interface Receiving {
  readonly makeFolder: (folder: string) => Promise<void>;
  readonly shares: DiskShares | undefined;
  readonly reserve: CacheReserve | undefined;
  readonly isZip: boolean;
}

async function receive(
  checksum: Checksum,
  body: Readable,
  options: StoreOptions,
  target: string,
  { makeFolder, shares, reserve, isZip }: Receiving,
): Promise<number> {
  const { announcedBytes = 0, maxBytes = Number.POSITIVE_INFINITY, supplier } = options;
  if (announcedBytes > maxBytes) throw tooLarge(checksum, maxBytes);
  const ticket = supplier && shares?.open(supplier);
  // A small one can be given out although the disk has no room for it.
  if (announcedBytes > pieceBytes) {
    await reserve?.check(announcedBytes);
    await ticket?.expect(announcedBytes);
  }
  const temporary = createTemporary(target, makeFolder);
  let isChecked = announcedBytes > pieceBytes;
  const append = async (piece: Buffer) => {
    if (!isChecked) await reserve?.check(Math.max(announcedBytes, piece.length));
    isChecked = true;
    await temporary.append(piece);
  };
  try {
    const sizeBytes = await receiveVerified(checksum, body, options, { append, ticket, isZip });
    await temporary.publish();
    return sizeBytes;
  } catch (error) {
    await temporary.discard();
    throw error;
  } finally {
    ticket?.end();
  }
}

/** A file beside `target`, made when it is first written to. */
function createTemporary(target: string, makeFolder: (folder: string) => Promise<void>) {
  const folder = path.dirname(target);
  const file = path.join(folder, temporaryName(`.${path.parse(target).name}`));
  const doing = `write ${target}`;
  let handle: FileHandle | undefined;

  const create = async () => {
    try {
      return await open(file, 'wx', 0o644);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await makeFolder(folder);
      return open(file, 'wx', 0o644);
    }
  };

  return {
    append: (bytes: Buffer) =>
      onDisk(doing, async () => {
        handle ??= await create();
        await handle.appendFile(bytes);
      }),
    publish: () =>
      onDisk(doing, async () => {
        if (handle) await syncFile(handle);
        await handle?.close();
        await rename(file, target);
        await syncDirectory(folder);
      }),
    /** Never fails: why it is called is what the caller must hear. */
    async discard() {
      if (!handle) return;
      await handle.close().catch(() => {});
      await rm(file, { force: true }).catch(() => {});
    },
  };
}

async function sizeOf(file: string): Promise<number | undefined> {
  const facts = await onDisk(`read ${file}`, () => ifExists(againIfStale(() => stat(file))));
  return facts?.size;
}

async function* listArchives(
  root: string,
  suffix: string,
): AsyncGenerator<{ checksum: Checksum; sizeBytes: number }> {
  for (const folder of await foldersOf(root)) {
    const checksums = await checksumsIn(folder, suffix);
    const sizes = await Promise.all(
      checksums.map((checksum) => sizeOf(path.join(folder, `${checksum}${suffix}`))),
    );
    for (const [position, checksum] of checksums.entries()) {
      const sizeBytes = sizes[position];
      if (sizeBytes !== undefined) yield { checksum, sizeBytes };
    }
  }
}

async function* listNames(root: string, suffix: string): AsyncGenerator<readonly Checksum[]> {
  const folders = await foldersOf(root);
  for (let start = 0; start < folders.length; start += foldersAtOnce)
    for (const checksums of await Promise.all(
      folders.slice(start, start + foldersAtOnce).map((folder) => checksumsIn(folder, suffix)),
    ))
      yield checksums;
}

async function checksumsIn(folder: string, suffix: string): Promise<Checksum[]> {
  const start = path.basename(folder);
  const checksums: Checksum[] = [];
  for (const name of await readdir(folder)) {
    const checksum = name.slice(0, -suffix.length);
    const belongs = name.endsWith(suffix) && name.startsWith(start);
    if (belongs && isChecksum(checksum)) checksums.push(checksum);
  }
  return checksums;
}

async function foldersOf(root: string): Promise<string[]> {
  const names = (await onDisk(`read ${root}`, () => ifExists(readdir(root)))) ?? [];
  return names.filter((name) => folderPattern.test(name)).map((name) => path.join(root, name));
}
