import { createHash } from 'node:crypto';
import { closeSync, fstatSync, open as openFile, read as readFile } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { ExcessError, IntegrityError } from '../errors.ts';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { againIfStale, ifExists, onDisk } from '../support/disk/disk-errors.ts';
import { syncDirectory, syncFile, tryLink } from '../support/disk/file-system-gaps.ts';
import { makeFolder } from '../support/disk/make-folder.ts';
import { findAbandoned, temporaryName } from '../support/disk/temporary-file.ts';
import { errorCode } from '../support/error-code.ts';
import { createSingleFlight } from '../support/flow/single-flight.ts';
import { findDamage } from './archive-check.ts';
import type { ArchiveStore, LoadedArchive, StoreOptions } from './archive-store.ts';
import type { CacheReserve } from './cache-reserve.ts';
import type { DiskShares, DiskTicket } from './disk-share.ts';
import { createPieces, pieceBytes } from './pieces.ts';
import { createZipCheck } from './zip-start.ts';

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
export function openFileArchiveStore(directory: string, options: FileStoreOptions = {}): ArchiveStore {
  const { suffix = '.zip', shares, reserve } = options;
  const root = path.resolve(directory);
  const folders = createSingleFlight<string, void>();

  const locate = (checksum: Checksum) => path.join(root, checksum.slice(0, 2), `${checksum}${suffix}`);
  const makeFolder = (folder: string) => folders.run(folder, () => makeDurableFolder(folder));

  const store: ArchiveStore = {
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
    quarantine: (checksum) => moveAway(checksum, locate(checksum), path.join(root, '..', 'quarantine')),

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
export async function findAbandonedArchives(directory: string): Promise<string[]> {
  const limit = pLimit(sweptAtOnce);
  const files = await limit.map(await foldersOf(directory), findAbandoned);
  return files.flat();
}

interface Receiving {
  readonly makeFolder: (folder: string) => Promise<void>;
  readonly shares: DiskShares | undefined;
  readonly reserve: CacheReserve | undefined;
  readonly isZip: boolean;
}

interface Sink {
  readonly append: (piece: Buffer) => Promise<void>;
  readonly ticket: DiskTicket | undefined;
  /** Whether nothing else than a zip file is wanted. */
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
    const sizeBytes = await writeVerified(checksum, body, options, { append, ticket, isZip });
    await temporary.publish();
    return sizeBytes;
  } catch (error) {
    await temporary.discard();
    throw error;
  } finally {
    ticket?.end();
  }
}

/** Passes the body on in pieces of about 1 MiB, the last one only when all bytes are known to be the right ones. */
async function writeVerified(
  checksum: Checksum,
  body: Readable,
  { maxBytes = Number.POSITIVE_INFINITY, signal, onVerified }: StoreOptions,
  { append, ticket, isZip }: Sink,
): Promise<number> {
  const hash = createHash('sha256');
  const pieces = createPieces();
  const zip = isZip ? createZipCheck() : undefined;
  let sizeBytes = 0;
  signal?.throwIfAborted();
  if (signal) addAbortSignal(signal, body);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(checksum, maxBytes);
      if (zip?.accepts(chunk) === false) throw notAnArchive();
      hash.update(chunk);
      for (const piece of pieces.take(chunk)) {
        await ticket?.add(piece.length);
        await append(piece);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  // Nothing of what came instead is told: it may be what a server inside answered.
  if (zip?.isZip() === false) throw notAnArchive();
  if (hash.digest('hex') !== checksum)
    throw new IntegrityError(`what was received is not what the checksum in the index says, ${checksum}`);
  const last = pieces.rest();
  if (last.length === sizeBytes) onVerified?.(last);
  await append(last);
  return sizeBytes;
}

function tooLarge(checksum: Checksum, maxBytes: number): ExcessError {
  return new ExcessError(`archive ${checksum} is larger than the ${maxBytes} bytes allowed`);
}

function notAnArchive(): IntegrityError {
  return new IntegrityError('what was received is no archive: it does not begin as a zip file does');
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

/**
 * A name is all one can move, and since the file was found damaged another process may have put another in its place:
 * so what the name stands for now is judged once more before it goes.
 */
async function moveAway(checksum: Checksum, file: string, folder: string): Promise<string | undefined> {
  return onDisk(`move the damaged archive ${file} to ${folder}`, async () => {
    await makeDurableFolder(folder);
    const time = new Date().toISOString().replace(/[-:.]/g, '');
    const target = path.join(folder, `${checksum}.${time}${path.extname(file)}`);
    const before = await ifExists(stat(file));
    if (!before || (await ifExists(setAside(file, target).then(() => true))) !== true) return undefined;
    const damage = await findDamage(checksum, async () => (await open(target, 'r')).createReadStream());
    const now = await ifExists(stat(file));
    const isSame = now?.ino === before.ino && now.mtimeMs === before.mtimeMs;
    if (damage !== undefined && isSame) await rm(file, { force: true });
    if (damage === undefined) await (now ? rm(target, { force: true }) : rename(target, file));
    await Promise.all([syncDirectory(folder), syncDirectory(path.dirname(file))]);
    return damage === undefined ? undefined : target;
  });
}

/** Gives the file a second name; where there are no hard links, another one, or a copy where that is another file system. */
async function setAside(file: string, target: string): Promise<void> {
  if ((await tryLink(file, target)) === undefined) return;
  try {
    await rename(file, target);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await copyFile(file, target);
  }
}

async function makeDurableFolder(folder: string): Promise<void> {
  const first = await makeFolder(folder);
  if (first === undefined) return;
  const top = path.dirname(first);
  for (let made = path.resolve(folder); made !== top; made = path.dirname(made))
    await syncDirectory(path.dirname(made));
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
