import { expect, test } from 'vitest';
import { describeRemarks } from './check-objects.ts';

test('of what git says of a damaged repository the first is told, not all that follows from it', () => {
  expect(describeRemarks([])).toBe('it does not say how');
  expect(describeRemarks(['a', 'b'])).toBe('a; b');
  expect(describeRemarks(['a', 'b', 'c', 'd'])).toBe('a; b; c; and more that follows from it (git fsck)');
});
