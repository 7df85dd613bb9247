import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, link, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { listFiles } from '../../../test/e2e/cli-registry.ts';
import { tester } from '../../../test/support/actor.ts';
import { download, readServed, writeSettings } from '../../../test/support/registry-world.ts';
import { suiteDirectory, temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstreamRegistry } from '../../../test/worlds/upstream-registry.ts';
import { StorageError } from '../../errors.ts';
import { openRegistry } from '../open.ts';
import { verifyRegistry } from '../verify.ts';
import { createBackup } from './create-backup.ts';
import { restoreBackup } from './restore-backup.ts';

const actor = { user: 'ann', command: 'restore' };
const now = () => new Date('2026-03-01T12:00:00Z');

async function* inPieces(bytes: Buffer, pieceBytes = 1000): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

const restore = (bytes: Buffer, directory: string) =>
  restoreBackup(inPieces(bytes), directory, { name: 'b.tar', actor, now });

const shared = suiteDirectory();
const original = join(shared, 'registry');

/** A registry of one source that is gone now, with archives, symbols and an asset, all of it here. */
beforeAll(async () => {
  const upstream = await startUpstreamRegistry({ directory: join(shared, 'upstream') });
  const ids = ['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/tool@0.1.0', 'bob/unasked@0.1.0'];
  for (const id of ids) await upstream.publish(id);
  // Read in pieces, and so stored.
  await upstream.publish('alice/large@1.0.0', { sizeBytes: 5_000_000 });
  upstream.setAsset('alice/json@1.0.0/main.wasm', Buffer.from('\0asm'));
  upstream.setSymbols(Buffer.from(zipSync({})));
  await mkdir(original);
  await writeSettings(original, { sources: [{ name: 'main', upstream }] });
  const registry = await openRegistry({ directory: original, env: {}, actor: tester, now });
  await registry.sync();
  await registry.mirror({ patterns: ['alice/*', 'bob/tool'] });
  expect((await registry.openAsset('alice/json@1.0.0/main.wasm')).kind).toBe('found');
  await registry.close();
  await upstream.close();
});

/** A copy of it, and a place for a backup beside. */
async function createWorld() {
  const surroundings = temporaryDirectory();
  const directory = join(surroundings, 'registry');
  await cp(original, directory, { recursive: true });
  const file = join(surroundings, 'b.tar');
  const backUp = (target = file) => createBackup({ directory, env: {}, actor: tester, now }, { target });
  return { directory, file, backUp };
}

/** What a registry serves, and at which commit. */
async function look(directory: string) {
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  const found = {
    commit: await registry.servedCommit(),
    served: await readServed(registry),
    archive: await download(registry, 'alice/json@1.1.0'),
    asset: (await registry.openAsset('alice/json@1.0.0/main.wasm')).kind,
    symbols: (await registry.symbols()).etag,
  };
  await registry.close();
  return found;
}

