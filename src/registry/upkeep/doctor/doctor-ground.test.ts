import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { onFailingDisk } from '../../../support/disk/failing-disk.fixture.ts';
import { checkGround } from './doctor-ground.ts';

test('a file system that has all it takes is well, and nothing of the look stays', async () => {
  const folder = temporaryDirectory();
  expect(await checkGround(folder)).toMatchObject([{ result: 'ok' }]);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  [{ link: 'ENOTSUP' }, 'warning', /no hard links \(ENOTSUP\)/],
  [{ link: 'EPERM' }, 'warning', /no hard links \(EPERM\)/],
  [{ fsyncFolder: 'EINVAL' }, 'warning', /no fsync of folders \(EINVAL\): a power cut/],
  [{ chmod: 'EPERM' }, 'warning', /no permissions \(EPERM\)/],
  [{ link: 'ENOSYS', chmod: 'ENOTSUP', fsyncFolder: 'ENOTSUP' }, 'warning', /links.*fsync.*permissions/],
  [{ rename: 'ENOSYS' }, 'failure', /cannot be renamed \(ENOSYS\)/],
  [{ rename: -95 }, 'failure', /cannot be renamed \(ENOTSUP\)/],
] as const)('%o is told', async (failures, result, detail) => {
  const folder = temporaryDirectory();
  const [check] = await onFailingDisk(failures, () => checkGround(folder));
  expect(check).toMatchObject({
    result,
    detail: expect.stringMatching(detail),
    hint: expect.stringMatching(/\w/),
  });
  expect(await readdir(folder)).toEqual([]);
});

test('where nothing can be written, there is nothing to be tried', async () => {
  expect(await checkGround('/nonexistent/data')).toEqual([]);
});
