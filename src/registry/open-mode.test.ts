/** What opening a registry may do to its data: nothing for whoever looks, and what the disk allows for whoever serves. */
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { tester } from '../../test/support/actor.ts';
import { git } from '../../test/support/git-client.ts';
import { refuseWrites } from '../../test/support/refusing-disk.ts';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from '../../test/support/registry-world.ts';
import { openStored } from '../../test/support/stored-formats.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { startUpstream } from '../../test/support/worlds.ts';
import { StorageError } from '../errors.ts';
import type { Log } from '../support/log.ts';
import { openRegistry } from './open.ts';
import type { OpenMode } from './open-mode.ts';
import { verifyRegistry } from './verify.ts';

afterEach(() => vi.unstubAllEnvs());

/** Everything below a folder with its times: nothing was written where it is the same. */
async function picture(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const looks = names.map(async (name) => {
    const { mtimeMs, size, ino } = await stat(join(folder, name));
    return `${name} ${mtimeMs} ${size} ${ino}`;
  });
  return (await Promise.all(looks)).sort();
}

async function open(directory: string, mode: OpenMode, log?: Log) {
  const registry = await openRegistry({ directory, env: {}, actor: tester, mode, ...(log ? { log } : {}) });
  onTestFinished(() => registry.close());
  return registry;
}

async function createWorld() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0']);
  await upstream.publish('bob/big@1.0.0', { sizeBytes: 3_000_000 });
  const directory = join(temporaryDirectory(), 'registry');
  const registry = await createRegistry({ directory, sources: [{ name: 'main', upstream }] });
  await registry.sync();
  await download(registry, 'alice/json@1.0.0');
  await registry.close();
  return { upstream, directory, data: join(directory, 'data') };
}

describe('whoever only looks', () => {
  test('writes nothing, whatever is asked, and leaves nothing behind elsewhere', async () => {
    const { upstream, directory, data } = await createWorld();
    await upstream.publish('alice/new@1.0.0');
    const before = await picture(directory);
    vi.stubEnv('TMPDIR', temporaryDirectory());
    const registry = await open(directory, 'read');
    await registry.status();
    await registry.conflicts();
    await registry.explain(moduleName('alice/json'));
    await registry.findArchive(moduleName('alice/json'), version('1.0.0'));
    expect(await registry.checkSources()).toMatchObject([{ ok: true, modules: 3 }]);
    const added = [{ module: 'alice/new', kind: 'added' }];
    expect(await registry.sync({ dryRun: true })).toMatchObject({ changes: added });
    expect(await registry.plan({ isFresh: true })).toMatchObject({ changes: added });
    expect(await registry.mirror({ patterns: ['*/*'], dryRun: true })).toMatchObject({ dryRun: true });
    await registry.close();
    expect(await picture(directory)).toEqual(before);
    expect(await readdir(tmpdir())).toEqual([]);
    expect(data).toContain(directory);
  });

  test('is told of a source with a new name as it will be, and renames nothing', async () => {
    const { upstream, directory } = await createWorld();
    await writeSettings(directory, { sources: [{ name: 'other', upstream }] });
    const before = await picture(join(directory, 'data'));
    const registry = await open(directory, 'read');
    await registry.plan();
    await registry.close();
    expect(await picture(join(directory, 'data'))).toEqual(before);
  });

  test('sees the index that the state names, where main was left behind', async () => {
    const { directory, data } = await createWorld();
    const gitDir = join(data, 'index');
    const served = (await git(['--git-dir', gitDir, 'rev-parse', 'main'])).trim();
    await git(['--git-dir', gitDir, 'update-ref', 'refs/heads/main', 'main^']);
    const before = await picture(data);
    const registry = await open(directory, 'read');
    expect(await registry.servedCommit()).toBe(served);
    expect(Object.keys(await readServed(registry))).toContain('alice/json@1.1.0');
    const report = await verifyRegistry({ directory, env: {}, actor: tester }, {});
    expect(report.isSound).toBe(true);
    expect(JSON.stringify(report)).toContain('the next sync or serve moves it there');
    expect(await picture(data)).toEqual(before);
  });

  test('reads data of an older format as they are', async () => {
    const { directory } = await openStored(1);
    const nowhere = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
    await writeSettings(directory, { sources: [{ name: 'public', upstream: nowhere }] });
    const before = await picture(directory);
    const registry = await open(directory, 'read');
    expect((await registry.status()).modules).toBeGreaterThan(0);
    await registry.close();
    expect(await picture(directory)).toEqual(before);
  });

  test('takes a registry without data for an empty one, and makes none', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const directory = temporaryDirectory();
    await writeSettings(directory, { sources: [{ name: 'main', upstream }] });
    const registry = await open(directory, 'read');
    expect(await registry.status()).toMatchObject({ modules: 0 });
    expect(await registry.sync({ dryRun: true })).toMatchObject({ modules: 1 });
    expect(await readdir(directory)).toEqual(['registry.toml']);
  });

  test('cannot change anything by mistake', async () => {
    const { upstream, directory } = await createWorld();
    await upstream.publish('alice/new@1.0.0');
    const registry = await open(directory, 'read');
    await expect(registry.sync()).rejects.toThrow('to be looked at');
  });

  test('leaves a damaged archive where it is, and says so', async () => {
    const { directory, data } = await createWorld();
    const [archive = ''] = (await readdir(join(data, 'packages'), { recursive: true })).filter((name) =>
      name.endsWith('.zip'),
    );
    await truncate(join(data, 'packages', archive), 20);
    const before = await picture(data);
    const report = await verifyRegistry({ directory, env: {}, actor: tester }, { deep: true });
    expect(report.isSound).toBe(false);
    expect(await picture(data)).toEqual(before);
  });
});

