import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { git, tryGit } from '../../test/support/git-client.ts';
import { writeTree } from '../../test/support/git-tree.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { TreeEdit } from '../support/git/git-import.ts';
import { createGitIndex } from './create-index.ts';
import { type GitIndex, openGitIndex } from './git-index.ts';
import type { StateView } from './state-view.ts';

type IndexChange = Parameters<GitIndex['commit']>[0];

const date = new Date('2026-03-04T05:06:07Z');

async function newDirectory(): Promise<string> {
  const directory = join(temporaryDirectory(), 'index');
  expect(await createGitIndex(directory, date)).toBe(true);
  return directory;
}

async function open(directory: string): Promise<GitIndex> {
  const index = await openGitIndex(directory);
  onTestFinished(() => index.close());
  return index;
}

const openNew = async () => open(await newDirectory());

function change(base: StateView, edits: readonly TreeEdit[], more: Partial<IndexChange> = {}): IndexChange {
  const { modules, changedSinceRoot, policy, planner, snapshots, acceptedNames, blocks } = base;
  return {
    base,
    ...(edits.length > 0 ? { served: { edits, message: 'Update\n', isRoot: false } } : {}),
    state: { modules, changedSinceRoot, policy, planner, snapshots, acceptedNames, blocks },
    stateEdits: [],
    findings: [],
    pending: new Map(),
    message: 'Update\n',
    date,
    ...more,
  };
}

const file = (name: string, content: string): TreeEdit => ({ path: `user/${name}.index`, content });
const inside = (directory: string, ...args: string[]) => git(['--git-dir', directory, ...args]);
const refs = (directory: string) => inside(directory, 'for-each-ref', '--format=%(refname) %(objectname)');
const paths = async (index: GitIndex) => [...(await index.list((await index.state()).served)).keys()];

const snapshotOf = (source: string, tree: string) => ({
  source,
  tree,
  commit: 'c'.repeat(40),
  since: date.toISOString(),
  priority: 50,
  indexUrl: 'https://one.example/index',
});

describe('a new index', () => {
  test('clones, shallow and full, with an empty main', async () => {
    const directory = await newDirectory();
    for (const depth of [[], ['--depth', '1', '--single-branch', '--no-tags']]) {
      const clone = join(temporaryDirectory(), 'clone');
      const { code, stderr } = await tryGit(['clone', ...depth, `file://${directory}`, clone]);
      expect([code, stderr.includes('warning')]).toEqual([0, false]);
      expect((await git(['-C', clone, 'branch', '--show-current'])).trim()).toBe('main');
      expect((await git(['-C', clone, 'ls-files'])).trim()).toBe('');
    }
  });

  test('is left alone where there is one', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    const before = await refs(directory);
    expect(await createGitIndex(directory, new Date())).toBe(false);
    expect(await refs(directory)).toBe(before);
  });

  test.each([
    ['before any ref', ['refs/registry/state', 'refs/heads/main']],
    ['before main', ['refs/heads/main']],
  ])('is completed where making it was cut short %s', async (_, missing) => {
    const directory = await newDirectory();
    for (const ref of missing) await inside(directory, 'update-ref', '-d', ref);
    await createGitIndex(directory, date);
    const index = await open(directory);
    expect(await index.servedCommit()).toBe((await index.state()).served);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    expect(await paths(index)).toEqual(['user/a/b.index']);
    expect((await git(['ls-remote', `file://${directory}`])).split('\n')).toHaveLength(3);
  });

  test('is never made over one that has lost its state', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    const copy = join(temporaryDirectory(), 'copy');
    await git(['clone', '--quiet', '--mirror', `file://${directory}`, copy]);
    const before = await refs(copy);
    expect(await createGitIndex(copy, date)).toBe(false);
    const failure = await openGitIndex(copy).catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure.hint).toContain('clone');
    expect(await refs(copy)).toBe(before);
  });

  test('says what the disk says where it cannot tell', async () => {
    const place = join(temporaryDirectory(), 'file');
    await writeFile(place, '');
    const failure = await openGitIndex(join(place, 'index')).catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({ message: expect.stringContaining('ENOTDIR'), hint: expect.any(String) });
  });

  test('says what to do where there is none', async () => {
    const failure = await openGitIndex(join(temporaryDirectory(), 'nowhere')).catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure.hint).toContain('moonbit-registry init');
  });

  test('shows clients nothing but main', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    const shown = await git(['ls-remote', `file://${directory}`]);
    const { served } = await index.state();
    expect(shown).toBe(`${served}\tHEAD\n${served}\trefs/heads/main\n`);
  });
});

