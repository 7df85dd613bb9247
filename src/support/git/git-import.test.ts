import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { StorageError } from '../../errors.ts';
import { GitError } from './git.ts';
import { gitOnDisk, unlessOwnFailure } from './git-disk.ts';
import { importCommits, type NewCommit } from './git-import.ts';

afterEach(() => vi.unstubAllEnvs());

/** A git that reads a little of what it is told, and then ends like this. */
function putGitInTheWay(script: string): string {
  const directory = temporaryDirectory();
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nhead -c 1000 > /dev/null\n${script}\n`);
  chmodSync(join(bin, 'git'), 0o755);
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  return directory;
}

/** More than any pipe takes in. */
function largeCommit(): NewCommit {
  const edits = Array.from({ length: 2000 }, (_, i) => ({ path: `f${i}`, content: Buffer.alloc(1000, 97) }));
  return { message: 'many\n', date: new Date(0), edits };
}

const full = 'echo "fatal: sha1 file \'pack\' write error: No space left on device" >&2; exit 128';

test.skipIf(process.platform === 'win32')(
  'a git that dies while it is told more says itself why',
  async () => {
    const gitDir = putGitInTheWay(full);
    const failure = await importCommits(gitDir, [largeCommit]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GitError);
    expect(failure).toMatchObject({ status: 128, stderr: expect.stringContaining('No space left') });
  },
);

test.skipIf(process.platform === 'win32')(
  'what it says of the disk is told as the failure it is',
  async () => {
    const gitDir = putGitInTheWay(full);
    const importing = gitOnDisk('write a commit', () => importCommits(gitDir, [largeCommit]));
    await expect(importing).rejects.toMatchObject({
      code: 'storage',
      message: 'cannot write a commit: ENOSPC',
      hint: expect.stringContaining('free some space'),
    });
  },
);

test.each([
  ['fatal: unable to create temporary file: Disk quota exceeded', 128, 'EDQUOT'],
  ['error: unable to create file x: Read-only file system', 1, 'EROFS'],
  ["fatal: sha1 file 'x' write error. Out of diskspace", 128, 'ENOSPC'],
  ['fatal: packed object 1 (stored in a.pack) is corrupt', 128, 'a.pack'],
])('whoever hears of it last takes it for no bug: %s', (stderr, status, told) => {
  const known = unlessOwnFailure(new GitError('git fast-import exited', { status, stderr }));
  expect(known).toBeInstanceOf(StorageError);
  expect(known).toMatchObject({ message: expect.stringContaining(told), hint: expect.any(String) });
});

test('a git that was called wrongly, or that we ended, is a bug of ours', () => {
  const wrong = new GitError('git exited with 129', { status: 129, stderr: 'usage: git fast-import' });
  const closed = new GitError('git cat-file was closed', { stderr: '' });
  expect(unlessOwnFailure(wrong)).toBe(wrong);
  expect(unlessOwnFailure(closed)).toBe(closed);
});
