import { expect, test } from 'vitest';
import { formatSize, parseSize, sizeRangeProblem } from './size.ts';

test.each([
  ['1B', 1],
  ['1536B', 1536],
  ['64KiB', 65_536],
  ['16MiB', 16_777_216],
  ['2GiB', 2_147_483_648],
])('%s is %d bytes, and written so', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
  expect(formatSize(bytes)).toBe(text);
  expect(sizeRangeProblem(text)).toBeUndefined();
});

test.each(['', '1', 'MiB', '1 MiB', '1MB', '1.5MiB', '-1MiB', '1mib', '12345678B'])(
  '%j is no size',
  (text) => {
    expect(parseSize(text)).toBeUndefined();
  },
);

test.each(['0B', '0MiB', '3GiB', '9999999MiB'])('%s cannot be used', (text) => {
  expect(sizeRangeProblem(text)).toMatch(/^expected /);
});

test('a size is written in the largest unit that fits it', () => {
  expect([1024, 1025, 3 * 1024 ** 2].map(formatSize)).toEqual(['1KiB', '1025B', '3MiB']);
});