describe('a change', () => {
  test('adds, replaces and removes files, and is there for the next who opens', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'one\n'), file('a/b/c', 'nested\n')]));
    await index.commit(
      change(await index.state(), [file('a/b', 'two\n'), { path: 'user/a/b/c.index' }, file('o/🐫', 'x\n')]),
    );
    for (const reader of [index, await open(directory)]) {
      const { served } = await reader.state();
      expect(await paths(reader)).toEqual(['user/a/b.index', 'user/o/🐫.index']);
      expect((await reader.read(`${served}:user/a/b.index`))?.toString()).toBe('two\n');
      expect(await reader.servedCommit()).toBe(served);
      expect(new Set(await reader.servedHistory()).size).toBe(3);
      expect((await reader.servedHistory())[0]).toBe(served);
    }
    expect((await inside(directory, 'cat-file', '-p', 'main:user/o/🐫.index')).trim()).toBe('x');
  });

  test('may name an object that is there already, byte for byte', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const content = '{"odd":  "spaces"}\r\n\n no newline at the end';
    const tree = await writeTree(directory, { 'user/a/b.index': content });
    const object = (await index.identify(tree, 'user/a/b.index')) ?? '';
    const state = await index.commit(change(await index.state(), [{ path: 'user/a/b.index', object }]));
    expect(await index.identify(state.served, 'user/a/b.index')).toBe(object);
    expect((await index.read(object))?.toString()).toBe(content);
  });

  test('of the state alone leaves main where it is', async () => {
    const index = await openNew();
    const before = await index.state();
    const findings: Finding[] = [{ kind: 'look-alike', module: 'a/b', source: 's', message: 'Why — "so".' }];
    const after = await index.commit(change(before, [], { findings }));
    expect(after.commit).not.toBe(before.commit);
    expect(after.served).toBe(before.served);
    expect(await after.findings()).toEqual(findings);
    expect(await before.findings()).toEqual([]);
  });

  test('that an earlier program wrote may tell of names that wait, which is no finding any more', async () => {
    const index = await openNew();
    const waits = {
      kind: 'undecided',
      module: 'a/b',
      source: 's',
      message: 'it waits',
    } as unknown as Finding;
    const finding: Finding = { kind: 'look-alike', module: 'a/b', source: 's', message: 'it looks like it' };
    const after = await index.commit(change(await index.state(), [], { findings: [waits, finding] }));
    expect(await after.findings()).toEqual([finding]);
  });

  test('planned on an older state fails, and changes nothing', async () => {
    const directory = await newDirectory();
    const [first, second] = [await open(directory), await open(directory)];
    const base = await second.state();
    await first.commit(change(await first.state(), [file('a/first', 'x\n')]));
    const before = await refs(directory);
    const failure = await second.commit(change(base, [file('a/second', 'x\n')])).catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure.hint).toContain('again');
    expect(await refs(directory)).toBe(before);
    expect(await paths(second)).toEqual(['user/a/first.index']);
    await second.commit(change(await second.state(), [file('a/second', 'x\n')]));
    expect(await paths(first)).toEqual(['user/a/first.index', 'user/a/second.index']);
  });

  test('that came to the state but not to main is rolled forward when opened', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const before = await index.servedCommit();
    const { served } = await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    await inside(directory, 'update-ref', 'refs/heads/main', before);
    expect(await index.servedCommit()).toBe(before);
    expect(await (await open(directory)).servedCommit()).toBe(served);
    await inside(directory, 'update-ref', '-d', 'refs/heads/main');
    expect(await (await open(directory)).servedCommit()).toBe(served);
  });

  test('that wrote objects but did not come to the state is as if it had not been', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    const [main, state] = [await index.servedCommit(), (await index.state()).commit];
    await index.commit(change(await index.state(), [file('a/c', 'x\n')]));
    await inside(directory, 'update-ref', 'refs/registry/state', state);
    const reopened = await open(directory);
    expect(await reopened.servedCommit()).toBe(main);
    expect(await paths(reopened)).toEqual(['user/a/b.index']);
  });

  test('survives the packing of refs and objects', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    await inside(directory, 'pack-refs', '--all');
    await inside(directory, 'repack', '-adq');
    await inside(directory, 'prune', '--expire=now');
    await index.commit(change(await index.state(), [file('a/c', 'x\n')]));
    for (const reader of [index, await open(directory)])
      expect(await paths(reader)).toEqual(['user/a/b.index', 'user/a/c.index']);
  });

  test('after many others leaves a repository in which git finds no fault', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    for (let i = 0; i < 20; i++) {
      const tree = await writeTree(directory, { 'user/a/b.index': `${i}\n` });
      const base = await index.state();
      const edits = [file(`a/m${i % 7}`, `${i}\n`), ...(i % 5 === 4 ? [{ path: 'user/a/m0.index' }] : [])];
      await index.commit(
        change(base, edits, {
          served: { edits, message: `Change ${i}\n`, isRoot: i % 9 === 8 },
          state: { ...base, snapshots: [snapshotOf('public', tree)], modules: i },
          stateEdits: [{ path: `ledger/public/user/a/m${i % 7}.index`, content: `${i}\n` }],
        }),
      );
    }
    const { code, stdout, stderr } = await tryGit(['--git-dir', directory, 'fsck', '--full', '--strict']);
    expect([code, stderr]).toEqual([0, '']);
    // Whatever is not reachable is a left-over: fast-import's refs must not remain, nor hold anything.
    expect(stdout).toBe('');
    expect(await refs(directory)).toMatch(/^refs\/heads\/main \w+\nrefs\/registry\/state \w+\n$/);
  });
});