function createLog() {
  const lines: string[] = [];
  const record = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
  const log = { debug: () => {}, info: record('info'), warn: record('warn'), error: record('error') };
  return { lines, log };
}

// The other codes are told apart from these by nothing but `refusalOf`.
describe.each(['EROFS', -122])('a disk that answers %s', (code) => {
  test('serves what is there and passes on what is not, tells it once, and goes on when it can', async () => {
    const { upstream, directory } = await createWorld();
    const { lines, log } = createLog();
    vi.stubEnv('TMPDIR', temporaryDirectory());
    const disk = refuseWrites(directory, code);
    const registry = await open(directory, 'serve', log);
    const failed = await registry.reaggregate().catch((error: unknown) => error);
    expect(registry.disk.refused(failed)).toBe(true);
    expect(Object.keys(await readServed(registry))).toContain('alice/json@1.1.0');
    for (const id of ['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/big@1.0.0', 'bob/big@1.0.0'])
      expect(await download(registry, id)).toMatch(/^[0-9a-f]{64}$/);
    const opened = await registry.openArchive(moduleName('bob/big'), version('1.0.0'));
    const part = opened.kind === 'found' ? await opened.value.open({ start: 2, end: 9 }) : undefined;
    expect(part && (await buffer(part)).length).toBe(8);
    expect(await readdir(tmpdir())).toEqual([]);
    await upstream.publish('alice/new@1.0.0');
    await expect(registry.sync()).rejects.toBeInstanceOf(StorageError);
    await expect(registry.probeDisk()).rejects.toBeInstanceOf(StorageError);
    const told = lines.filter((line) => !line.startsWith('info'));
    expect(told).toEqual([expect.stringMatching(/^warn: the disk takes nothing new.*"hint":"\w/)]);
    disk.relent();
    await registry.probeDisk();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toContain('alice/new@1.0.0');
  });
});

describe('whoever serves', () => {
  test('cannot begin without data where none can be made', async () => {
    const directory = temporaryDirectory();
    await mkdir(join(directory, 'registry'));
    await writeFile(join(directory, 'registry', 'registry.toml'), '');
    refuseWrites(join(directory, 'registry'), 'EROFS');
    const opening = openRegistry({
      directory: join(directory, 'registry'),
      env: {},
      actor: tester,
      mode: 'serve',
    });
    await expect(opening).rejects.toMatchObject({
      code: 'storage',
      hint: expect.stringContaining('read-only'),
    });
  });

  test('gives out a fetched copy of a damaged archive that it cannot move away', async () => {
    const { directory, data } = await createWorld();
    const packages = join(data, 'packages');
    const [name = ''] = (await readdir(packages, { recursive: true })).filter((one) => one.endsWith('.zip'));
    const whole = await readFile(join(packages, name));
    await truncate(join(packages, name), 20);
    refuseWrites(directory, 'EROFS');
    const registry = await open(directory, 'serve');
    const opened = await registry.openArchive(moduleName('alice/json'), version('1.0.0'));
    const bytes = opened.kind === 'found' ? await opened.value.read() : undefined;
    expect(bytes?.equals(whole)).toBe(true);
    expect((await stat(join(packages, name))).size).toBe(20);
  });
});
