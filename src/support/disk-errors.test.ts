import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { StorageError } from '../errors.ts';
import { asStorageError, ifExists, onDisk } from './disk-errors.ts';

function failure(code: string): Error {
  return Object.assign(new Error('it failed'), { code });
}

describe('asStorageError', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'EMFILE'])(
    '%s becomes a StorageError that says what to do',
    (code) => {
      const cause = failure(code);
      const error = asStorageError('write /srv/x', cause);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ message: `cannot write /srv/x: ${code}`, cause });
      expect(error).toHaveProperty('hint', expect.stringMatching(/\w/));
    },
  );

  test('what is not a failure of the disk stays what it was', () => {
    for (const error of [failure('ECONNRESET'), failure('toString'), new Error('bug'), 'text', undefined])
      expect(asStorageError('write', error)).toBe(error);
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
