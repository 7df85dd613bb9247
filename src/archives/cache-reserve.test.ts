import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { checksumOf } from '../../test/contracts/archive-store.contract.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { zipOf } from '../../test/support/zip-bytes.ts';
import type { StoreOptions } from './archive-store.ts';
import { createCacheReserve, ReserveError, readDiskSpace, reserveOf } from './cache-reserve.ts';
import { openFileArchiveStore } from './file-archive-store.ts';

const gibibyte = 1024 ** 3;

describe('reserveOf', () => {
  test.each([
    ['a small disk', 10 * gibibyte, undefined, 2 * gibibyte],
    ['a disk of 40 GiB', 40 * gibibyte, undefined, 2 * gibibyte],
    ['a large disk', 1000 * gibibyte, undefined, 50 * gibibyte],
    ['a setting', 1000 * gibibyte, 5, 5],
    ['nothing, as set', 1000 * gibibyte, 0, 0],
  ])('of %s', (_, totalBytes, setting, reserve) => {
    expect(reserveOf(totalBytes, setting)).toBe(reserve);
  });
});

const large = zipOf(randomBytes(3_000_000));
const small = zipOf('a small archive');

function createScene(freeBytes: number, reserveBytes: number | undefined = 1000) {
  const directory = join(temporaryDirectory(), 'packages');
  const disk = { freeBytes, totalBytes: 1e12 };
  const reserve = createCacheReserve(
    '/srv/data',
    () => reserveBytes,
    async () => disk,
  );
  const store = openFileArchiveStore(directory, { reserve });
  const files = async () =>
    (await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  const put = (bytes: Buffer, options?: StoreOptions) =>
    store.store(checksumOf(bytes), Readable.from([bytes]), options);
  return { store, disk, files, put, reserve };
}

describe('while the disk has only what is kept for the index', () => {
  test.each([
    ['a small archive', small, undefined],
    ['a large one', large, undefined],
    ['one that is announced', large, large.length],
  ])('%s is not stored, and whoever stores it is told what to do', async (_, bytes, announcedBytes) => {
    const { put, files, reserve } = createScene(500);
    const storing = put(bytes, { announcedBytes });
    await expect(storing).rejects.toThrow(ReserveError);
    await expect(storing).rejects.toMatchObject({
      message: expect.stringContaining('archives are not cached any more'),
      hint: expect.stringContaining('moonbit-registry config registry.cache_reserve'),
    });
    expect(await files()).toEqual([]);
    expect(reserve.isRefusing).toBe(true);
  });

  test('a small one is verified all the same, and can be given out', async () => {
    const { put } = createScene(1000 + small.length);
    let verified: Buffer | undefined;
    const storing = put(small, {
      onVerified(bytes) {
        verified = bytes;
      },
    });
    await expect(storing).rejects.toThrow(ReserveError);
    expect(verified).toEqual(small);
  });
});

test('one that would take what is kept is not begun', async () => {
  const { put, disk, files, store } = createScene(1000 + large.length);
  await expect(put(large, { announcedBytes: large.length })).rejects.toThrow(ReserveError);
  expect(await files()).toEqual([]);
  disk.freeBytes += 1;
  expect(await put(large, { announcedBytes: large.length })).toBe(large.length);
  expect(await store.size(checksumOf(large))).toBe(large.length);
});

test('a reserve of nothing lets all of the disk be used', async () => {
  const { put, files } = createScene(0, 0);
  await put(small);
  expect(await files()).toHaveLength(1);
});

test('a file system that does not say how large it is has room', async () => {
  const space = { freeBytes: Number.POSITIVE_INFINITY, totalBytes: 0 };
  const reserve = createCacheReserve(
    '/srv/data',
    () => undefined,
    async () => space,
  );
  expect(await reserve.isRoomFor(1e12)).toBe(true);
  expect((await reserve.look()).isPaused).toBe(false);
});

test('the free bytes of a disk are read where the data is', async () => {
  const folder = join(temporaryDirectory(), 'data');
  await mkdir(folder);
  expect((await readDiskSpace(folder)).freeBytes).toBeGreaterThan(0);
  await expect(readDiskSpace(join(folder, 'missing'))).rejects.toThrow('ENOENT');
});

test('a disk with much room is not looked at for each archive, and one with little is', async () => {
  let looks = 0;
  const disk = { freeBytes: 5 * gibibyte, totalBytes: 100 * gibibyte };
  const reserve = createCacheReserve(
    '/srv/data',
    () => gibibyte,
    async () => {
      looks++;
      return { ...disk };
    },
  );
  for (let count = 0; count < 3; count++) expect(await reserve.isRoomFor(gibibyte)).toBe(true);
  expect(looks).toBe(1);
  // What was let in meanwhile counts.
  expect(await reserve.isRoomFor(gibibyte)).toBe(true);
  expect(looks).toBe(2);
  disk.freeBytes = gibibyte;
  await reserve.look();
  expect(await reserve.isRoomFor(1)).toBe(false);
  disk.freeBytes = 5 * gibibyte;
  expect(await reserve.isRoomFor(1)).toBe(true);
});
