import { describe, expect, test } from 'vitest';
import { defaultRetryPolicy, parseRetryAfter, retryDelayMs } from './retry.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

describe('parseRetryAfter', () => {
  test.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['2026', 2_026_000],
    [undefined, undefined],
  ])('reads %j as %j ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe('retryDelayMs', () => {
  const highest = { ...defaultRetryPolicy, random: () => 1 };

  test('doubles its window up to the cap', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6].map((attempt) => retryDelayMs(highest, attempt, undefined));
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  test('is anywhere in the window, zero included', () => {
    expect(retryDelayMs({ ...highest, random: () => 0 }, 5, undefined)).toBe(0);
  });

  test('waits at least as long as it was asked to, up to the cap', () => {
    expect(retryDelayMs(highest, 0, 3000)).toBe(3200);
    expect(retryDelayMs(highest, 0, 3_600_000)).toBe(60_200);
  });
});
