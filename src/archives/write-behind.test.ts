import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { checksumOf } from '../../test/contracts/archive-store.contract.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { zipOf } from '../../test/support/zip-bytes.ts';
import { IntegrityError, StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import type { ArchiveStore } from './archive-store.ts';
import { openFileArchiveStore } from './file-archive-store.ts';
import { type Bounds, createWriteBehind } from './write-behind.ts';

const bytes = zipOf('a small archive');
const checksum = checksumOf(bytes);

/** A disk that is as slow as the test wants: it takes the bytes of an archive, and then waits. */
function createSlowDisk() {
  let release = (_error?: Error) => {};
  const released = new Promise<void>((resolve, reject) => {
    release = (error) => (error ? reject(error) : resolve());
  });
  released.catch(() => {});
  const store: ArchiveStore['store'] = async (_, body, { onVerified } = {}) => {
    const whole = await buffer(body);
    onVerified?.(whole);
    await released;
    return whole.length;
  };
  return { store, release };
}

function createScene(store: Pick<ArchiveStore, 'store'>, bounds?: Bounds) {
  const told: string[] = [];
  const behind = createWriteBehind(store, {
    bounds,
    onStored: () => void told.push('stored'),
    onFailure: (failed: Checksum, error) => void told.push(`${failed}: ${error}`),
  });
  return { behind, told };
}

describe('an archive that is received', () => {
  test('is given out while the disk is still writing it, and known until it is durable', async () => {
    const disk = createSlowDisk();
    const { behind, told } = createScene(disk);
    const received = await behind.receive(checksum, Readable.from([bytes]));
    expect(received).toMatchObject({ sizeBytes: bytes.length, bytes });
    expect(behind.find(checksum)).toBe(received);
    expect(told).toEqual([]);
    disk.release();
    await behind.settle();
    expect(await received.isStored).toBe(true);
    expect(behind.find(checksum)).toBeUndefined();
    expect(told).toEqual(['stored']);
  });

  // Of 10 bytes each: three go ahead of one source, six of all.
  const bounds = { ofOneBytes: 30, ofAllBytes: 60 };
  const from = (name: string) => ({ supplier: { name, diskShare: 1 } });
  const tenBytes = (position: number) => Buffer.from(`number ${String(position).padStart(3)}`);

  function createFlood() {
    const disk = createSlowDisk();
    const begun: Checksum[] = [];
    const { behind } = createScene(
      {
        store: (...given) => {
          begun.push(given[0]);
          return disk.store(...given);
        },
      },
      bounds,
    );
    const answered = new Set<number>();
    const receive = async (position: number, source: string) => {
      const whole = tenBytes(position);
      await behind.receive(checksumOf(whole), Readable.from([whole]), from(source));
      answered.add(position);
    };
    const isHeld = (position: number) => behind.find(checksumOf(tenBytes(position))) !== undefined;
    return { disk, begun, answered, receive, isHeld };
  }

  test('waits for the disk when as much of its source is on its way there, which no other source notices', async () => {
    const { disk, answered, receive, isHeld } = createFlood();
    const all = [1, 2, 3, 4].map((position) => receive(position, 'flooding'));
    await expect.poll(() => [1, 2, 3, 4].every(isHeld)).toBe(true);
    all.push(receive(5, 'other'));
    await expect.poll(() => [...answered].sort()).toEqual([1, 2, 3, 5]);
    disk.release();
    await Promise.all(all);
    expect(answered.size).toBe(5);
  });

  test('waits for the disk when as much of all sources together is on its way there', async () => {
    const { disk, answered, receive, isHeld } = createFlood();
    const all = [1, 2, 3, 4, 5, 6].map((position) => receive(position, `source ${position}`));
    await expect.poll(() => answered.size).toBe(6);
    all.push(receive(7, 'source 7'));
    await expect.poll(() => isHeld(7)).toBe(true);
    expect(answered.has(7)).toBe(false);
    disk.release();
    await Promise.all(all);
  });

  test('is not even read while twice as much is held in memory', async () => {
    const { disk, begun, receive, isHeld } = createFlood();
    const all = [1, 2, 3, 4, 5, 6].map((position) => receive(position, 'flooding'));
    await expect.poll(() => isHeld(6)).toBe(true);
    all.push(receive(7, 'flooding'), receive(8, 'other'));
    await expect.poll(() => isHeld(8)).toBe(true);
    expect(begun).toHaveLength(7);
    expect(isHeld(7)).toBe(false);
    disk.release();
    await Promise.all(all);
    expect(begun).toHaveLength(8);
  });

  test('is given out although the disk refuses it, which somebody is told', async () => {
    const disk = createSlowDisk();
    const { behind, told } = createScene(disk);
    const received = await behind.receive(checksum, Readable.from([bytes]));
    disk.release(new StorageError('the disk is full'));
    expect(await received.isStored).toBe(false);
    expect(received.bytes).toEqual(bytes);
    await behind.settle();
    expect(behind.find(checksum)).toBeUndefined();
    expect(told).toEqual([`${checksum}: StorageError: the disk is full`]);
  });
});

describe('over a store of files', () => {
  const createFiles = () => {
    const directory = temporaryDirectory();
    const files = openFileArchiveStore(path.join(directory, 'packages'));
    return { ...createScene(files), files, left: () => readdir(directory, { recursive: true }) };
  };

  test('it is in the store when all is settled', async () => {
    const { behind, files } = createFiles();
    const received = await behind.receive(checksum, Readable.from([bytes]));
    expect(received.bytes).toEqual(bytes);
    await behind.settle();
    expect(await files.read(checksum)).toEqual(bytes);
  });

  test('a large one is received when it is durable, and not kept in memory', async () => {
    const { behind, files } = createFiles();
    const large = zipOf(randomBytes(1024 * 1024));
    const received = await behind.receive(checksumOf(large), Readable.from([large]));
    expect(received).toMatchObject({ sizeBytes: large.length, bytes: undefined });
    expect((await files.read(checksumOf(large)))?.equals(large)).toBe(true);
  });

  test('other bytes are neither given out nor kept', async () => {
    const { behind, left, told } = createFiles();
    const receiving = behind.receive(checksum, Readable.from([Buffer.from('others')]));
    await expect(receiving).rejects.toThrow(IntegrityError);
    expect(behind.find(checksum)).toBeUndefined();
    expect(await left()).toEqual([]);
    expect(told).toEqual([]);
  });
});
