import { expect, test } from 'vitest';
import { StorageError } from '../../../errors.ts';
import { systemError } from '../../../support/disk/failing-disk.fixture.ts';
import { GitError } from '../../../support/git/git.ts';
import { containCheck } from './contain-check.ts';

test('what checks found is told as it is', async () => {
  const check = { name: 'git', result: 'ok', detail: '2.39' } as const;
  expect(await containCheck('git', () => check)).toEqual([check]);
  expect(await containCheck('git', async () => [check, check])).toEqual([check, check]);
});

test.each([
  [
    'a failure with a hint',
    new StorageError('cannot lock x: EROFS', { hint: 'mount it' }),
    'cannot lock x: EROFS',
  ],
  ['the disk', systemError('EACCES', 'open', '/srv/x'), 'cannot open /srv/x: EACCES'],
  [
    'a git',
    new GitError('git exited', { status: 128, stderr: 'fatal: a.pack is corrupt' }),
    'a.pack is corrupt',
  ],
  ['a bug', new TypeError('x is not a function'), 'it could not be looked at: x is not a function'],
])('a check that throws is a failure which says so: %s', async (_, error, detail) => {
  const failed = { name: 'index', result: 'failure', hint: expect.any(String) };
  const thrown = () => {
    throw error;
  };
  for (const check of [thrown, async () => thrown()])
    expect(await containCheck('index', check)).toEqual([
      { ...failed, detail: expect.stringContaining(detail) },
    ]);
});