describe('a fresh root', () => {
  test('has the same files and no history, and the state keeps what went before', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n'), file('a/c', 'x\n')]));
    const before = await index.state();
    const edits = [file('a/c', 'y\n'), file('a/d', 'z\n')];
    const after = await index.commit(
      change(before, edits, { served: { edits, message: 'Start again\n', isRoot: true } }),
    );
    expect(await paths(index)).toEqual(['user/a/b.index', 'user/a/c.index', 'user/a/d.index']);
    expect((await inside(directory, 'rev-list', '--count', after.served)).trim()).toBe('1');
    const ancestors = (await inside(directory, 'rev-list', after.commit)).trim().split('\n');
    expect(ancestors).toEqual(expect.arrayContaining([after.served, before.served, before.commit]));
  });

  test('can be of an index that was empty', async () => {
    const index = await openNew();
    const edits = [file('a/b', 'x\n')];
    await index.commit(
      change(await index.state(), edits, { served: { edits, message: 'Start again\n', isRoot: true } }),
    );
    expect(await paths(index)).toEqual(['user/a/b.index']);
    expect(new Set(await index.servedHistory())).toEqual(new Set([await index.servedCommit()]));
  });

  test('makes a client that pulls clone again, and one that fetches follow', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    await index.commit(change(await index.state(), [file('a/b', 'x\n')]));
    const clone = join(temporaryDirectory(), 'clone');
    await git(['clone', '--quiet', '--depth', '1', `file://${directory}`, clone]);
    const edits = [file('a/c', 'y\n')];
    await index.commit(
      change(await index.state(), edits, { served: { edits, message: 'Start again\n', isRoot: true } }),
    );
    expect((await tryGit(['-C', clone, 'pull', 'origin', 'main'])).code).not.toBe(0);
    await git([
      '-C',
      clone,
      'fetch',
      '-q',
      '--depth=1',
      'origin',
      '+refs/heads/main:refs/remotes/origin/main',
    ]);
    await git(['-C', clone, 'reset', '-q', '--hard', 'FETCH_HEAD']);
    expect(await git(['-C', clone, 'ls-files'])).toBe('user/a/b.index\nuser/a/c.index\n');
  });
});

