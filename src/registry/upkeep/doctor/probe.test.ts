import { expect, test } from 'vitest';
import { StorageError } from '../../../errors.ts';
import { systemError } from '../../../support/disk/failing-disk.fixture.ts';
import { GitError } from '../../../support/git/git.ts';
import { runProbes } from './probe.ts';

test('what checks found is told as it is', async () => {
  const verdict = { result: 'ok', detail: '2.39' } as const;
  const check = { name: 'git', ...verdict };
  const own = { ...verdict, name: 'its own' };
  expect(await runProbes([{ name: 'git', ask: () => verdict }])).toEqual([check]);
  expect(await runProbes([{ name: 'git', ask: async () => [verdict, own] }])).toEqual([check, own]);
  expect(await runProbes([{ name: 'git', ask: () => [] }])).toEqual([]);
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
  for (const ask of [thrown, async () => thrown()])
    expect(await runProbes([{ name: 'index', ask }])).toEqual([
      { ...failed, detail: expect.stringContaining(detail) },
    ]);
});
