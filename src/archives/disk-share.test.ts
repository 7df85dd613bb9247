import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { ExcessError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { createDiskShares, fitsShare } from './disk-share.ts';
import { openFileArchiveStore } from './file-archive-store.ts';

const mebibyte = 1024 * 1024;
const source = { name: 'hostile', diskShare: 0.25 };
const checksum = 'ab'.repeat(32) as Checksum;

/** A disk with so much room, of which what was added is taken. */
function createDisk(freeBytes: number) {
  const disk = { freeBytes, looks: 0 };
  const shares = createDiskShares(async () => {
    disk.looks += 1;
    return disk.freeBytes;
  });
  return { disk, shares };
}

describe('the share of a source', () => {
  test.each([
    ['nothing on an empty disk', 0, 25, 100, true],
    ['a byte beyond it', 0, 26, 100, false],
    ['with what is on its way, which is not free any more', 20, 5, 80, true],
    ['a byte beyond that', 20, 6, 80, false],
    ['nothing at all on a full disk', 0, 0, 0, true],
    ['a byte on a full disk', 0, 1, 0, false],
  ])('holds %s', (_, onItsWay, more, freeBytes, fits) => {
    expect(fitsShare(onItsWay, more, freeBytes, 0.25)).toBe(fits);
  });

  test('of several sources together never fill the disk', () => {
    const step = fc.record({ source: fc.nat(3), bytes: fc.integer({ min: 1, max: 400 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const taken = [0, 0, 0, 0];
        const free = () => 1000 - taken.reduce((sum, bytes) => sum + bytes, 0);
        for (const { source: who, bytes } of steps)
          if (fitsShare(taken[who] ?? 0, bytes, free(), 0.25)) taken[who] = (taken[who] ?? 0) + bytes;
        expect(free()).toBeGreaterThan(300);
      }),
    );
  });

  test('is that of all its bodies together, and free again when they have come to rest', async () => {
    const { disk, shares } = createDisk(400 * mebibyte);
    const bodies = Array.from({ length: 8 }, () => shares.open(source));
    const add = async (body: (typeof bodies)[number]) => {
      await body.add(mebibyte);
      disk.freeBytes -= mebibyte;
    };
    const flood = async () => {
      for (let added = 0; ; ) for (const body of bodies) await add(body).then(() => added++);
    };
    await expect(flood()).rejects.toThrow(ExcessError);
    expect(400 - disk.freeBytes / mebibyte).toBe(100);
    await expect(shares.open({ name: 'other', diskShare: 0.25 }).add(50 * mebibyte)).resolves.toBeUndefined();
    for (const body of bodies) body.end();
    await expect(shares.open(source).add(50 * mebibyte)).resolves.toBeUndefined();
  });

  test('shrinks while others fill the disk', async () => {
    const { disk, shares } = createDisk(400 * mebibyte);
    const body = shares.open(source);
    await body.add(20 * mebibyte);
    disk.freeBytes = 30 * mebibyte;
    await expect(body.add(mebibyte)).rejects.toThrow('25 %');
  });
});

describe('a store of files', () => {
  /** An archive without end; `sent` counts its bytes. */
  function createEndless() {
    const sent = { bytes: 0 };
    const piece = Buffer.alloc(mebibyte);
    piece.write('PK\x03\x04', 'latin1');
    const body = Readable.from(
      (function* () {
        for (; ; sent.bytes += piece.length) yield piece;
      })(),
    );
    return { body, sent };
  }

  test('gives up a body that takes more than the share, and leaves nothing of it', async () => {
    const directory = temporaryDirectory();
    const { shares } = createDisk(40 * mebibyte);
    const store = openFileArchiveStore(join(directory, 'packages'), { shares });
    const { body, sent } = createEndless();
    await expect(store.store(checksum, body, { supplier: source })).rejects.toThrow(ExcessError);
    expect(sent.bytes).toBeLessThan(32 * mebibyte);
    expect(body.destroyed).toBe(true);
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
  });

  test.each([
    ['the limit', { maxBytes: 2 * mebibyte }],
    ['the share', { supplier: source }],
  ])('does not begin to read what is announced to be larger than %s', async (_, options) => {
    const { shares } = createDisk(40 * mebibyte);
    const store = openFileArchiveStore(join(temporaryDirectory(), 'packages'), { shares });
    const { body, sent } = createEndless();
    const storing = store.store(checksum, body, { ...options, announcedBytes: 11 * mebibyte });
    await expect(storing).rejects.toThrow(ExcessError);
    expect(sent.bytes).toBe(0);
  });

  test('stores a small archive on a disk that has no room to spare', async () => {
    const { shares, disk } = createDisk(0);
    const store = openFileArchiveStore(join(temporaryDirectory(), 'packages'), { shares });
    const bytes = Buffer.from('PK\x03\x04 small', 'latin1');
    const own = createHash('sha256').update(bytes).digest('hex') as Checksum;
    const options = { supplier: source, announcedBytes: bytes.length };
    expect(await store.store(own, Readable.from([bytes]), options)).toBe(bytes.length);
    expect(disk.looks).toBe(0);
  });

  test('stores what comes in chunks of any size byte for byte', async () => {
    const store = openFileArchiveStore(join(temporaryDirectory(), 'assets'), { suffix: '.wasm' });
    for (const sizes of [
      [3 * mebibyte + 1],
      [mebibyte - 1, 2, mebibyte],
      Array(70).fill(65_537),
      [1, 0, 5],
    ]) {
      const chunks = sizes.map((size: number, position: number) => Buffer.alloc(size, position + 1));
      const whole = Buffer.concat(chunks);
      const own = createHash('sha256').update(whole).digest('hex') as Checksum;
      expect(await store.store(own, Readable.from(chunks))).toBe(whole.length);
      expect((await store.read(own))?.equals(whole)).toBe(true);
    }
  });
});