describe('snapshots', () => {
  test('are kept alive by the state, and let go with their record', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const [first, second] = [
      await writeTree(directory, { 'user/a/b.index': 'first\n' }),
      await writeTree(directory, { 'user/c/d.index': 'second\n' }),
    ];
    const snapshots = [snapshotOf('one', first), snapshotOf('two', second)];
    const base = await index.state();
    const both = await index.commit(change(base, [], { state: { ...base, snapshots } }));
    expect(both.snapshots).toEqual(snapshots);
    const kept = await index.list(both.commit);
    expect([...kept.keys()].filter((path) => path.startsWith('sources/'))).toEqual([
      'sources/one/user/a/b.index',
      'sources/two/user/c/d.index',
    ]);
    const one = await index.commit(change(both, [], { state: { ...both, snapshots: snapshots.slice(1) } }));
    expect(await index.list(`${one.commit}:sources/one`)).toEqual(new Map());
    expect([...(await index.list(`${one.commit}:sources/two`)).keys()]).toEqual(['user/c/d.index']);
    await inside(directory, 'prune', '--expire=now');
    expect([...(await index.list(first)).keys()]).toEqual(['user/a/b.index']);
  });

  test('replace the one before as a whole', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    for (const files of [
      { 'user/a/old.index': 'x\n', 'user/a/b.index': 'x\n' },
      { 'user/a/b.index': 'y\n' },
    ]) {
      const base = await index.state();
      const tree = await writeTree(directory, files);
      await index.commit(change(base, [], { state: { ...base, snapshots: [snapshotOf('one', tree)] } }));
    }
    const { commit } = await index.state();
    expect([...(await index.list(`${commit}:sources/one`)).keys()]).toEqual(['user/a/b.index']);
  });
});

