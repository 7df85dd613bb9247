import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { IntegrityError } from '../../errors.ts';
import { readTar } from './read-tar.ts';
import { encodeTarHeader, parseTarHeader, tarEnd, tarPadding } from './ustar.ts';

const files = [
  ['a.txt', 'one\n'],
  [`data/packages/ab/${'ab'.repeat(32)}.zip`, 'x'.repeat(512)],
  ['empty', ''],
  ['last', 'y'.repeat(1300)],
] as const;

const archive = Buffer.concat([
  ...files.flatMap(([name, text]) => [
    encodeTarHeader({ name, sizeBytes: text.length }, 1_700_000_000),
    Buffer.from(text),
    tarPadding(text.length),
  ]),
  tarEnd,
]);

async function* cut(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

async function readAll(bytes: Buffer, pieceBytes = 700): Promise<[string, string][]> {
  const read: [string, string][] = [];
  for await (const { name, body } of readTar(cut(bytes, pieceBytes))) {
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(part);
    read.push([name, Buffer.concat(parts).toString()]);
  }
  return read;
}

test('what is written is read by tar, and by us in pieces of any size', async () => {
  const file = join(temporaryDirectory(), 'a.tar');
  await writeFile(file, archive);
  const run = promisify(execFile);
  expect((await run('tar', ['-tf', file])).stdout.trim().split('\n')).toEqual(files.map(([name]) => name));
  expect((await run('tar', ['-xOf', file, 'last'])).stdout).toBe('y'.repeat(1300));
  for (const pieceBytes of [1, 511, 512, 4096]) expect(await readAll(archive, pieceBytes)).toEqual(files);
});

test('a file that nobody reads is passed over, also one read in part', async () => {
  const names: string[] = [];
  for await (const { name, body } of readTar(cut(archive, 100))) {
    names.push(name);
    if (name === 'last') for await (const _ of body) break;
  }
  expect(names).toEqual(files.map(([name]) => name));
});

test('zeros behind the end are passed over, as tapes and dd leave them; anything else is refused', async () => {
  expect(await readAll(Buffer.concat([archive, Buffer.alloc(9000)]))).toEqual(files);
  await expect(readAll(Buffer.concat([archive, Buffer.from('x')]))).rejects.toThrow(IntegrityError);
});

describe('a header of another kind is refused', () => {
  const header = encodeTarHeader({ name: 'a', sizeBytes: 0 }, 0);
  const refused: readonly (readonly [string, (block: Buffer) => void])[] = [
    ['a symbolic link', (block) => void block.write('2', 156)],
    ['a hard link', (block) => void block.write('1', 156)],
    ['a folder', (block) => void block.write('5', 156)],
    ['a device', (block) => void block.write('3', 156)],
    ['a pax extension', (block) => void block.write('x', 156)],
    ['a long name of GNU tar', (block) => void block.write('L', 156)],
    ['a prefix of the name', (block) => void block.write('../..', 345)],
    ['a target of a link', (block) => void block.write('/etc/passwd', 157)],
    ['a size in binary', (block) => void block.writeUInt8(0x80, 124)],
    ['a name with a control character', (block) => void block.write('\n', 0)],
  ];
  test.each(refused)('%s', (_, change) => {
    const block = Buffer.from(header);
    change(block);
    let sum = 8 * 32;
    for (const [offset, byte] of block.entries()) if (offset < 148 || offset >= 156) sum += byte;
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(() => parseTarHeader(block)).toThrow(IntegrityError);
  });
});

test('what a header has no place for is not written', () => {
  expect(() => encodeTarHeader({ name: 'x'.repeat(101), sizeBytes: 0 }, 0)).toThrow('cannot stand');
  expect(() => encodeTarHeader({ name: 'x', sizeBytes: 8 ** 11 }, 0)).toThrow('too large');
});
