import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFileArchiveStore } from '../../src/archives/file-archive-store.ts';
import { StorageError } from '../../src/errors.ts';
import type { Checksum } from '../../src/model/checksum.ts';
import { onFailingDisk } from '../../src/support/disk/failing-disk.fixture.ts';
import { temporaryName } from '../../src/support/disk/temporary-file.ts';
import { zipOf } from '../support/zip-bytes.ts';
import { archiveStoreContract, archiveUpkeepContract, checksumOf } from './archive-store.contract.ts';

async function createWorld() {
  const parent = await mkdtemp(path.join(tmpdir(), 'archives-'));
  const directory = path.join(parent, 'data', 'packages');
  const store = openFileArchiveStore(directory);
  return {
    store,
    async leftovers() {
      const expected = new Set<string>();
      for await (const { checksum } of store.list()) expected.add(store.locate(checksum));
      const entries = await readdir(parent, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
      return files.filter((file) => !expected.has(file));
    },
    remove: () => rm(parent, { recursive: true }),
    damage: (checksum: Checksum, bytes: Buffer) => writeFile(store.locate(checksum), bytes),
    async interrupt(checksum: Checksum) {
      const folder = path.dirname(store.locate(checksum));
      const inUse = temporaryName(`.${checksum}`);
      const place = inUse.replace(/\.\d+-/, `.${await endedProcess()}-`);
      for (const name of [inUse, place]) await writeFile(path.join(folder, name), 'half');
    },
    takeAway: () => rm(directory, { recursive: true }),
  };
}

archiveStoreContract('the file store', createWorld);
archiveUpkeepContract('the file store', createWorld);

/** The number of a process that has ended. */
async function endedProcess(): Promise<number | undefined> {
  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'exit');
  return ended.pid;
}

describe('the file store on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'archives-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('an archive is a readable file named by its checksum', async () => {
    const bytes = zipOf('');
    const checksum = checksumOf(bytes);
    const store = openFileArchiveStore(directory);
    await store.store(checksum, Readable.from([bytes]));
    const expected = path.join(directory, checksum.slice(0, 2), `${checksum}.zip`);
    expect(store.locate(checksum)).toBe(expected);
    expect((await stat(expected)).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  test.each([{ link: 'EPERM' }, { link: 'ENOSYS' }, { link: 'EXDEV', rename: 'EXDEV' }])(
    'without $link, damaged archives go to quarantine, and sound ones stay',
    async (failures) => {
      const bytes = zipOf('');
      const checksum = checksumOf(bytes);
      const store = openFileArchiveStore(path.join(directory, 'packages'));
      await store.store(checksum, Readable.from([bytes]));
      await onFailingDisk(failures, async () => {
        // Where not even a name can be changed back, it is not tried with a sound one.
        if (failures.rename === undefined) {
          expect(await store.quarantine(checksum)).toBeUndefined();
          expect(await store.has(checksum)).toBe(true);
        }
        await writeFile(store.locate(checksum), 'damaged');
        const moved = await store.quarantine(checksum);
        expect(await readdir(path.join(directory, 'quarantine'))).toEqual([path.basename(moved ?? '')]);
      });
      expect(await store.has(checksum)).toBe(false);
    },
  );

  test('a network file system that goes on calling an archive stale is a disk that fails', async () => {
    const bytes = zipOf('');
    const checksum = checksumOf(bytes);
    const store = openFileArchiveStore(directory);
    await store.store(checksum, Readable.from([bytes]));
    await onFailingDisk({ stat: -116 }, async () => {
      await expect(store.size(checksum)).rejects.toMatchObject({
        name: 'StorageError',
        message: expect.stringContaining('ESTALE'),
      });
    });
  });

  test('files of other names are not archives', async () => {
    const folder = path.join(directory, 'ab');
    await mkdir(folder);
    for (const name of [
      `cd${'0'.repeat(62)}.zip`,
      `ab${'0'.repeat(62)}`,
      'ab.zip',
      `AB${'0'.repeat(62)}.zip`,
    ])
      await writeFile(path.join(folder, name), '');
    await writeFile(path.join(directory, 'README'), '');
    for await (const archive of openFileArchiveStore(directory).list()) expect(archive).toBeUndefined();
  });

  test('a disk that refuses is a StorageError with a hint, and the body is let go', async () => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    const body = Readable.from([zipOf('')]);
    const failure = openFileArchiveStore(file).store(checksumOf(zipOf('')), body);
    await expect(failure).rejects.toThrow(StorageError);
    await expect(failure).rejects.toHaveProperty('hint', expect.stringContaining('directory'));
    expect(body.destroyed).toBe(true);
  });

  test('abandoned temporaries are found, not those in use nor anything else', async () => {
    const checksum = checksumOf(zipOf(''));
    const folder = path.join(directory, checksum.slice(0, 2));
    await mkdir(folder);
    const ended = await endedProcess();
    const own = temporaryName(`.${checksum}`);
    const names = {
      ofEnded: own.replace(`.${process.pid}-`, `.${ended}-`),
      old: temporaryName(`.${checksum}`),
      inUse: own,
      // A container on the same volume: its processes have numbers of their own.
      elsewhere: own.replace(/\.\d+-[0-9a-f]{12}-/, `.${ended}-0123456789ab-`),
      oldElsewhere: own.replace(/\.\d+-[0-9a-f]{12}-/, `.${process.pid}-0123456789ab-`),
      archive: `${checksum}.zip`,
      foreign: '.notes.tmp',
    };
    for (const name of Object.values(names)) await writeFile(path.join(folder, name), '');
    const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const name of [names.old, names.oldElsewhere, names.archive, names.foreign])
      await utimes(path.join(folder, name), longAgo, longAgo);
    const abandoned = [names.ofEnded, names.old, names.oldElsewhere].map((name) => path.join(folder, name));
    const found = await openFileArchiveStore(directory).findAbandoned();
    expect(found.map(({ place }) => place).sort()).toEqual(abandoned.sort());
    expect(await openFileArchiveStore(path.join(directory, 'missing')).findAbandoned()).toEqual([]);
  });
});
