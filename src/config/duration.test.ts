import { expect, test } from 'vitest';
import { formatDuration } from './duration.ts';

test.each([
  [500, '500ms'],
  [60_000, '60s'],
  [90_000, '90s'],
  [300_000, '5m'],
  [3_600_000, '1h'],
])('%d ms are written %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});
