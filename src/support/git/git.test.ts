import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GitError, runGit, spawnGit } from './git.ts';
import { importCommits } from './git-import.ts';
import { createGitObjectReader } from './git-objects.ts';

let directory = '';
let gitDir = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'git-'));
  gitDir = join(directory, 'repository.git');
  execFileSync('git', ['init', '--quiet', '--bare', gitDir]);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const date = new Date('2026-01-02T03:04:05Z');

describe('runGit', () => {
  test('tells the exit status and what git said', async () => {
    const failure = await runGit(['rev-parse', 'nowhere'], { gitDir }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GitError);
    expect(failure).toMatchObject({ status: 128, stderr: expect.stringContaining('nowhere') });
  });

  test('kills git when its time is up', async () => {
    const failure = await runGit(['-c', 'alias.wait=!sleep 60', 'wait'], { timeoutMs: 50 }).catch(
      (e: unknown) => e,
    );
    expect(failure).toMatchObject({ timedOut: true });
  });

  test('kills git when it puts out more than may be', async () => {
    const failure = await runGit(['-c', 'alias.flood=!yes', 'flood'], { maxStdoutBytes: 10_000 }).catch(
      (e: unknown) => e,
    );
    expect(failure).toMatchObject({ exceeded: 'stdout' });
  });

  test('kills git when it has no end of things to report, and tells how they begin and end', async () => {
    const failure = await runGit(['-c', 'alias.flood=!echo first >&2; yes >&2', 'flood']).catch(
      (e: unknown) => e,
    );
    expect(failure).toMatchObject({ exceeded: 'stderr', stderr: expect.stringMatching(/^first\ny\n/) });
    expect((failure as GitError).stderr.length).toBeLessThan(9000);
  });

  test('leaves no helper behind that heeds no signal', async () => {
    const script = `trap '' TERM; echo $$ > ${join(directory, 'pid')}; while :; do sleep 0.1; done`;
    const args = ['-c', `alias.stay=!sh -c "${script.replaceAll('$', '\\$')}" & wait`, 'stay'];
    const failure = await runGit(args, { timeoutMs: 300 }).catch((e: unknown) => e);
    expect(failure).toMatchObject({ exceeded: 'time' });
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    expect(pid).toBeGreaterThan(1);
    // Gone, or dead and not yet taken note of by whoever inherited it.
    const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
    expect(state.trim()).toMatch(/^Z|^$/);
  });

  test('hears no signal that is sent to the group of whoever started it', async () => {
    const child = spawnGit(['cat-file', '--batch'], { env: { ...process.env, GIT_DIR: gitDir } });
    const ended = once(child, 'exit');
    expect(() => process.kill(-(child.pid ?? 0), 0)).not.toThrow();
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
  });

  test('tells that git had too little memory', async () => {
    const [commit = ''] = await importCommits(gitDir, [
      () => ({ message: 'm', date, edits: [{ path: 'f', content: Buffer.alloc(3_000_000) }] }),
    ]);
    const failure = await runGit(['cat-file', 'blob', `${commit}:f`], {
      gitDir,
      env: { GIT_ALLOC_LIMIT: '1m' },
    }).catch((e: unknown) => e);
    expect(failure).toMatchObject({ isOutOfMemory: true });
  });

  test('tells whether the kernel may have killed it for want of memory, or somebody ended it', async () => {
    const endedBy = (signal: string) =>
      runGit(['-c', `alias.die=!kill -${signal} $PPID; sleep 0.2`, 'die']).catch((e: unknown) => e);
    expect(await endedBy('KILL')).toMatchObject({ killedBy: 'SIGKILL', isOutOfMemory: true });
    expect(await endedBy('TERM')).toMatchObject({ isOutOfMemory: false });
  });

  test('rejects with the reason of an abort', async () => {
    const controller = new AbortController();
    const running = runGit(['-c', 'alias.wait=!sleep 60', 'wait'], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});

describe('importCommits', () => {
  test('writes commits that name each other and leaves no ref behind', async () => {
    const [first, second] = await importCommits(gitDir, [
      () => ({ message: 'one', date, edits: [{ path: 'a/b.txt', content: 'hello\n' }] }),
      (earlier) => ({
        message: 'two',
        date,
        merge: [0],
        edits: [{ path: 'first', content: earlier[0] ?? '' }],
      }),
    ]);
    const show = async (name: string) => (await runGit(['cat-file', 'blob', name], { gitDir })).toString();
    expect(await show(`${first}:a/b.txt`)).toBe('hello\n');
    expect(await show(`${second}:first`)).toBe(first);
    expect((await runGit(['for-each-ref'], { gitDir })).toString()).toBe('');
  });

  test('starts a new root from an old tree and removes paths', async () => {
    const [first = ''] = await importCommits(gitDir, [
      () => ({ message: 'one', date, edits: ['x', 'y'].map((path) => ({ path, content: path })) }),
    ]);
    const tree = (await runGit(['rev-parse', `${first}^{tree}`], { gitDir })).toString().trim();
    const [root = ''] = await importCommits(gitDir, [
      () => ({ message: 'root', date, edits: [{ path: '', mode: '040000', object: tree }, { path: 'x' }] }),
    ]);
    expect((await runGit(['rev-list', root], { gitDir })).toString().trim()).toBe(root);
    expect((await runGit(['ls-tree', '--name-only', root], { gitDir })).toString()).toBe('y\n');
  });

  test('fails on an object that does not exist and leaves nothing visible', async () => {
    const edits = [{ path: 'x', object: '1'.repeat(40) }];
    await expect(importCommits(gitDir, [() => ({ message: 'm', date, edits })])).rejects.toBeInstanceOf(
      GitError,
    );
    expect((await runGit(['for-each-ref'], { gitDir })).toString()).toBe('');
  });
});

describe('createGitObjectReader', () => {
  test('reads many objects in order, large and missing ones among them, and sees new ones', async () => {
    const reader = createGitObjectReader(gitDir);
    const large = 'x'.repeat(3_000_000);
    expect(await reader.read('HEAD:none')).toBeUndefined();
    const [commit] = await importCommits(gitDir, [
      () => ({
        message: 'm',
        date,
        edits: [...Array(500).keys()].map((i) => ({ path: `f${i}`, content: i === 250 ? large : `${i}` })),
      }),
    ]);
    const names = [...Array(501).keys()].map((i) => `${commit}:f${i}`);
    const objects = await Promise.all(names.map((name) => reader.read(name)));
    expect(objects[500]).toBeUndefined();
    expect(objects[250]?.content.toString()).toBe(large);
    expect(objects.slice(0, 250).map((o) => o?.content.toString())).toEqual(
      [...Array(250).keys()].map(String),
    );
    expect(await reader.identify(`${commit}:f1`)).toMatchObject({ type: 'blob', id: objects[1]?.id });
    reader.close();
  });
});
