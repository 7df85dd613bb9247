import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { writeFileAtomic, writeFileOnce } from './atomic-file.ts';
import { onFailingDisk } from './failing-disk.fixture.ts';

describe('a file system that lacks something', () => {
  test.each(['EINVAL', 'ENOTSUP', 'EBADF', 'EACCES', 'EISDIR'])(
    'folders that cannot be made durable (%s) keep nothing from being written',
    (code) =>
      onFailingDisk({ fsyncFolder: code }, async () => {
        const file = join(temporaryDirectory(), 'x');
        await writeFileAtomic(file, 'one');
        expect(await writeFileOnce(file, 'two')).toBe(false);
        expect(await readFile(file, 'utf8')).toBe('one');
      }),
  );

  test('a folder whose fsync reports a failing disk is one', () =>
    onFailingDisk({ fsyncFolder: 'EIO' }, async () => {
      const writing = writeFileAtomic(join(temporaryDirectory(), 'x'), 'one');
      await expect(writing).rejects.toMatchObject({
        name: 'StorageError',
        message: expect.stringContaining('EIO'),
      });
    }));

  test('where there are no permissions, the mount decides them', async () => {
    const file = join(temporaryDirectory(), 'x');
    await writeFile(file, 'one', { mode: 0o600 });
    await onFailingDisk({ chmod: 'EPERM' }, () => writeFileAtomic(file, 'two'));
    expect(await readFile(file, 'utf8')).toBe('two');
  });

  test.each(['ENOTSUP', 'ENOSYS', 'EPERM', 'EMLINK'])(
    'without links (%s) the first of several decides',
    (link) =>
      onFailingDisk({ link }, async () => {
        const directory = temporaryDirectory();
        const file = join(directory, 'pin');
        const texts = ['a', 'b', 'c', 'd', 'e'];
        const isFirst = await Promise.all(texts.map((text) => writeFileOnce(file, text)));
        expect(isFirst.filter(Boolean)).toHaveLength(1);
        expect(await readFile(file, 'utf8')).toBe(texts[isFirst.indexOf(true)]);
        expect(await readdir(directory)).toEqual(['pin']);
      }),
  );

  test.each(['ENOSYS', 'ENOTSUP', 'EXDEV'])('without renames (%s) it says so, and leaves nothing', (rename) =>
    onFailingDisk({ rename }, async () => {
      const directory = temporaryDirectory();
      await expect(writeFileAtomic(join(directory, 'x'), 'one')).rejects.toMatchObject({
        name: 'StorageError',
        message: `cannot write ${join(directory, 'x')}: ${rename}`,
        hint: expect.stringMatching(/file system/),
      });
      expect(await readdir(directory)).toEqual([]);
    }),
  );
});
