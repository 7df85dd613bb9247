import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { archiveStoreContract, checksumOf } from '../../test/contracts/archive-store.contract.ts';
import { createDirectory, temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { zipOf } from '../../test/support/zip-bytes.ts';
import { StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { openFileArchiveStore } from './file-archive-store.ts';
import { createVerifyingStore, type DamagedArchive } from './verifying-store.ts';

archiveStoreContract('the verifying store', async () => {
  const parent = createDirectory();
  const store = createVerifyingStore(openFileArchiveStore(path.join(parent, 'packages')));
  return {
    store,
    async leftovers() {
      const files = await readdir(parent, { recursive: true });
      return files.filter((name) => path.extname(name) !== '' && !/[0-9a-f]{64}\.zip$/.test(name));
    },
    remove: () => rm(parent, { recursive: true }),
  };
});

describe('an archive that went bad on our disk', () => {
  const bytes = zipOf(randomBytes(200_000));
  const checksum = checksumOf(bytes);

  async function createScene() {
    const directory = temporaryDirectory();
    const damaged: DamagedArchive[] = [];
    const files = openFileArchiveStore(path.join(directory, 'packages'));
    let reads = 0;
    let looks = 0;
    const countedOpen = (wanted: Checksum) => {
      reads++;
      return files.open(wanted);
    };
    const countedLoad = (wanted: Checksum, maxBytes: number) => {
      reads++;
      return files.load(wanted, maxBytes);
    };
    const countedSize = (wanted: Checksum) => {
      looks++;
      return files.size(wanted);
    };
    const counted = { ...files, open: countedOpen, load: countedLoad, size: countedSize };
    const store = createVerifyingStore(counted, { onDamage: (archive) => void damaged.push(archive) });
    await files.store(checksum, Readable.from([bytes]));
    const file = files.locate(checksum);
    const quarantined = () => readdir(path.join(directory, 'quarantine')).catch(() => []);
    return { store, files, file, damaged, quarantined, reads: () => reads, looks: () => looks };
  }

  const damages: Record<string, (file: string) => Promise<void>> = {
    'with a flipped bit': async (file) => {
      const wrong = Buffer.from(bytes);
      wrong[77_777] = (wrong[77_777] ?? 0) ^ 1;
      await writeFile(file, wrong);
    },
    truncated: (file) => truncate(file, 1000),
    'of no bytes': (file) => truncate(file, 0),
    'with bytes too many': (file) => writeFile(file, Buffer.concat([bytes, bytes])),
  };

  for (const [kind, damage] of Object.entries(damages))
    for (const ask of kind === 'truncated' ? (['size', 'open', 'read'] as const) : (['size'] as const))
      test(`one ${kind} is moved away when first asked for by ${ask}`, async () => {
        const { store, file, damaged, quarantined } = await createScene();
        await damage(file);
        const wrong = await readFile(file);
        expect(await store[ask](checksum)).toBeUndefined();
        expect(await store.has(checksum)).toBe(false);
        expect(damaged).toMatchObject([{ checksum, damage: expect.stringContaining('SHA-256') }]);
        expect(await readFile(damaged[0]?.movedTo ?? '')).toEqual(wrong);
        await store.store(checksum, Readable.from([bytes]));
        expect(await store.read(checksum)).toEqual(bytes);
        expect(await quarantined()).toHaveLength(1);
      });

  test('one that is given out whole is looked at, read and verified in one go, however many ask at once', async () => {
    const { store, reads, looks } = await createScene();
    const loaded = await Promise.all(Array.from({ length: 20 }, () => store.load(checksum, bytes.length)));
    // Not by `toEqual`, which compares buffers a byte at a time.
    expect(loaded.every((one) => one?.sizeBytes === bytes.length && one.bytes?.equals(bytes))).toBe(true);
    expect([reads(), looks()]).toEqual([1, 0]);
    expect(await store.size(checksum)).toBe(bytes.length);
    expect(reads()).toBe(1);
  });

  test('one that is too large to be given out whole is verified without its bytes in memory', async () => {
    const { store, file, damaged } = await createScene();
    expect(await store.load(checksum, 10)).toEqual({ sizeBytes: bytes.length, bytes: undefined });
    await damages['with bytes too many']?.(file);
    expect(await store.load(checksum, 10)).toBeUndefined();
    expect(damaged).toHaveLength(1);
  });

  test('a damaged one is not given out whole, whatever was found before', async () => {
    const { store, file, damaged } = await createScene();
    await store.load(checksum, bytes.length);
    await damages['with a flipped bit']?.(file);
    expect(await store.load(checksum, bytes.length)).toBeUndefined();
    expect(damaged).toHaveLength(1);
  });

  test('a sound one is read once however many ask at once, and again when its size has changed', async () => {
    const { store, file, damaged, reads } = await createScene();
    const sizes = await Promise.all(Array.from({ length: 20 }, () => store.size(checksum)));
    expect(sizes).toEqual(Array(20).fill(bytes.length));
    expect(reads()).toBe(1);
    await store.size(checksum);
    expect(reads()).toBe(1);
    await truncate(file, 5);
    expect(await store.open(checksum)).toBeUndefined();
    expect(damaged).toHaveLength(1);
  });

  test('read never gives out bytes it has not checked, even if the size is right', async () => {
    const { store, file, damaged } = await createScene();
    await store.size(checksum);
    await writeFile(file, randomBytes(bytes.length));
    expect(await store.read(checksum)).toBeUndefined();
    expect(damaged).toHaveLength(1);
  });

  test('storing over one replaces it', async () => {
    const { store, file, quarantined } = await createScene();
    await truncate(file, 10);
    await store.store(checksum, Readable.from([bytes]));
    expect(await readFile(file)).toEqual(bytes);
    expect(await quarantined()).toHaveLength(1);
  });

  test('verify looks again at what was found sound before, and only then', async () => {
    const { store, file } = await createScene();
    expect(await store.verify(checksum)).toEqual({ kind: 'sound' });
    await writeFile(file, randomBytes(bytes.length));
    expect(await store.verify(checksum)).toMatchObject({ kind: 'damaged' });
    expect(await store.verify(checksum)).toEqual({ kind: 'absent' });
  });

  test('one that another process has put right meanwhile is not moved away', async () => {
    const { files, store, quarantined } = await createScene();
    expect(await files.quarantine(checksum)).toBeUndefined();
    expect(await quarantined()).toEqual([]);
    expect(await buffer((await store.open(checksum)) ?? Readable.from([]))).toEqual(bytes);
  });

  test('one that cannot be moved away counts as not here, is read once, and is replaced', async () => {
    const { files, file, damaged, reads } = await createScene();
    await truncate(file, 1000);
    const quarantine = () => Promise.reject(new StorageError('cannot move it: EROFS'));
    let opened = 0;
    const open = (wanted: Checksum) => {
      opened++;
      return files.open(wanted);
    };
    const store = createVerifyingStore(
      { ...files, open, quarantine },
      { onDamage: (archive) => void damaged.push(archive) },
    );
    for (const _ of [1, 2]) expect(await store.size(checksum)).toBeUndefined();
    expect(await store.read(checksum)).toBeUndefined();
    expect({ opened, reads: reads() }).toEqual({ opened: 1, reads: 0 });
    expect(damaged).toMatchObject([{ checksum, movedTo: undefined }]);
    expect((await readFile(file)).length).toBe(1000);
    await store.store(checksum, Readable.from([bytes]));
    expect(await store.size(checksum)).toBe(bytes.length);
  });

  test('whoever only looks leaves one where it is', async () => {
    const { files, file, quarantined } = await createScene();
    await truncate(file, 1000);
    const store = createVerifyingStore(files, { leavesDamaged: true });
    expect(await store.size(checksum)).toBeUndefined();
    expect((await readFile(file)).length).toBe(1000);
    expect(await quarantined()).toEqual([]);
  });

  test('two of one name are both kept', async () => {
    const { store, file, quarantined } = await createScene();
    for (const size of [1, 2]) {
      await truncate(file, size);
      await store.size(checksum);
      await store.store(checksum, Readable.from([bytes]));
    }
    expect(await quarantined()).toHaveLength(2);
  });
});
