/** A backup of a registry that serves and syncs meanwhile, and the registry made of it, by the built command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import type { BackupReport } from '../../src/registry/backup/create-backup.ts';
import type { RestoreReport } from '../../src/registry/backup/restore-backup.ts';
import type { VerifyReport } from '../../src/registry/upkeep/verify-report.ts';
import { git } from '../support/git-client.ts';
import { entry } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import { cliRegistryIn, createCliRegistry, downloadFrom, readServedIndex } from './cli-registry.ts';

test('a backup made beside a server and a loop of syncs is one state, which restores to the same registry', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/tool@1.0.0']);
  const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.run('mirror', '*/*');
  const server = await registry.serve();
  const client = join(registry.surroundings, 'client');
  await git(['clone', '-q', `${server.baseUrl}/git/index`, client]);

  let isDone = false;
  const syncing = (async () => {
    for (let patch = 1; !isDone; patch++) {
      await upstream.publish(`alice/json@1.0.${patch}`);
      expect((await registry.run('mirror', '*/*')).code).toBe(0);
    }
  })();
  const file = join(registry.surroundings, 'b.tar');
  const reports: BackupReport[] = [];
  for (let round = 0; round < 3; round++) {
    const { code, json } = await registry.report<BackupReport>('backup', file);
    expect([code, json]).toEqual([0, expect.objectContaining({ leftOut: [], problems: [], modules: 2 })]);
    reports.push(json);
  }
  isDone = true;
  await syncing;
  expect(new Set(reports.map(({ state }) => state)).size).toBeGreaterThan(1);
  const last = reports.at(-1);

  const restored = cliRegistryIn(registry.surroundings, 'restored');
  const { code, json } = await registry.report<RestoreReport>('restore', file, '../restored');
  expect([code, json]).toMatchObject([
    0,
    { state: last?.state, served: last?.served, archives: last?.archives },
  ]);
  const verified = await restored.report<VerifyReport>('verify', '--deep');
  expect(verified).toMatchObject({ code: 0, json: { isSound: true } });
  expect(await restored.state()).toBe(last?.state);

  // Nothing is fetched any more: what it serves was in the backup.
  await upstream.close();
  const again = await restored.serve();
  const clone = join(registry.surroundings, 'clone');
  await git(['clone', '-q', `${again.baseUrl}/git/index`, clone]);
  expect((await git(['-C', clone, 'rev-parse', 'main'])).trim()).toBe(last?.served);
  const served = await readServedIndex(clone);
  expect(Object.keys(served).length).toBe(last?.archives);
  for (const [id, checksum] of Object.entries(served)) expect(await downloadFrom(again, id)).toBe(checksum);
  // Who had cloned the first one goes on with the other.
  await git(['-C', client, 'remote', 'set-url', 'origin', `${again.baseUrl}/git/index`]);
  await git(['-C', client, 'pull', '-q', '--ff-only']);
  expect(await readServedIndex(client)).toEqual(served);
});

test('a backup goes through a pipe, and a reader that goes away is a failure', async () => {
  const upstream = await startUpstream();
  await upstream.publish('alice/large@1.0.0', { sizeBytes: 2_000_000 });
  const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.run('mirror', '*/*');
  const folder = temporaryDirectory();
  const tmp = join(folder, 'tmp');
  await mkdir(tmp);
  const start = (words: readonly string[]) =>
    spawn(process.execPath, [entry, ...words], {
      cwd: registry.directory,
      env: { ...process.env, TMPDIR: tmp },
    });

  const piped = start(['backup', '-']);
  const ended = once(piped, 'close');
  await pipeline(piped.stdout, createWriteStream(join(folder, 'b.tar')));
  expect((await ended)[0]).toBe(0);
  const restoring = start(['restore', '-', join(folder, 'restored')]);
  const restored = once(restoring, 'close');
  await pipeline(createReadStream(join(folder, 'b.tar')), restoring.stdin);
  expect((await restored)[0]).toBe(0);
  expect((await readdir(join(folder, 'restored'))).sort()).toEqual(['data', 'registry.toml']);
  expect(await readFile(join(folder, 'restored', 'registry.toml'))).toEqual(
    await readFile(join(registry.directory, 'registry.toml')),
  );

  const broken = start(['backup', '-']);
  let said = '';
  broken.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  broken.stdout.once('data', () => broken.stdout.destroy());
  expect((await once(broken, 'close'))[0]).toBe(1);
  expect(said).toContain('whoever read the result went away');
  expect(await readdir(tmp)).toEqual([]);
});
