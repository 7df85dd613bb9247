import { expect, test } from 'vitest';
import { systemError } from '../support/disk/failing-disk.fixture.ts';
import { errorProblem } from './problems.ts';

test.each([-116, -122, -117, 'EIO', 'ENOTCONN'])(
  'our own disk that says %s is 503, to be asked again, without a word of where',
  (code) => {
    const answer = errorProblem(systemError(code, 'open', '/srv/data/packages/aa'));
    expect(answer).toMatchObject({ status: 503, headers: { 'Retry-After': '30' } });
    expect(JSON.stringify(answer)).not.toContain('/srv');
  },
);

test('a bug is 500', () => {
  expect(errorProblem(new TypeError('x is not a function')).status).toBe(500);
});
