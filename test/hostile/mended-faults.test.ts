/** What the campaign has found, one test for each. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createGitObjectReader } from '../../src/support/git/git-objects.ts';
import { openRawRepository } from '../support/raw-repository.ts';
import { createRegistry, moduleName, readServed, writeSettings } from '../support/registry-world.ts';
import { type RunningCli, startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { createRandom } from '../worlds/random.ts';
import { type HostileHost, startHostileHost } from './host.ts';
import { familyOf } from './process-tree.ts';
import { createHostileWorld, type News } from './world.ts';

test('a reader that is closed starts no git again', async () => {
  const repository = openRawRepository(join(temporaryDirectory(), 'index.git'));
  const id = repository.blob('x');
  const reader = createGitObjectReader(repository.gitDir);
  expect(await reader.identify(id)).toMatchObject({ type: 'blob' });
  reader.close();
  await vi.waitFor(() => expect(familyOf(process.pid)).toHaveLength(1));
  await reader.identify(id).catch(() => undefined);
  await vi.waitFor(() => expect(familyOf(process.pid)).toHaveLength(1));
});

test('a name of which a source never gave a version that anybody could read is free once the source is removed', async () => {
  const evil = await startUpstream(['evil/tool@1.0.0']);
  const honest = await startUpstream(['alice/json@1.0.0']);
  const directory = temporaryDirectory();
  const good = { name: 'public', upstream: honest, priority: 100 };
  const registry = await createRegistry({
    directory,
    sources: [good, { name: 'evil', upstream: evil, priority: 1 }],
  });
  await evil.writeIndexFile('user/alice/fresh.index', '<!doctype html>\n');
  await registry.sync();
  await honest.publish('alice/fresh@1.0.0');
  await registry.sync();
  await writeSettings(directory, { sources: [good] });
  await registry.reload();
  const { findings } = await registry.sync();
  expect(findings).toEqual([]);
  expect(await registry.originOf(moduleName('alice/fresh'))).toBe('public');
});

test('a name that gave way to a look-alike of a source is served again once that is removed', async () => {
  const evil = await startUpstream(['evil/tool@1.0.0']);
  const honest = await startUpstream(['alice/json@1.0.0']);
  const directory = temporaryDirectory();
  const good = { name: 'trusted', upstream: honest, priority: 10 };
  const registry = await createRegistry({
    directory,
    sources: [good, { name: 'evil', upstream: evil, priority: 1 }],
  });
  await registry.sync();
  await evil.publish('Alice/json@1.0.0');
  await registry.sync();
  await writeSettings(directory, { sources: [good] });
  await registry.reload();
  const { findings } = await registry.sync();
  expect(findings).toEqual([]);
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0']);
});

test('an index that drips is given up when `fetch_time` is over, not after ten minutes', async () => {
  const honest = await startUpstream(['alice/json@1.0.0']);
  const host = await startHostileHost(temporaryDirectory(), 'smart');
  onTestFinished(() => host.close());
  drip(host);
  const registry = await createRegistry({
    sources: [
      { name: 'public', upstream: honest },
      { name: 'evil', upstream: host, lines: 'limits = { fetch_time = "2s" }' },
    ],
  });
  const aborting = new AbortController();
  const ended = registry.sync({ signal: aborting.signal }).then(
    () => 'ended',
    () => 'aborted',
  );
  const timer = setTimeout(() => aborting.abort(), 25_000);
  expect(await ended).toBe('ended');
  clearTimeout(timer);
});

test('a source that drips keeps nothing that the others publish from clients', {
  timeout: 150_000,
}, async () => {
  const shape = {
    trust: 'least',
    claims: false,
    transport: 'smart',
    hasToken: false,
    wasGood: true,
  } as const;
  const world = await createHostileWorld(temporaryDirectory(), shape, createRandom('drip'));
  onTestFinished(() => world.close());
  await world.publish();
  const server = await startCli(['serve', '--port', '0'], { cwd: world.directory });
  onTestFinished(async () => void (await server.stop('SIGKILL')));
  await waitForNews(server, world.published);
  drip(world.host);
  // The first round of a sync waits 15 s for it; what comes then has to wait until it ends, and health says ok.
  for (let round = 0; round < 2; round++) {
    const news = await world.publish();
    await appendFile(join(world.directory, 'registry.toml'), '# refresh\n');
    await waitForNews(server, news);
  }
});

function drip(host: HostileHost): void {
  host.trick = (_, { socket }) => {
    socket?.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
    const timer = setInterval(() => socket?.write('x'), 100);
    socket?.on('close', () => clearInterval(timer));
    return true;
  };
}

async function waitForNews(server: RunningCli, news: readonly News[]): Promise<void> {
  for (const { module, version, checksum } of news)
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${server.baseUrl}/user/${module}/${version}.zip`);
        expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(checksum);
      },
      { timeout: 45_000, interval: 500 },
    );
}
