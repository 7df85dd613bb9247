import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import { suiteDirectory, temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { sha256 } from '../../../test/support/worlds.ts';
import { IntegrityError } from '../../errors.ts';
import type { Checksum } from '../../model/checksum.ts';
import { initRegistry } from '../upkeep/init.ts';
import { formatBackupFacts } from './backup-facts.ts';
import { type Content, checksumLine, composeBackup } from './compose-backup.ts';
import { createBackup } from './create-backup.ts';
import type { Member } from './members.ts';
import { openBackup } from './read-backup.ts';
import { restoreBackup } from './restore-backup.ts';

const now = () => new Date('2026-03-01T12:00:00Z');

async function* inPieces(bytes: Buffer, pieceBytes = 1000): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

const restore = (bytes: Buffer, directory: string) =>
  restoreBackup(inPieces(bytes), directory, {
    name: 'b.tar',
    actor: { user: 'ann', command: 'restore' },
    now,
  });

describe('a damaged backup', () => {
  const shared = suiteDirectory();
  let whole: Buffer;
  let entries: string;
  beforeAll(async () => {
    const directory = join(shared, 'registry');
    await initRegistry(directory, { now });
    const file = join(shared, 'b.tar');
    await createBackup({ directory, env: {}, actor: tester, now }, { target: file });
    whole = await readFile(file);
    entries = await readEntries(whole);
  });

  /** All that is read of it, as one text. */
  async function readEntries(bytes: Buffer): Promise<string> {
    const { manifest, entries: files } = await openBackup(inPieces(bytes));
    const read: unknown[] = [manifest];
    for await (const { member, body } of files) {
      const parts: Buffer[] = [];
      for await (const part of body) parts.push(part);
      read.push([member, Buffer.concat(parts).toString('latin1')]);
    }
    return JSON.stringify(read);
  }

  /** Either it is refused as damaged, or what is read is what was written. */
  async function expectRefusedOrSame(bytes: Buffer): Promise<void> {
    const read = await readEntries(bytes).catch((error: unknown) => error);
    if (read !== entries) expect(read).toBeInstanceOf(IntegrityError);
  }

  test('with any byte changed is refused, or the byte meant nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (position, change) => {
          const bytes = Buffer.from(whole);
          bytes[position] = (bytes[position] ?? 0) ^ change;
          await expectRefusedOrSame(bytes);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('cut anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        await expect(readEntries(whole.subarray(0, length))).rejects.toThrow(IntegrityError);
      }),
      { numRuns: 200 },
    );
  });

  test('with a part twice, left out or in another place is refused', async () => {
    const blocks = (start: number, end: number) => whole.subarray(start * 512, end * 512);
    const count = whole.length / 512;
    await fc.assert(
      fc.asyncProperty(fc.nat(count), fc.nat(count), fc.nat(count), async (a, b, c) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const rest = Buffer.concat([blocks(0, start), blocks(end, count)]);
        const place = c * 512;
        await expectRefusedOrSame(
          Buffer.concat([rest.subarray(0, place), blocks(start, end), rest.subarray(place)]),
        );
        await expectRefusedOrSame(rest);
        await expectRefusedOrSame(Buffer.concat([whole.subarray(0, end * 512), blocks(start, count)]));
      }),
      { numRuns: 100 },
    );
  });

  const bytesOf = (member: Member, bytes: Buffer): Content => {
    return { member, sizeBytes: bytes.length, read: () => [bytes] };
  };
  const text = (member: Member, content: string) => bytesOf(member, Buffer.from(content));
  const compose = async (...contents: Content[]) => {
    const parts: Buffer[] = [];
    for await (const part of composeBackup(contents, now())) parts.push(part);
    return Buffer.concat(parts);
  };
  const facts = {
    registry: 'r',
    madeAt: '2026-03-01T12:00:00.000Z',
    state: 'a'.repeat(40),
    served: 'b'.repeat(40),
  };
  const manifest = (changes: Readonly<Record<string, unknown>> = {}) =>
    text(
      { kind: 'manifest' },
      JSON.stringify({
        ...JSON.parse(formatBackupFacts({ ...facts, dataFormat: 2 }).toString()),
        ...changes,
      }),
    );
  const config = text({ kind: 'config' }, '');
  const index = text({ kind: 'index' }, 'no bundle');

  const refused: readonly (readonly [string, string, () => Promise<Buffer> | Buffer])[] = [
    ['that is empty', 'is no backup', () => Buffer.alloc(0)],
    ['that is packed', 'is no backup', () => gzipSync(whole)],
    ['that is another tar file', 'is no backup', () => compose(text({ kind: 'audit', age: 0 }, 'x'))],
    ['of another product', 'is no backup', () => compose(manifest({ backupOf: 'x' }), config)],
    ['of a later format', 'format 2 of backups', () => compose(manifest({ backupFormat: 2 }), config)],
    ['of data of a later format', 'format 9', () => compose(manifest({ dataFormat: 9 }), config, index)],
    ['without settings', 'registry.toml is not', () => compose(manifest(), index)],
    [
      'whose settings nobody understands',
      'in it, registry.toml has',
      () => compose(manifest(), text({ kind: 'config' }, 'colour = "red"\n'), index),
    ],
    ['of no moment', 'is no backup', () => compose(manifest({ madeAt: 'now\u001b[2J\nTrust me' }), config)],
    [
      'of a moment that is none',
      'is no backup',
      () => compose(manifest({ madeAt: '2026-13-01T00:00:00.000Z' })),
    ],
    [
      'whose settings are no UTF-8',
      'is not UTF-8',
      () => compose(manifest(), bytesOf({ kind: 'config' }, Buffer.from('# \xff\n', 'latin1')), index),
    ],
    ...['registry.toml', 'index.bundle', 'registry.schema.json', 'data/../Registry.TOML/x'].map(
      (dataDir): (typeof refused)[number] => [
        `whose data would be in ${dataDir}`,
        'has its place',
        () => compose(manifest(), text({ kind: 'config' }, `[registry]\ndata_dir = "${dataDir}"\n`), index),
      ],
    ),
    ['without an index', 'no index', () => compose(manifest(), config)],
    ['whose index is none', 'git cannot take', () => compose(manifest(), config, index)],
    ['whose manifest names another state', 'its index is not', () => withManifest(facts)],
    [
      'with an archive that is another',
      'is damaged',
      async () => {
        const good = await compose(
          manifest(),
          config,
          text({ kind: 'archive', checksum: checksumOf('PK\u0003\u0004a') }, 'PK\u0003\u0004a'),
        );
        // With all sums right: whoever made it meant it so.
        return replaceAll(good, [
          ['PK\u0003\u0004a', 'PK\u0003\u0004b'],
          [checksumLine(checksumOf('PK\u0003\u0004a'), ''), checksumLine(checksumOf('PK\u0003\u0004b'), '')],
        ]);
      },
    ],
    ['cut at half', 'ends too early', () => whole.subarray(0, Math.floor(whole.length / 2))],
  ];

  /** The same index under a manifest that says something else. */
  async function withManifest(changes: Readonly<Record<string, unknown>>): Promise<Buffer> {
    const contents: Content[] = [manifest(changes)];
    for await (const { member, body } of (await openBackup(inPieces(whole))).entries) {
      const parts: Buffer[] = [];
      for await (const part of body) parts.push(part);
      const bytes = Buffer.concat(parts);
      contents.push({ member, sizeBytes: bytes.length, read: () => [bytes] });
    }
    return compose(...contents);
  }

  test.each(refused)(
    '%s is refused with a reason and a hint, and nothing is left',
    async (_, reason, make) => {
      const folder = temporaryDirectory();
      const error = await restore(await make(), join(folder, 'restored')).catch((thrown: unknown) => thrown);
      expect(String(error)).toContain(reason);
      expect((error as IntegrityError).hint).toBeDefined();
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test('is not looked at where something else stands in the way', async () => {
    const folder = temporaryDirectory();
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await expect(restore(whole, folder)).rejects.toThrow('is not empty');
    await expect(restore(whole, join(folder, 'notes.txt'))).rejects.toThrow('is not empty');
    await expect(restore(whole, join(folder, 'no', 'where'))).rejects.toThrow('there is no folder');
    await symlink('nowhere', join(folder, 'link'));
    await expect(restore(whole, join(folder, 'link'))).rejects.toThrow(
      'link is a link to nowhere, which is not',
    );
    await rm(join(folder, 'link'));
    expect(await readdir(folder)).toEqual(['notes.txt']);
    await rm(join(folder, 'notes.txt'));
    expect(await restore(whole, folder)).toMatchObject({ directory: folder });
    expect((await readdir(folder)).sort()).toEqual(['data', 'registry.schema.json', 'registry.toml']);
  });
});

test('is not put into the data of another registry', async () => {
  const folder = temporaryDirectory();
  await initRegistry(folder, { now });
  const file = join(folder, 'b.tar');
  await createBackup({ directory: folder, env: {}, actor: tester, now }, { target: file });
  const bytes = await readFile(file);
  const before = await readdir(join(folder, 'data'), { recursive: true });
  for (const place of ['data/new', 'data/packages/new', 'data/sources', 'data/index/new'])
    await expect(restore(bytes, join(folder, place))).rejects.toThrow('holds the data of another registry');
  expect(await readdir(join(folder, 'data'), { recursive: true })).toEqual(before);
  expect(await restore(bytes, join(folder, 'new'))).toMatchObject({ directory: join(folder, 'new') });
});

function checksumOf(text: string): Checksum {
  return sha256(Buffer.from(text)) as Checksum;
}

function replaceAll(bytes: Buffer, pairs: readonly (readonly [string, string])[]): Buffer {
  const text = pairs.reduce(
    (before, [from, to]) => before.replaceAll(from.trimEnd(), to.trimEnd()),
    bytes.toString('latin1'),
  );
  return Buffer.from(text, 'latin1');
}
