import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StorageError } from '../../errors.ts';
import { writeFileAtomic } from './atomic-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atomic-file-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('writeFileAtomic', () => {
  test('creates a file, and leaves nothing beside it', async () => {
    await writeFileAtomic(join(directory, 'a.txt'), 'new');
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('new');
    expect(await readdir(directory)).toEqual(['a.txt']);
  });

  test('writes bytes as they are', async () => {
    const bytes = Uint8Array.from([0, 255, 10, 13]);
    await writeFileAtomic(join(directory, 'a.bin'), bytes);
    expect(new Uint8Array(await readFile(join(directory, 'a.bin')))).toEqual(bytes);
  });

  test('gives a new file the mode asked for', async () => {
    await writeFileAtomic(join(directory, 'secret'), 'x', { mode: 0o600 });
    expect(await modeOf(join(directory, 'secret'))).toBe(0o600);
  });

  test('keeps the mode of an existing file, even one the umask would forbid', async () => {
    const path = join(directory, 'shared');
    await writeFile(path, 'old');
    await chmod(path, 0o666);
    await writeFileAtomic(path, 'new', { mode: 0o600 });
    expect(await modeOf(path)).toBe(0o666);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  test('replaces the file a symbolic link points to, and keeps the link', async () => {
    await mkdir(join(directory, 'real'));
    await writeFile(join(directory, 'real/a.txt'), 'old');
    await symlink('real/a.txt', join(directory, 'link'));
    await writeFileAtomic(join(directory, 'link'), 'new');
    expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(directory, 'real/a.txt'), 'utf8')).toBe('new');
    expect(await readdir(join(directory, 'real'))).toEqual(['a.txt']);
  });

  test('creates what a dangling link points to', async () => {
    await symlink('later.txt', join(directory, 'link'));
    await writeFileAtomic(join(directory, 'link'), 'new');
    expect(await readFile(join(directory, 'later.txt'), 'utf8')).toBe('new');
    expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true);
  });

  test('replaces the file rather than its content, so that a reader keeps what it opened', async () => {
    const path = join(directory, 'a.txt');
    await writeFile(path, 'old');
    const before = (await stat(path)).ino;
    await writeFileAtomic(path, 'new');
    expect((await stat(path)).ino).not.toBe(before);
  });

  test('many writers at once leave one complete content and no temporary file', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(50_000));
    await Promise.all(contents.map((content) => writeFileAtomic(join(directory, 'a'), content)));
    expect(contents).toContain(await readFile(join(directory, 'a'), 'utf8'));
    expect(await readdir(directory)).toEqual(['a']);
  });

  test('removes its temporary file when it cannot replace the target', async () => {
    await mkdir(join(directory, 'target/full'), { recursive: true });
    const failure = await writeFileAtomic(join(directory, 'target'), 'new').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({ message: `cannot write ${join(directory, 'target')}: EISDIR` });
    expect(await readdir(directory)).toEqual(['target']);
  });

  test.each([
    ['a missing folder', 'missing/a.txt', 'ENOENT'],
    ['a loop of links', 'loop', 'ELOOP'],
  ])('reports %s', async (_, name, code) => {
    await symlink('loop', join(directory, 'loop'));
    const failure = await writeFileAtomic(join(directory, name), 'new').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({ cause: { code } });
  });
});
