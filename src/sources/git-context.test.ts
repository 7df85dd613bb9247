import { expect, test } from 'vitest';
import { GitError } from '../support/git/git.ts';
import { type GitContext, gitFailure } from './git-context.ts';

const context = {
  config: { indexUrl: 'https://partner.example.com/git/index' },
  objectDirectory: '/srv/registry/data/index/objects',
  credentials: { mask: (text: string) => text },
} as unknown as GitContext;

test('a damaged object of our own is not told as the fault of the source', () => {
  const stderr = 'fatal: loose object ab (stored in /srv/registry/data/index/objects/ab/cd) is corrupt';
  expect(
    gitFailure(context, 'smart-http', new GitError('git fetch exited with 128', { stderr })),
  ).toMatchObject({
    detail: expect.stringMatching(/cannot be stored, our own object store .*moonbit-registry verify/),
  });
});

test('a damaged object of theirs is', () => {
  const stderr = 'fatal: remote error: loose object ab is corrupt';
  expect(
    gitFailure(context, 'smart-http', new GitError('git fetch exited with 128', { stderr })),
  ).toMatchObject({
    reason: 'bad-answer',
    detail: expect.stringMatching(
      /^the git repository https:\/\/partner.example.com\/git\/index cannot be read: /,
    ),
  });
});
