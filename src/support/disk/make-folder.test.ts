import { lstat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { makeFolder } from './make-folder.ts';

test('a folder is made with those it is in, and the uppermost one made is told', async () => {
  const root = temporaryDirectory();
  expect(await makeFolder(join(root, 'a/b/c'), 0o700)).toBe(join(root, 'a'));
  expect((await lstat(join(root, 'a/b/c'))).mode & 0o777).toBe(0o700);
  expect(await makeFolder(join(root, 'a/b/c'))).toBeUndefined();
});

test('several who make the same folders at once all succeed', async () => {
  const root = temporaryDirectory();
  await Promise.all(Array.from({ length: 10 }, () => makeFolder(join(root, 'a/b/c'))));
  expect((await lstat(join(root, 'a/b/c'))).isDirectory()).toBe(true);
});

test('where something else stands, the place of it is said', async () => {
  const root = temporaryDirectory();
  await writeFile(join(root, 'file'), '');
  await symlink(join(root, 'nowhere'), join(root, 'dangling'));
  for (const name of ['file', 'dangling'])
    await expect(makeFolder(join(root, name, 'below'))).rejects.toMatchObject({
      code: 'storage',
      message: `${join(root, name)} is needed, but something else is there`,
    });
});

// Linux: a file system that exists, and in which mkdir answers ENOENT.
test.runIf(process.platform === 'linux')('where no folders can be made, it says so and ends', async () => {
  await expect(makeFolder('/proc/registry/data')).rejects.toMatchObject({
    code: 'storage',
    message: 'cannot make the folder /proc/registry: no folders can be made in /proc',
    hint: expect.any(String),
  });
});
