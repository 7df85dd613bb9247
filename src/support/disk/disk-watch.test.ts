import { describe, expect, test } from 'vitest';
import { StorageError } from '../../errors.ts';
import { GitError } from '../git/git.ts';
import { refusalOf } from './disk-refusal.ts';
import { createDiskWatch } from './disk-watch.ts';
import { systemError } from './failing-disk.fixture.ts';

const hint = 'free some space';
const full = new StorageError('cannot write x: ENOSPC', { hint, cause: systemError('ENOSPC') });

describe('why a disk refuses', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'])(
    '%s is told however deep it lies',
    (code) => {
      const error = systemError(code, 'mkdir');
      expect(refusalOf(error)).toBe(code);
      expect(refusalOf(new StorageError('a', { cause: new StorageError('b', { cause: error }) }))).toBe(code);
    },
  );

  test('a number without a name is understood, and so is what a git of ours says', () => {
    expect(refusalOf(systemError(-122))).toBe('EDQUOT');
    const cause = new GitError('git exited', { status: 128, stderr: 'fatal: x: Read-only file system' });
    expect(refusalOf(new StorageError('cannot move main', { cause }))).toBe('EROFS');
  });

  test('what a source, a socket or our own limits say is something else', () => {
    const far = new GitError('git exited', { status: 128, stderr: 'remote: No space left on device' });
    const others = [
      far,
      systemError('EACCES', 'connect'),
      new StorageError('limits.git_spool'),
      systemError('ENOENT'),
    ];
    for (const error of [...others, undefined, 'EROFS']) expect(refusalOf(error)).toBeUndefined();
  });
});

function createScene() {
  const lines: string[] = [];
  const record = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
  const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
  const scene = { now: 0, lines };
  return { scene, watch: createDiskWatch(log, { now: () => scene.now }) };
}

describe('a disk that takes nothing new', () => {
  test('is told once with what to do, and once when it takes something again', () => {
    const { scene, watch } = createScene();
    for (let second = 0; second < 60; second++) {
      scene.now += 1000;
      expect(watch.refused(full)).toBe(true);
    }
    expect(watch.isRefusing).toBe(true);
    expect(scene.lines).toEqual([
      expect.stringMatching(/^warn: the disk takes nothing new.*free some space/),
    ]);
    watch.worked();
    watch.worked();
    expect(watch.isRefusing).toBe(false);
    expect(scene.lines.slice(1)).toEqual(['info: the disk takes what is new again {}']);
  });

  test('one that takes a little and refuses the next is told of less and less often', () => {
    const { scene, watch } = createScene();
    for (let second = 0; second < 3600; second++) {
      scene.now += 1000;
      watch.refused(full);
      watch.worked();
    }
    expect(scene.lines.length).toBeLessThan(20);
  });

  test('what is no such failure is left to whoever met it', () => {
    const { scene, watch } = createScene();
    expect(watch.refused(new Error('a bug'))).toBe(false);
    watch.worked();
    expect(scene.lines).toEqual([]);
  });
});
