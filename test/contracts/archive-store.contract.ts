import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ArchiveStore, StoredArchives } from '../../src/archives/archive-store.ts';
import { IntegrityError, StorageError } from '../../src/errors.ts';
import { type Checksum, isChecksum } from '../../src/model/checksum.ts';
import { zipOf } from '../support/zip-bytes.ts';

export interface ArchiveStoreWorld {
  readonly store: ArchiveStore;
  /** Whatever the store holds besides the archives it lists. */
  leftovers(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

export function checksumOf(bytes: Uint8Array): Checksum {
  const checksum = createHash('sha256').update(bytes).digest('hex');
  if (!isChecksum(checksum)) throw new Error('a SHA-256 is a checksum');
  return checksum;
}

export interface StoredArchivesWorld extends ArchiveStoreWorld {
  readonly store: StoredArchives;
  /** Changes what is stored behind the store's back. */
  damage(checksum: Checksum, bytes: Buffer): Promise<void>;
  /** Leaves what an interrupted `store` leaves: of a process that has ended, and of one that may go on. */
  interrupt(checksum: Checksum): Promise<void>;
  /** Makes that nothing can be read. */
  takeAway(): Promise<void>;
}

/** What every implementation of a store must do beyond that, for whoever operates it. */
export function archiveUpkeepContract(name: string, open: () => Promise<StoredArchivesWorld>): void {
  describe(`${name} keeps the contract of ArchiveUpkeep`, () => {
    let world: StoredArchivesWorld;
    const bytes = zipOf('an archive');
    const checksum = checksumOf(bytes);
    const other = zipOf('another one');

    beforeEach(async () => {
      world = await open();
      for (const one of [bytes, other]) await world.store.store(checksumOf(one), Readable.from([one]));
    });
    afterEach(() => world.remove());

    test('what is damaged goes to quarantine, is told of there, and can be stored anew', async () => {
      const { store } = world;
      expect((await store.quarantined()).checksums.size).toBe(0);
      await world.damage(checksum, zipOf('worse'));
      const moved = await store.quarantine(checksum);
      const { place, checksums } = await store.quarantined();
      expect(moved).toContain(place);
      expect([...checksums]).toEqual([checksum]);
      expect(await store.has(checksum)).toBe(false);
      await store.store(checksum, Readable.from([bytes]));
      expect(await store.read(checksum)).toEqual(bytes);
      expect((await store.quarantined()).checksums.has(checksum)).toBe(true);
    });

    test('what is right, or is not here, does not go there', async () => {
      const { store } = world;
      expect(await store.quarantine(checksum)).toBeUndefined();
      expect(await store.quarantine(checksumOf(Buffer.from('never')))).toBeUndefined();
      expect(await store.read(checksum)).toEqual(bytes);
      expect((await store.quarantined()).checksums.size).toBe(0);
    });

    test('what an interrupted call left is found and removed, and nothing that may be in use', async () => {
      const { store } = world;
      expect(await store.findAbandoned()).toEqual([]);
      await world.interrupt(checksum);
      const before = (await world.leftovers()).length;
      const found = await store.findAbandoned();
      expect(found).toHaveLength(1);
      for (const one of [...found, ...found]) await one.remove();
      expect(await store.findAbandoned()).toEqual([]);
      expect(await world.leftovers()).toHaveLength(before - 1);
      expect(await store.usage()).toEqual({ count: 2, bytes: bytes.length + other.length });
    });

    test('why nothing can be read is told, and nothing while all can', async () => {
      expect(await world.store.probe()).toBeUndefined();
      await world.takeAway();
      expect(await world.store.probe()).toBeInstanceOf(StorageError);
    });
  });
}

/** What every `ArchiveStore` must do. A test that leaves anything but archives behind fails. */
export function archiveStoreContract(name: string, open: () => Promise<ArchiveStoreWorld>): void {
  describe(`${name} keeps the contract of ArchiveStore`, () => {
    let world: ArchiveStoreWorld;
    let store: ArchiveStore;
    const small = zipOf('a small archive');
    const large = zipOf(randomBytes(3 * 1024 * 1024 + 17));

    beforeEach(async () => {
      world = await open();
      store = world.store;
    });
    afterEach(async () => {
      const leftovers = await world.leftovers();
      await world.remove();
      expect(leftovers).toEqual([]);
    });

    const expectAbsent = async (checksum: Checksum) => {
      expect(await store.has(checksum)).toBe(false);
      expect(await store.size(checksum)).toBeUndefined();
      expect(await store.open(checksum)).toBeUndefined();
      expect(await store.read(checksum)).toBeUndefined();
      expect(await store.load(checksum, 1000)).toBeUndefined();
      expect(await listed()).toEqual([]);
    };
    const listed = async () => {
      const found: { checksum: Checksum; sizeBytes: number }[] = [];
      for await (const archive of store.list()) found.push(archive);
      const names: string[] = [];
      for await (const checksums of store.names()) names.push(...checksums);
      expect(names.sort()).toEqual(found.map(({ checksum }) => checksum).sort());
      return found.sort((a, b) => a.checksum.localeCompare(b.checksum));
    };
    const readAll = async (checksum: Checksum, range?: { start: number; end: number }) => {
      const stream = await store.open(checksum, range);
      return stream && (await buffer(stream));
    };

    test('an empty store answers that it has nothing', async () => {
      await expectAbsent(checksumOf(small));
    });

    test.each([
      ['tiny', zipOf('')],
      ['empty zip', Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(18)])],
      ['small', small],
      ['large', large],
    ])('a %s archive comes back as it was', async (_size, bytes) => {
      const checksum = checksumOf(bytes);
      expect(await store.store(checksum, chunked(bytes, 60_000))).toBe(bytes.length);
      expect(await store.has(checksum)).toBe(true);
      expect(await store.size(checksum)).toBe(bytes.length);
      expect((await readAll(checksum))?.equals(bytes)).toBe(true);
      expect((await store.read(checksum))?.equals(bytes)).toBe(true);
      // Not by `toEqual`, which compares buffers a byte at a time.
      const loaded = await store.load(checksum, bytes.length);
      expect(loaded?.sizeBytes).toBe(bytes.length);
      expect(loaded?.bytes?.equals(bytes)).toBe(true);
      expect(await store.load(checksum, bytes.length - 1)).toEqual({
        sizeBytes: bytes.length,
        bytes: undefined,
      });
      expect(await listed()).toEqual([{ checksum, sizeBytes: bytes.length }]);
      expect(store.locate(checksum)).toContain(checksum);
    });

    test('the bytes of a small archive are told once they are verified, and of none that is wrong or large', async () => {
      const told: Buffer[] = [];
      const onVerified = (bytes: Buffer) => void told.push(bytes);
      await store.store(checksumOf(small), chunked(small, 4), { onVerified });
      await store.store(checksumOf(large), chunked(large, 60_000), { onVerified });
      const wrong = store.store(checksumOf(Buffer.from('x')), chunked(small, 4), { onVerified });
      await expect(wrong).rejects.toThrow(IntegrityError);
      expect(told).toEqual([small]);
    });

    test('a range has both its ends', async () => {
      const checksum = checksumOf(large);
      await store.store(checksum, chunked(large, 60_000));
      for (const [start, end] of [
        [0, 0],
        [0, 9],
        [65_535, 65_537],
        [large.length - 1, large.length - 1],
        [0, large.length - 1],
      ] as const)
        expect((await readAll(checksum, { start, end }))?.equals(large.subarray(start, end + 1))).toBe(true);
    });

    test.each([
      ['small', small],
      ['large', large],
    ])('wrong bytes of a %s archive are refused and leave nothing', async (_size, bytes) => {
      const checksum = checksumOf(Buffer.concat([bytes, Buffer.from('!')]));
      const body = chunked(bytes, 60_000);
      await expect(store.store(checksum, body)).rejects.toThrow(IntegrityError);
      expect(body.destroyed).toBe(true);
      await expectAbsent(checksum);
    });

    test.each([
      ['nothing', Buffer.alloc(0)],
      ['less than its beginning', Buffer.from('PK\x03')],
      ['a web page', Buffer.from('<html>welcome</html>')],
      ['what a service inside answers', Buffer.from('{"token":"hush"}')],
      ['other data that begins as one', Buffer.from('PK\x01\x02PK\x03\x04', 'latin1')],
      ['much else', randomBytes(3_000_000).fill(0, 0, 1)],
    ])('%s is no archive, whatever its checksum', async (_what, bytes) => {
      const checksum = checksumOf(bytes);
      for (const size of [1, 60_000]) {
        const body = chunked(bytes.subarray(0, size === 1 ? 100 : undefined), size);
        await expect(store.store(checksum, body)).rejects.toThrow('is no archive');
        expect(body.destroyed).toBe(true);
      }
      await expectAbsent(checksum);
    });

    test('reading stops where it is seen that it is no archive', async () => {
      const endless = Readable.from(repeat(Buffer.from('hush')));
      await expect(store.store(checksumOf(small), endless)).rejects.toThrow(IntegrityError);
      expect(endless.destroyed).toBe(true);
    });

    test('nothing is told of bytes that are refused', async () => {
      const wrong = zipOf('internal');
      const failure = store
        .store(checksumOf(small), chunked(wrong, 4))
        .catch((error: Error) => error.message);
      expect(await failure).not.toContain(checksumOf(wrong));
      expect(await failure).not.toMatch(new RegExp(`\\b${wrong.length}\\b|internal`));
    });

    test('reading stops once an archive is too large', async () => {
      const endless = Readable.from(repeat(zipOf(randomBytes(100_000))));
      const checksum = checksumOf(small);
      await expect(store.store(checksum, endless, { maxBytes: 2_500_000 })).rejects.toThrow(IntegrityError);
      expect(endless.destroyed).toBe(true);
      await expectAbsent(checksum);
    });

    test('an archive of exactly the size allowed is stored', async () => {
      const body = chunked(small, 4);
      expect(await store.store(checksumOf(small), body, { maxBytes: small.length })).toBe(small.length);
    });

    test.each([
      ['at once', 0],
      ['after a few bytes', 10],
      ['after much was written', 2_500_000],
    ])('a body that fails %s fails the call with its own error', async (_when, afterBytes) => {
      const broken = new Error('connection lost');
      const body = Readable.from(failing(large.subarray(0, afterBytes), broken));
      const checksum = checksumOf(large);
      await expect(store.store(checksum, body)).rejects.toBe(broken);
      await expectAbsent(checksum);
    });

    test('a body that was destroyed before it was read leaves nothing', async () => {
      const body = chunked(small, 4);
      body.destroy();
      await expect(store.store(checksumOf(small), body)).rejects.toThrow();
      await expectAbsent(checksumOf(small));
    });

    test('an abort ends the call with its reason, before and while reading', async () => {
      const checksum = checksumOf(large);
      const reason = new Error('enough');
      const early = chunked(large, 60_000);
      await expect(store.store(checksum, early, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(early.destroyed).toBe(true);

      const controller = new AbortController();
      const late = stalling(large.subarray(0, 2_500_000), () => controller.abort(reason));
      await expect(store.store(checksum, late, { signal: controller.signal })).rejects.toBe(reason);
      expect(late.destroyed).toBe(true);
      await expectAbsent(checksum);
    });

    test('storing what is here keeps it, and lets go of the body', async () => {
      const checksum = checksumOf(small);
      await store.store(checksum, chunked(small, 4));
      const again = Readable.from(repeat(Buffer.from('other bytes')));
      expect(await store.store(checksum, again)).toBe(small.length);
      expect(again.destroyed).toBe(true);
      expect(await store.read(checksum)).toEqual(small);
    });

    test('many may store the same archive at once', async () => {
      const checksum = checksumOf(large);
      const sizes = await Promise.all(
        Array.from({ length: 8 }, () => store.store(checksum, chunked(large, 60_000))),
      );
      expect(sizes).toEqual(Array(8).fill(large.length));
      expect((await store.read(checksum))?.equals(large)).toBe(true);
    });

    test('a liar among those who store the same archive harms nobody', async () => {
      const checksum = checksumOf(large);
      const [honest, lying] = await Promise.allSettled([
        store.store(checksum, chunked(large, 60_000)),
        store.store(checksum, chunked(Buffer.concat([large, large]), 60_000)),
      ]);
      expect(honest.status).toBe('fulfilled');
      expect(lying.status === 'rejected' && lying.reason).toBeInstanceOf(IntegrityError);
      expect((await store.read(checksum))?.equals(large)).toBe(true);
    });

    test('every archive is listed once, with its size', async () => {
      const archives = Array.from({ length: 300 }, (_, length) => zipOf(Buffer.alloc(length, 7)));
      await Promise.all(archives.map((bytes) => store.store(checksumOf(bytes), Readable.from([bytes]))));
      const expected = archives.map((bytes) => ({ checksum: checksumOf(bytes), sizeBytes: bytes.length }));
      expect(await listed()).toEqual(expected.sort((a, b) => a.checksum.localeCompare(b.checksum)));
    });
  });
}

function chunked(bytes: Buffer, size: number): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return Readable.from(chunks);
}

function* repeat(chunk: Buffer): Generator<Buffer> {
  for (;;) yield chunk;
}

async function* failing(first: Buffer, error: Error): AsyncGenerator<Buffer> {
  yield* chunked(first, 60_000);
  throw error;
}

/** Gives `first`, then calls `onStall` when asked for more, and never ends. */
function stalling(first: Buffer, onStall: () => void): Readable {
  const chunks = chunked(first, 60_000).iterator();
  return new Readable({
    async read() {
      const { value, done } = await chunks.next();
      if (done) onStall();
      else this.push(value);
    },
  });
}
