import { expect, test } from 'vitest';
import { count, formatAge, formatBytes, formatElapsed, formatList } from './format.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
])('%d bytes read %s', (size, text) => {
  expect(formatBytes(size)).toBe(text);
});

test.each([
  [1, '1 module'],
  [0, '0 modules'],
  [6548, '6,548 modules'],
  [1234567, '1,234,567 modules'],
])('%d modules read "%s"', (number, text) => {
  expect(count(number, 'module')).toBe(text);
});

test.each([
  [3, 'just now'],
  [90, '90 seconds ago'],
  [3600, '60 minutes ago'],
  [86_400, '24 hours ago'],
  [10 * 86_400, '10 days ago'],
])('%d seconds read "%s"', (seconds, text) => {
  const now = Date.UTC(2026, 0, 1);
  expect(formatAge(new Date(now - seconds * 1000).toISOString(), now)).toBe(text);
});

test.each([
  [400, '0.4 s'],
  [12_300, '12 s'],
  [59_600, '1 min 0 s'],
  [185_000, '3 min 5 s'],
])('%d ms took %s', (milliseconds, text) => {
  expect(formatElapsed(milliseconds)).toBe(text);
});

test('a long list is cut and says how much is left', () => {
  expect(formatList(['a', 'b', 'c'], 2)).toEqual(['  a', '  b', '  … and 1 more (--json lists all)']);
  expect(formatList(['a'], 2)).toEqual(['  a']);
});