describe('a backup', () => {
  test('restored is the same registry: commits, index, archives, assets, settings and audit, and it is sound', async () => {
    const { directory, file, backUp } = await createWorld();
    const report = await backUp();
    expect(report).toMatchObject({ modules: 4, archives: 4, assets: 1, leftOut: [], problems: [] });
    const before = await look(directory);

    const target = join(temporaryDirectory(), 'restored');
    const bytes = await readFile(file);
    expect(bytes.length).toBe(report.sizeBytes);
    expect(await restore(bytes, target)).toMatchObject({
      state: report.state,
      served: before.commit,
      archives: 4,
      assets: 1,
    });
    const verified = await verifyRegistry({ directory: target, env: {}, actor: tester }, { deep: true });
    expect(verified).toMatchObject({ isSound: true });
    expect(await look(target)).toEqual(before);
    expect(before).toMatchObject({ archive: before.served['alice/json@1.1.0'], asset: 'found' });

    const here = await listFiles(target, join(target, 'data', 'index'));
    const there = await listFiles(directory, join(directory, 'data', 'index'));
    const same = Object.keys(there).filter((name) =>
      /^registry.toml$|packages|assets|symbols.*zip$/.test(name),
    );
    expect(same.length).toBeGreaterThan(5);
    for (const name of same) expect([name, here[name]]).toEqual([name, there[name]]);
    const audit = await readFile(join(directory, 'data', 'audit.jsonl'), 'utf8');
    const lines = (await readFile(join(target, 'data', 'audit.jsonl'), 'utf8')).slice(audit.length).trim();
    expect(JSON.parse(lines)).toMatchObject({
      event: 'restored',
      actor: 'ann: restore',
      state: report.state,
    });
    expect(history(target)).toBe(history(directory));
    // Whoever backs the restored one up gets the same again.
    expect(
      await createBackup({ directory: target, env: {}, actor: tester, now }, { target: file }),
    ).toMatchObject({
      ...{ state: report.state, served: before.commit, archives: 4, assets: 1, leftOut: [] },
    });
  });

  test('is read by tar, sha256sum and git', async () => {
    const { file, backUp, directory } = await createWorld();
    await backUp();
    const folder = temporaryDirectory();
    execFileSync('tar', ['-xf', file, '-C', folder]);
    expect(execFileSync('sh', ['-c', 'sha256sum -c checksums.txt'], { cwd: folder }).toString()).toMatch(
      /^(.+: OK\n)+$/,
    );
    execFileSync('git', ['clone', '-q', '--mirror', 'index.bundle', 'data/index'], { cwd: folder });
    expect(history(folder)).toBe(history(directory));
    expect(execFileSync('git', ['-C', join(folder, 'data/index'), 'rev-parse', 'main']).toString()).toBe(
      execFileSync('git', ['-C', join(directory, 'data/index'), 'rev-parse', 'main']).toString(),
    );
  });

  test('leaves out what is damaged or vanishes meanwhile, and says so', async () => {
    const { directory, file } = await createWorld();
    const { served } = await look(directory);
    const { 'bob/tool@0.1.0': damaged = '', 'alice/json@1.0.0': vanishing = '' } = served;
    const fileOf = (checksum: string) =>
      join(directory, 'data/packages', checksum.slice(0, 2), `${checksum}.zip`);
    await writeFile(fileOf(damaged), 'PK\u0003\u0004 but something else');
    const report = await createBackup(
      { directory, env: {}, actor: tester, now },
      // Its folder is listed before the first archive is read.
      { target: file, onProgress: () => void rmNow(fileOf(vanishing)) },
    );
    const reasons = Object.fromEntries(report.leftOut.map(({ checksum, reason }) => [checksum, reason]));
    expect(reasons).toEqual({
      [damaged]: expect.stringMatching(/^has 23 bytes with the SHA-256/),
      [vanishing]: 'was removed while the backup was made',
    });
    expect(await restore(await readFile(file), join(temporaryDirectory(), 'r'))).toMatchObject({
      archives: 2,
    });
  });

  test('is not written into the data folder, nor where no file can be', async () => {
    const { directory, backUp } = await createWorld();
    await symlink(join(directory, 'data', 'symbols'), join(directory, 'link'));
    await mkdir(join(directory, 'folder'));
    await symlink('data/packages/new', join(directory, 'to-data'));
    await symlink('to-data', join(directory, 'to-link'));
    await symlink('no/where', join(directory, 'to-nothing'));
    await symlink('round', join(directory, 'round'));
    const refused = {
      'data/b.tar': 'is inside',
      'link/b.tar': 'is inside',
      'no/b.tar': 'no folder',
      folder: 'a folder',
      'to-data': 'is inside',
      'to-link': 'is inside',
      'to-nothing': 'where',
      round: 'ELOOP',
    };
    for (const [target, reason] of Object.entries(refused)) {
      const error = await backUp(join(directory, target)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect((error as StorageError).message).toContain(reason);
      if (target !== 'round') expect((error as StorageError).hint).toBeDefined();
    }
    expect(await readdir(join(directory, 'data'))).toEqual(await readdir(join(original, 'data')));
    expect(existsSync(join(directory, 'data/packages/new'))).toBe(false);
  });

  test('is written over an earlier backup alone, whatever leads there, and whoever could read that', async () => {
    const { directory, file, backUp } = await createWorld();
    await writeFile(join(directory, 'token'), 'secret\n');
    await writeFile(join(directory, 'empty'), '');
    await symlink('registry.toml', join(directory, 'to-settings'));
    await link(join(directory, 'registry.toml'), join(directory, 'also-settings'));
    execFileSync('tar', ['-cf', 'other.tar', 'token'], { cwd: directory });
    const kept = ['registry.toml', 'to-settings', 'also-settings', 'token', 'empty', 'other.tar'];
    for (const name of kept) {
      const before = await readFile(join(directory, name));
      await expect(backUp(join(directory, name))).rejects.toThrow('is no backup: it is left as it is');
      expect((await readFile(join(directory, name))).equals(before)).toBe(true);
    }
    await backUp();
    const before = await readFile(file);
    await chmod(file, 0o644);
    await symlink(file, join(directory, 'to-backup'));
    expect(await backUp(join(directory, 'to-backup'))).toMatchObject({ file, sizeBytes: before.length });
    expect((await lstat(join(directory, 'to-backup'))).isSymbolicLink()).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('that is interrupted leaves the last one in place, and nothing beside it', async () => {
    const { directory, file, backUp } = await createWorld();
    await backUp();
    const before = await readFile(file);
    const names = await readdir(join(file, '..'));
    const interruption = new AbortController();
    const onProgress = (done: number) => done > 0 && interruption.abort(new Error('interrupted'));
    await expect(
      createBackup(
        { directory, env: {}, actor: tester, now },
        { target: file, signal: interruption.signal, onProgress },
      ),
    ).rejects.toThrow('interrupted');
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await readdir(join(file, '..'))).toEqual(names);
  });

  test('of a registry whose data lie elsewhere is restored with its data inside', async () => {
    const { directory, backUp, file } = await createWorld();
    const elsewhere = join(directory, '..', 'elsewhere');
    const settings = await readFile(join(directory, 'registry.toml'), 'utf8');
    await writeFile(join(directory, 'registry.toml'), `[registry]\ndata_dir = "${elsewhere}"\n${settings}`);
    execFileSync('mv', [join(directory, 'data'), elsewhere]);
    await backUp();
    const target = join(temporaryDirectory(), 'restored');
    expect(await restore(await readFile(file), target)).toMatchObject({ movedDataDir: elsewhere });
    expect(await readFile(join(target, 'registry.toml'), 'utf8')).toBe(
      `[registry]\ndata_dir = "data"\n${settings}`,
    );
    expect(await verifyRegistry({ directory: target, env: {}, actor: tester }, { deep: true })).toMatchObject(
      {
        isSound: true,
      },
    );
  });
});

function history(directory: string): string {
  const args = ['--git-dir', join(directory, 'data/index'), 'log', '--format=%H %s', 'refs/registry/state'];
  return execFileSync('git', args).toString();
}

function rmNow(file: string): void {
  execFileSync('rm', ['-f', file]);
}
