import { expect, test } from 'vitest';
import { ConfigError, StorageError } from '../../errors.ts';
import { SourceClosedError } from '../../sources/source.ts';
import { GitError } from '../../support/git/git.ts';
import { blameFor } from './contain-source.ts';

const git = (stderr: string, more = {}) => new GitError('git failed', { status: 128, stderr, ...more });
const wrapped = (cause: GitError) => new StorageError('cannot list', { cause });
const coded = (code: string, more = {}) => Object.assign(new Error(code), { code, ...more });

test.each([
  ['a full disk', new StorageError('cannot write: ENOSPC'), 'ours'],
  ['a full disk that nobody foresaw', coded('ENOSPC'), 'ours'],
  ['a folder that may not be written', coded('EACCES', { syscall: 'open', path: '/x' }), 'ours'],
  ['a connection that may not be made', coded('EACCES', { syscall: 'connect' }), 'unforeseen'],
  ['what our repository has lost', new StorageError('git has lost it'), 'ours'],
  ['our repository that git cannot read', wrapped(git('fatal: bad object')), 'ours'],
  [
    'git without memory',
    wrapped(git('fatal: Out of memory, malloc failed (tried to allocate 9 bytes)')),
    'source',
  ],
  ['git at its own limit', git('fatal: attempting to allocate 9 over limit 8'), 'source'],
  ['git that the kernel ended', wrapped(git('', { status: undefined, killedBy: 'SIGSEGV' })), 'source'],
  ['git that was told to end', wrapped(git('', { status: undefined, killedBy: 'SIGTERM' })), 'ours'],
  ['git that puts out too much', wrapped(git('', { exceeded: 'stdout' })), 'source'],
  ['a failure with a hint', new ConfigError('a token that cannot be sent'), 'source'],
  ['a bug', new RangeError('Maximum call stack size exceeded'), 'unforeseen'],
  ['what is no error', 'oops', 'unforeseen'],
  ['a source that is closed', new SourceClosedError('x'), 'caller'],
])('%s', (_, error, blame) => {
  expect(blameFor(error)).toBe(blame);
});

test('who gave up is not told of anything else', () => {
  expect(blameFor(new TypeError('x'), AbortSignal.abort())).toBe('caller');
});
