import { expect, test } from 'vitest';
import { decideBudget } from './fetch-budget.ts';

test.each([
  ['much is free: the limit', 10_000, { bytes: 1000, setting: 'limits.fetch_bytes' }],
  ['little is free: its share', 2000, { bytes: 500, setting: 'limits.disk_share' }],
  ['nothing is free: nothing', 0, { bytes: 0, setting: 'limits.disk_share' }],
])('where %s', (_, freeBytes, budget) => {
  expect(decideBudget({ fetchBytes: 1000, diskShare: 0.25 }, freeBytes)).toEqual(budget);
});
