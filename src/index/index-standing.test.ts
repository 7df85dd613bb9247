import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../../test/support/git-client.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { StorageError } from '../errors.ts';
import { createGitIndex } from './create-index.ts';
import { openGitIndex } from './git-index.ts';
import { lookAtIndex } from './index-standing.ts';
import { mendIndex } from './mend-index.ts';

async function createIndex(): Promise<string> {
  const directory = join(temporaryDirectory(), 'index');
  await createGitIndex(directory, new Date('2026-03-01T00:00:00Z'));
  return directory;
}

describe('an index that was never made', () => {
  test('is nothing, or an empty folder', async () => {
    const place = temporaryDirectory();
    await mkdir(join(place, 'empty'));
    for (const name of ['nothing', 'empty'])
      expect(await lookAtIndex(join(place, name))).toEqual({ kind: 'absent' });
  });

  test('is not one where something else is', async () => {
    const place = temporaryDirectory();
    await writeFile(join(place, 'file'), 'mine');
    await mkdir(join(place, 'folder'));
    await writeFile(join(place, 'folder', 'notes.txt'), 'mine');
    await symlink('/nowhere/at/all', join(place, 'link'));
    for (const [name, detail] of [
      ['file', 'is no folder'],
      ['folder', 'is a folder with other things in it'],
      ['link', 'is a link to /nowhere/at/all, which is not there'],
    ] as const)
      expect(await lookAtIndex(join(place, name))).toEqual({ kind: 'foreign', detail });
  });
});

const state = 'refs/registry/state';
const remove = (name: string) => (index: string) => rm(join(index, name), { recursive: true });
const write = (name: string, text: string) => (index: string) => writeFile(join(index, name), text);
const replaceByFolder = (name: string) => async (index: string) => {
  await rm(join(index, name));
  await mkdir(join(index, name));
};
const packed = (damage: (index: string) => Promise<unknown>) => async (index: string) => {
  await git(['--git-dir', index, 'pack-refs', '--all']);
  await damage(index);
};

describe('a damaged index', () => {
  test.each<[string, (index: string) => Promise<unknown>, string, boolean]>([
    ['without HEAD', remove('HEAD'), 'HEAD is missing', true],
    ['with an empty HEAD', write('HEAD', ''), 'HEAD is empty', true],
    ['with a HEAD of zeros', write('HEAD', '\0\0\0\0'), 'HEAD is empty', true],
    ['whose HEAD is another branch', write('HEAD', 'ref: refs/heads/master\n'), 'HEAD does not say', true],
    ['whose HEAD is a folder', replaceByFolder('HEAD'), 'HEAD is a folder', true],
    ['without its settings', remove('config'), 'config is missing', true],
    ['whose settings are empty', write('config', ''), 'config is empty', true],
    ['whose settings are none', write('config', '[core\n'), 'config cannot be read', true],
    ['without refs, all packed', packed(remove('refs')), 'refs is missing', true],
    ['without refs', remove('refs'), 'refs is missing', false],
    ['without objects', remove('objects'), 'objects is missing', false],
    ['without its state', remove(state), `${state} is missing`, false],
    ['whose state is empty', write(state, ''), `${state} is empty`, false],
    ['whose state is a folder', replaceByFolder(state), `${state} is a folder`, false],
    ['whose state is no id', write(state, 'main\n'), `${state} does not name a commit`, false],
    ['whose packed refs are garbage', write('packed-refs', 'x\n'), 'packed-refs has a line 1', false],
    [
      'whose packed refs are zeros',
      packed(write('packed-refs', '\0\0\0')),
      'packed-refs has a line 1',
      false,
    ],
  ])('%s is told from one that never was, and mended where nobody has to guess', async (...row) => {
    const [, damage, message, isConstant] = row;
    const index = await createIndex();
    await damage(index);
    const failure = await openGitIndex(index)
      .then(
        (opened) => opened.state().finally(() => opened.close()),
        (error: unknown) => error,
      )
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    const { message: said, hint } = failure as StorageError;
    expect(said).toContain(`the index in ${index} is damaged: `);
    expect(said).toContain(message);
    expect(hint).toMatch(/restore a backup.*pins, origins and decisions are lost/);
    expect(hint?.includes('verify --repair')).toBe(isConstant);
    const standing = await lookAtIndex(index);
    const parts = standing.kind === 'damaged' ? standing.parts : [];
    await mendIndex(index, parts);
    // Of settings, git alone knows whether it can read them.
    if (parts.length > 0) expect((await lookAtIndex(index)).kind).toBe(isConstant ? 'whole' : 'damaged');
  });

  test('whose main was cut short by a power cut is opened, and main is where the state says', async () => {
    const index = await createIndex();
    await writeFile(join(index, 'refs', 'heads', 'main'), '');
    const opened = await openGitIndex(index);
    await opened.settle();
    expect(await opened.servedCommit()).toBe((await opened.state()).served);
    opened.close();
  });

  test('keeps a folder in the place of HEAD that has something in it', async () => {
    const index = await createIndex();
    await replaceByFolder('HEAD')(index);
    await writeFile(join(index, 'HEAD', 'notes'), 'mine');
    const standing = await lookAtIndex(index);
    if (standing.kind !== 'damaged') throw new Error('it is not damaged');
    await expect(mendIndex(index, standing.parts)).rejects.toBeInstanceOf(StorageError);
  });
});

test('an index whose refs are all packed is whole, and so is one with older ones beside its own', async () => {
  const index = await createIndex();
  await git(['--git-dir', index, 'pack-refs', '--all']);
  expect(await lookAtIndex(index)).toEqual({ kind: 'whole' });
  await git(['--git-dir', index, 'update-ref', state, 'refs/registry/state']);
  expect(await lookAtIndex(index)).toEqual({ kind: 'whole' });
});

test.skipIf(process.getuid?.() === 0)(
  'a folder that may not be read is no damage (skipped for root, who may read all)',
  async () => {
    const index = await createIndex();
    await chmod(index, 0);
    const failure = await lookAtIndex(index).catch((error: unknown) => error);
    await chmod(index, 0o755);
    expect(failure).toMatchObject({ code: 'storage', message: expect.stringContaining('EACCES') });
  },
);
