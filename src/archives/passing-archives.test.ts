import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { IntegrityError, StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { createPassingArchives } from './passing-archives.ts';

afterEach(() => vi.unstubAllEnvs());

function archiveOf(sizeBytes: number): { readonly bytes: Buffer; readonly checksum: Checksum } {
  const bytes = Buffer.concat([Buffer.from('PK\u0003\u0004'), randomBytes(sizeBytes - 4)]);
  return { bytes, checksum: createHash('sha256').update(bytes).digest('hex') as Checksum };
}

test('a verified archive is read by many, whole or in part, and leaves no name behind', async () => {
  vi.stubEnv('TMPDIR', temporaryDirectory());
  const { bytes, checksum } = archiveOf(1_500_000);
  const archives = createPassingArchives();
  await archives.receive(checksum, Readable.from([bytes]));
  const held = archives.find(checksum);
  expect(held?.sizeBytes).toBe(bytes.length);
  expect(readdirSync(tmpdir())).toEqual([]);
  const [whole, part] = [held?.open(), held?.open({ start: 10, end: 1_000_000 })];
  // Whoever leaves takes nothing from the others.
  held
    ?.open()
    .on('error', () => {})
    .destroy();
  archives.close();
  expect(whole && (await buffer(whole)).equals(bytes)).toBe(true);
  expect(part && (await buffer(part)).equals(bytes.subarray(10, 1_000_001))).toBe(true);
  expect(archives.find(checksum)).toBeUndefined();
});

test('the least used make room, and what is larger than all that may be is refused', async () => {
  vi.stubEnv('TMPDIR', temporaryDirectory());
  const [first, second, large] = [archiveOf(600), archiveOf(600), archiveOf(2000)];
  const archives = createPassingArchives(1000);
  for (const { bytes, checksum } of [first, second]) await archives.receive(checksum, Readable.from([bytes]));
  expect(archives.find(first.checksum)).toBeUndefined();
  expect(archives.find(second.checksum)).toBeDefined();
  await expect(archives.receive(large.checksum, Readable.from([large.bytes]))).rejects.toThrow(StorageError);
  archives.close();
});

test('wrong bytes are refused, and so is everything where there is no folder for temporary files', async () => {
  vi.stubEnv('TMPDIR', temporaryDirectory());
  const { bytes, checksum } = archiveOf(600);
  const archives = createPassingArchives();
  const wrong = Buffer.concat([bytes, Buffer.from('x')]);
  await expect(archives.receive(checksum, Readable.from([wrong]))).rejects.toThrow(IntegrityError);
  expect(readdirSync(tmpdir())).toEqual([]);
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  vi.stubEnv('TMPDIR', file);
  await expect(archives.receive(checksum, Readable.from([bytes]))).rejects.toThrow(StorageError);
});
