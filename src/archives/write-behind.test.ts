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
import { createWriteBehind } from './write-behind.ts';

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

function createScene(store: Pick<ArchiveStore, 'store'>) {
  const told: string[] = [];
  const behind = createWriteBehind(store, {
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

  test('waits for the disk when many others are on their way to it', async () => {
    const disk = createSlowDisk();
    const { behind } = createScene(disk);
    const receive = (text: string) =>
      behind.receive(checksumOf(Buffer.from(text)), Readable.from([Buffer.from(text)]));
    await Promise.all(Array.from({ length: 32 }, (_, position) => receive(`archive ${position}`)));
    let isHere = false;
    const last = receive('one more').then(() => {
      isHere = true;
    });
    await expect.poll(() => behind.find(checksumOf(Buffer.from('one more')))).toBeDefined();
    expect(isHere).toBe(false);
    disk.release();
    await last;
    expect(isHere).toBe(true);
  });

  test('is not even read while twice as many are held in memory', async () => {
    const disk = createSlowDisk();
    let begun = 0;
    const { behind } = createScene({
      store: (...given) => {
        begun++;
        return disk.store(...given);
      },
    });
    const receive = (text: string) =>
      behind.receive(checksumOf(Buffer.from(text)), Readable.from([Buffer.from(text)]));
    const all = Array.from({ length: 64 }, (_, position) => receive(`archive ${position}`));
    await expect.poll(() => behind.find(checksumOf(Buffer.from('archive 63')))).toBeDefined();
    all.push(receive('one more'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(64);
    disk.release();
    await Promise.all(all);
    expect(begun).toBe(65);
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
