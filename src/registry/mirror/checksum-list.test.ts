import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Checksum } from '../../model/checksum.ts';
import { addChecksums, areAllHere } from './checksum-list.ts';

const all = Array.from({ length: 3000 }, (_, at) =>
  createHash('sha256').update(`${at}`).digest('hex'),
) as Checksum[];

const listOf = (checksums: readonly Checksum[], before = Buffer.alloc(0)) =>
  Buffer.concat([...addChecksums(before, checksums)]);

test.each([0, 1, 2, 700, 2999, 3000])(
  'a list that %s of 3,000 are added to is sorted, each once',
  (count) => {
    const list = listOf([...all.slice(0, count), ...all.slice(0, 2)], listOf(all.slice(count)));
    expect(list.toString()).toBe(
      [...all]
        .sort()
        .map((one) => `${one}\n`)
        .join(''),
    );
  },
);

test.each([10, 2000])(
  'of %i checksums none may be missing in the store, and others may be there',
  async (count) => {
    const storeOf = (here: readonly Checksum[]): ArchiveStore =>
      ({
        has: async (checksum: Checksum) => here.includes(checksum),
        async *names() {
          for (const start of '0123456789abcdef') yield here.filter((one) => one.startsWith(start));
        },
      }) as unknown as ArchiveStore;
    const list = listOf(all.slice(0, count));
    expect(await areAllHere(list, storeOf(all))).toBe(true);
    expect(await areAllHere(list, storeOf(all.slice(1)))).toBe(false);
    expect(await areAllHere(list, storeOf(all.slice(0, count - 1)))).toBe(false);
    expect(await areAllHere(list.subarray(0, -3), storeOf(all))).toBe(false);
    expect(await areAllHere(Buffer.alloc(0), storeOf([]))).toBe(true);
  },
);
