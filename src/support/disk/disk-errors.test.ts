import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { StorageError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';
import {
  againIfStale,
  asStorageError,
  ifExists,
  isFileFailure,
  onDisk,
  unlessFileFailure,
} from './disk-errors.ts';
import { systemError } from './failing-disk.fixture.ts';

function failure(code: string): Error {
  return Object.assign(new Error('it failed'), { code });
}

describe('errorCode', () => {
  test.runIf(process.platform === 'linux').each([
    [-122, 'EDQUOT'],
    [-116, 'ESTALE'],
    [-117, 'EUCLEAN'],
    [-121, 'EREMOTEIO'],
    [-123, 'ENOMEDIUM'],
    [-108, 'ESHUTDOWN'],
    [-112, 'EHOSTDOWN'],
    [-524, 'E524'],
  ])('names system error %i, which Node.js 20 does not: %s', (errno, code) => {
    expect(errorCode(systemError(errno))).toBe(code);
  });

  test('goes by the text where there is no number', () => {
    expect(errorCode(failure('Unknown system error -5'))).toBe('EIO');
    expect(errorCode(failure('Unknown system error'))).toBe('Unknown system error');
  });
});

describe('asStorageError', () => {
  test.each([
    ...[
      'ENOSPC',
      'EDQUOT',
      'EROFS',
      'EACCES',
      'EPERM',
      'EIO',
      'ENOTDIR',
      'EMFILE',
      'ESTALE',
      'EUCLEAN',
      'ENOMEDIUM',
    ],
    ...[
      'ENOTCONN',
      'ETIMEDOUT',
      'EHOSTDOWN',
      'ENXIO',
      'EBADMSG',
      'ENODEV',
      'ENAMETOOLONG',
      'ELOOP',
      'EFBIG',
      'ENOMEM',
    ],
    ...['EBUSY', 'ENOENT', 'ENOSYS', 'E524'],
  ])('%s becomes a StorageError that says what to do', (code) => {
    const cause = failure(code);
    const error = asStorageError('write /srv/x', cause);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ message: `cannot write /srv/x: ${code}`, cause });
    expect(error).toHaveProperty('hint', expect.stringMatching(/\w/));
  });

  test('what has only a number is told by its name, with the hint for it', () => {
    expect(asStorageError('write /srv/x', systemError(-122))).toMatchObject({
      message: 'cannot write /srv/x: EDQUOT',
      hint: expect.stringContaining('quota'),
    });
  });

  test('what is not a failure of the disk stays what it was', () => {
    for (const error of [
      failure('ECONNRESET'),
      failure('toString'),
      failure('ABORT_ERR'),
      new Error('bug'),
      'text',
      undefined,
    ])
      expect(asStorageError('write', error)).toBe(error);
  });
});

describe('unlessFileFailure', () => {
  test.each(['ENOSPC', 'EIO', 'ESTALE', 'ENOENT', 'ENODEV', 'EINVAL', 'ENOTEMPTY', 'EBUSY', 'E524'])(
    '%s of an operation that nobody foresaw to fail says what, where and what to do',
    (code) => {
      expect(unlessFileFailure(systemError(code, 'scandir', '/srv/data'))).toMatchObject({
        name: 'StorageError',
        message: `cannot read /srv/data: ${code}`,
        hint: expect.stringMatching(/\w/),
      });
    },
  );

  test.each([
    ['ECONNREFUSED', 'connect'],
    ['EACCES', 'bind'],
    ['ETIMEDOUT', 'read'],
    ['EPIPE', 'write'],
    ['ENOTCONN', 'shutdown'],
    ['ENOENT', 'spawn git'],
    ['EAI_AGAIN', 'getaddrinfo'],
    ['ERR_INVALID_ARG_TYPE', 'open'],
  ])('%s of "%s" is none', (code, syscall) => {
    const error = systemError(code, syscall);
    expect(unlessFileFailure(error)).toBe(error);
    expect(isFileFailure(error)).toBe(false);
  });
});

test('onDisk passes values and foreign errors through', async () => {
  expect(await onDisk('read', async () => 1)).toBe(1);
  const bug = new TypeError('bug');
  await expect(onDisk('read', () => Promise.reject(bug))).rejects.toBe(bug);
});

test('ifExists answers undefined for a missing file only', async () => {
  expect(await ifExists(readFile('/nonexistent/file'))).toBeUndefined();
  await expect(ifExists(Promise.reject(failure('EIO')))).rejects.toMatchObject({ code: 'EIO' });
});

test('what a network file system has replaced is looked for once more', async () => {
  const answers = [() => Promise.reject(systemError(-116)), async () => 'the new one'];
  expect(await againIfStale(() => answers.shift()?.() ?? Promise.reject(failure('none')))).toBe(
    'the new one',
  );
  const stale = () => Promise.reject(systemError(-116));
  await expect(againIfStale(stale)).rejects.toMatchObject({ errno: -116 });
});
