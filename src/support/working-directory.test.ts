import { expect, test } from 'vitest';
import { StorageError } from '../errors.ts';
import { findWorkingDirectory } from './working-directory.ts';

test('a working directory that is gone is a failure to be told, and no bug', () => {
  expect(findWorkingDirectory(() => '/srv')).toBe('/srv');
  const gone = () => {
    throw Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { code: 'ENOENT' });
  };
  expect(() => findWorkingDirectory(gone)).toThrow(StorageError);
});
