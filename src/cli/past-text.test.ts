import { expect, test } from 'vitest';
import type { Checksum } from '../model/checksum.ts';
import { parseWhen } from '../model/when.ts';
import type { PastExplanation } from '../registry/sync/explain-past.ts';
import { formatMoment, formatToday, parseMoment } from './past-text.ts';

const state = {
  commit: 'a7499b4e6747a70ea73a9df5d41ee4b87c155394',
  since: '2026-11-27T08:00:00Z',
  until: undefined,
  served: 'b'.repeat(40),
};

test.each([
  ['2026-11-27', 'at the end of 2026-11-27 (state a7499b4e6747, since 2026-11-27T08:00:00Z, and now)'],
  ['2026-11-27T09:00Z', 'at 2026-11-27T09:00:00Z (state a7499b4e6747, since 2026-11-27T08:00:00Z, and now)'],
  ['a7499b4', 'in state a7499b4e6747 (since 2026-11-27T08:00:00Z, and now)'],
])('what follows is of %s', (text, words) => {
  const when = parseWhen(text);
  expect(when && formatMoment(when, { state } as PastExplanation)).toBe(`As it was ${words}:`);
});

test.each([
  [true, {}, 'served, the same bytes'],
  [true, { isSame: false }, `served with other bytes: ${'c'.repeat(64)}`],
  [true, { isServed: false }, 'not served any more'],
  [false, { isServed: false }, 'not served either'],
  [false, {}, 'served'],
  [true, { isServed: false, blocks: [{ reason: 'it leaks' }] }, 'blocked: it leaks'],
  [true, { isServed: false, blocks: [{ reason: 'it leaks', isWithdrawn: true }] }, 'withdrawn: it leaks'],
])('of what was served (%s) it tells %j as "%s"', (isServed, today, words) => {
  const checksum = 'c'.repeat(64) as Checksum;
  const facts = { isServed: true, isSame: true, checksum, blocks: [], ...today };
  const past = { version: '1.0.0', isServed, today: facts } as unknown as PastExplanation;
  expect(formatToday(past)).toBe(`Today: ${words}`);
});

test('of a module it tells of all versions of then', () => {
  const today = { isServed: true, isSame: false, checksum: undefined, blocks: [] };
  const past = { version: undefined, isServed: true, today } as unknown as PastExplanation;
  expect(formatToday(past)).toBe('Today: served; not every version of then is, unchanged');
});

test('what names no moment is a mistake of the command line, with the forms that do', () => {
  expect(() => parseMoment('yesterday')).toThrow('"yesterday" names no moment');
});