describe('reading', () => {
  test('lists, compares and identifies files of any tree, odd names included', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const names = ['user/a/b.index', 'user/a/b/c.index', 'user/CAIMEOX/原来.index', 'user/o/🐫.index'];
    const before = await writeTree(directory, Object.fromEntries(names.map((name) => [name, 'x\n'])));
    const after = await writeTree(directory, { 'user/a/b.index': 'y\n', 'user/o/🐫.index': 'x\n', new: '' });
    expect(new Set((await index.list(before)).keys())).toEqual(new Set(names));
    expect(await index.diff(before, after)).toEqual(
      new Map([
        ['new', await index.identify(after, 'new')],
        ['user/CAIMEOX/原来.index', undefined],
        ['user/a/b.index', await index.identify(after, 'user/a/b.index')],
        ['user/a/b/c.index', undefined],
      ]),
    );
    expect(await index.diff(after, after)).toEqual(new Map());
    expect(await index.identify(before, 'user/o/🐫.index')).toBe(
      (await index.list(after)).get('user/o/🐫.index'),
    );
  });

  test('says nothing of what is not there, or is no file', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const tree = await writeTree(directory, { 'user/a/b.index': 'x\n' });
    expect(await index.identify(tree, 'user/a/c.index')).toBeUndefined();
    expect(await index.identify(tree, 'user/a')).toBeUndefined();
    expect(await index.read(`${tree}:user/z/c.index`)).toBeUndefined();
    expect(await index.list(`${tree}:ledger`)).toEqual(new Map());
    expect(await index.read(`${tree}:user/a\n/b.index`)).toBeUndefined();
  });

  test('never takes what git has lost for what was never there', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const tree = await writeTree(directory, { 'user/a/b.index': 'x\n' });
    for (const name of [`${tree}:user/a/b.index`, `${tree}:user/a`]) {
      const id = (await inside(directory, 'rev-parse', name)).trim();
      const file = join(directory, 'objects', id.slice(0, 2), id.slice(2));
      await rm(file);
      await writeFile(file, '');
      await expect(index.identify(tree, 'user/a/b.index')).rejects.toBeInstanceOf(StorageError);
      await expect(index.read(`${tree}:user/a/b.index`)).rejects.toHaveProperty('hint');
      await expect(index.read(id)).rejects.toBeInstanceOf(StorageError);
      expect(await index.read(`${tree}:user/z/c.index`)).toBeUndefined();
    }
    await expect(index.list(tree)).rejects.toBeInstanceOf(StorageError);
    await expect(index.read('0'.repeat(40))).rejects.toBeInstanceOf(StorageError);
  });

  test('goes on in a copy of the folder', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const tree = await writeTree(directory, { 'user/a/b.index': 'x\n' });
    const base = await index.state();
    const snapshots = [snapshotOf('one', tree)];
    await index.commit(change(base, [file('a/b', 'x\n')], { state: { ...base, snapshots } }));
    const copy = join(temporaryDirectory(), 'copy');
    await cp(directory, copy, { recursive: true });
    await rm(directory, { recursive: true });
    const copied = await open(copy);
    expect(await paths(copied)).toEqual(['user/a/b.index']);
    expect([...(await copied.list(tree)).keys()]).toEqual(['user/a/b.index']);
  });
});

describe('objects of unknown size', () => {
  test('are measured before they are read', async () => {
    const directory = await newDirectory();
    const index = await open(directory);
    const tree = await writeTree(directory, { 'small.txt': 'four', 'large.txt': 'x'.repeat(5000) });
    const [small = '', large = ''] = await Promise.all(
      ['small.txt', 'large.txt'].map((path) => index.identify(tree, path)),
    );
    expect(await index.measure(large)).toMatchObject({ sizeBytes: 5000, type: 'blob' });
    expect(await index.measure(tree)).toMatchObject({ type: 'tree' });
    expect(await index.readBounded(small, 4)).toEqual({ kind: 'read', bytes: Buffer.from('four') });
    expect(await index.readBounded(large, 4999)).toEqual({ kind: 'too-large', sizeBytes: 5000 });
    expect(await index.readBounded(`${tree}:none`, 4)).toEqual({ kind: 'missing' });
  });
});

test('two paths that are no UTF-8 stay two', async () => {
  const directory = await newDirectory();
  const index = await open(directory);
  const id = (await inside(directory, 'hash-object', '-w', '--stdin')).trim();
  const entry = (name: number[]) =>
    Buffer.concat([Buffer.from('100644 '), Buffer.from([...name, 0]), Buffer.from(id, 'hex')]);
  const content = Buffer.concat([entry([0x61, 0xe8]), entry([0x61, 0xe9])]);
  const file = join(temporaryDirectory(), 'tree');
  await writeFile(file, content);
  const tree = (await inside(directory, 'hash-object', '-t', 'tree', '-w', file)).trim();
  expect([...(await index.list(tree)).keys()]).toEqual(['a\\xe8', 'a\\xe9']);
  const empty = await writeTree(directory, {});
  expect([...(await index.diff(empty, tree)).keys()]).toEqual(['a\\xe8', 'a\\xe9']);
});
