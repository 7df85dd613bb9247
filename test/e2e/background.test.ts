/** `serve` as a process: what it does by itself, beside other processes, and when it is ended. */
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { shallowClone } from '../support/git-client.ts';
import type { RegistrySettings } from '../support/registry-world.ts';
import { type RunningCli, startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { type CliRegistry, createCliRegistry, downloadFrom, readServedIndex } from './cli-registry.ts';

interface Background {
  /** Lines of `[server]`. */
  readonly server?: string;
  /** Lines of `[mirror]`. */
  readonly mirror?: string;
}

async function createBackgroundRegistry(
  settings: Pick<RegistrySettings, 'sources' | 'upstreamFallback'>,
  { server = '', mirror = '' }: Background,
): Promise<CliRegistry> {
  const registry = await createCliRegistry(settings);
  await editSettings(
    registry,
    (text) => `${text.replace('[server]', `[server]\n${server}`)}\n[mirror]\n${mirror}\n`,
  );
  return registry;
}

/** As an operator's editor does it; returns what was there before. */
async function editSettings(registry: CliRegistry, edit: (text: string) => string): Promise<string> {
  const file = join(registry.directory, 'registry.toml');
  const before = await readFile(file, 'utf8');
  await writeFile(file, edit(before));
  return before;
}

/** Repeats `check` until it passes: what it waits for happens on the server's own clock. */
function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 100 });
}

/** What a fresh clone lists. */
async function cloned({ baseUrl }: RunningCli): Promise<string[]> {
  const directory = join(temporaryDirectory(), 'clone');
  await shallowClone(`${baseUrl}/git/index`, directory);
  return Object.keys(await readServedIndex(directory));
}

interface Health {
  readonly status: string;
  readonly commit: string;
}

async function health({ baseUrl }: RunningCli): Promise<Health> {
  return (await (await fetch(`${baseUrl}/health`)).json()) as Health;
}

async function archivesOf(registry: CliRegistry): Promise<number> {
  const { json } = await registry.report<{ archives: { count: number } }>('status');
  return json.archives.count;
}

test('a version published upstream is served soon, without any command', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createBackgroundRegistry(
    { sources: [{ name: 'main', upstream }] },
    { server: 'refresh_interval = "1s"' },
  );
  const server = await registry.serve();
  await eventually(async () =>
    expect(await downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/),
  );
  const { checksum } = await upstream.publish('alice/json@1.1.0');
  await eventually(async () => expect(await downloadFrom(server, 'alice/json@1.1.0')).toBe(checksum));
  expect(await cloned(server)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
});

test('the index answers from the last good one while its source is silent, and says so when it is known to be down', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createBackgroundRegistry(
    { sources: [{ name: 'main', upstream }] },
    { server: 'refresh_interval = "1s"' },
  );
  expect((await registry.run('mirror', 'alice/*')).code).toBe(0);
  upstream.faults.blackHole = true;
  upstream.resetCounts();
  const server = await registry.serve();
  await eventually(async () => expect(upstream.count('/git/index')).toBe(1));
  expect(await cloned(server)).toEqual(['alice/json@1.0.0']);
  expect(await downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  expect((await health(server)).status).toBe('ok');
  expect(upstream.count()).toBe(1);

  await upstream.stopListening();
  await eventually(async () => expect((await health(server)).status).toBe('degraded'));
  await eventually(async () => {
    const { headers } = await fetch(`${server.baseUrl}/git/index/info/refs?service=git-upload-pack`);
    expect(headers.get('warning')).toBe('110 - "stale: main"');
  });
  expect(await cloned(server)).toEqual(['alice/json@1.0.0']);
  upstream.clearFaults();
  await upstream.listenAgain();
  await eventually(async () => expect((await health(server)).status).toBe('ok'));
  const { code, stderr } = await server.stop();
  expect(code).toBe(0);
  expect(stderr.match(/source "main" could not be read/g)).toHaveLength(1);
  expect(stderr).toContain('source "main" is readable again');
});

test('an index that was never read is not served, and ready once it is', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  upstream.faults.blackHole = true;
  const registry = await createBackgroundRegistry({ sources: [{ name: 'main', upstream }] }, {});
  const server = await registry.serve();
  await eventually(async () => expect(upstream.count()).toBe(1));
  const statusOf = async (path: string) => (await fetch(`${server.baseUrl}${path}`)).status;
  await expect(cloned(server)).rejects.toThrow('No source of this registry has been read yet');
  expect([await statusOf('/ready'), await statusOf('/health')]).toEqual([503, 200]);
  expect((await health(server)).status).toBe('degraded');
  expect(await downloadFrom(server, 'alice/json@1.0.0')).toBe('HTTP 503');
  upstream.clearFaults();
  expect((await registry.run('sync')).code).toBe(0);
  expect(await statusOf('/ready')).toBe(200);
  expect(await cloned(server)).toEqual(['alice/json@1.0.0']);
  expect(await downloadFrom(server, 'bob/none@1.0.0')).toBe('HTTP 404');
});

test.each([[], ['--workers', '2']])(
  '/health tells that our own disk keeps the index from being refreshed, and since when: serve %s',
  async (...flags) => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createBackgroundRegistry(
      { sources: [{ name: 'main', upstream }] },
      { server: 'refresh_interval = "1s"' },
    );
    expect((await registry.run('sync')).code).toBe(0);
    const server = await startCli(['serve', '--port', '0', ...flags], { cwd: registry.directory });
    onTestFinished(async () => void (await server.stop()));
    // A file where the folder of locks was: no refresh gets as far as a source, also for root.
    const locks = join(registry.directory, 'data', 'locks');
    await replaceByFile(locks);
    const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    await eventually(async () =>
      expect(await health(server)).toMatchObject({
        status: 'degraded',
        sources: [],
        index: { reason: expect.stringMatching(/^the index was not refreshed since \d{4}-/), since },
      }),
    );
    expect(JSON.stringify(await health(server))).not.toContain(registry.directory);
    expect((await fetch(`${server.baseUrl}/ready`)).status).toBe(200);
    await rm(locks);
    await eventually(async () => expect((await health(server)).status).toBe('ok'));
  },
);

/** Of a folder that a server makes again whenever it is gone. */
async function replaceByFile(folder: string): Promise<void> {
  for (;;) {
    await rm(folder, { recursive: true, force: true });
    const isWritten = await writeFile(folder, '').then(
      () => true,
      () => false,
    );
    if (isWritten) return;
  }
}

test('auto_sync mirrors the configured packages, and goes on doing so', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
  const registry = await createBackgroundRegistry(
    { sources: [{ name: 'main', upstream }] },
    { mirror: 'packages = ["alice/*"]\nauto_sync = true\nsync_interval = "1s"' },
  );
  const server = await registry.serve();
  await eventually(async () => expect(await archivesOf(registry)).toBe(1));
  await upstream.publish('alice/json@1.1.0');
  await eventually(async () => expect(await archivesOf(registry)).toBe(2));
  upstream.faults.down = true;
  for (const id of ['alice/json@1.0.0', 'alice/json@1.1.0'])
    expect(await downloadFrom(server, id)).toMatch(/^[0-9a-f]{64}$/);
  expect(upstream.count('/bob/x')).toBe(0);
});

test('what other processes mirror, and decide about sources, is served without a restart', async () => {
  const main = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0']);
  const low = await startUpstream(['bob/x@1.0.0']);
  const registry = await createBackgroundRegistry(
    {
      sources: [
        { name: 'main', upstream: main, priority: 10 },
        { name: 'low', upstream: low, priority: 90 },
      ],
    },
    { server: 'refresh_interval = "1h"' },
  );
  const server = await registry.serve();
  const lists = (...ids: string[]) => eventually(async () => expect(await cloned(server)).toEqual(ids));
  await lists('alice/json@1.0.0', 'alice/xml@1.0.0', 'bob/x@1.0.0');

  // Fallback off: only what is cached is listed. `mirror` in another process changes that, with no clock involved.
  const open = await editSettings(registry, (text) => text.replace('fallback = true', 'fallback = false'));
  await lists();
  expect((await registry.run('mirror', 'alice/json')).code).toBe(0);
  expect(await cloned(server)).toEqual(['alice/json@1.0.0']);
  expect((await registry.run('mirror', '-s', 'low', 'bob/*')).code).toBe(0);
  expect(await cloned(server)).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0']);
  await editSettings(registry, () => open);
  await lists('alice/json@1.0.0', 'alice/xml@1.0.0', 'bob/x@1.0.0');

  low.resetCounts();
  expect((await registry.run('source', 'disable', 'main', '--yes')).code).toBe(0);
  await lists('alice/json@1.0.0', 'bob/x@1.0.0');
  // The index is there before the server has read the new settings: a refresh under the old ones may be under way.
  await eventually(async () => {
    main.resetCounts();
    expect(await downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    expect(main.count()).toBe(0);
  });
  expect((await registry.run('source', 'enable', 'main')).code).toBe(0);
  await lists('alice/json@1.0.0', 'alice/xml@1.0.0', 'bob/x@1.0.0');
  expect((await server.stop()).code).toBe(0);
});

test('a broken edit is logged and changes nothing, and mending it counts', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
  const registry = await createBackgroundRegistry(
    { sources: [{ name: 'main', upstream }] },
    { server: 'refresh_interval = "1s"' },
  );
  const server = await registry.serve();
  await eventually(async () => expect(await cloned(server)).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0']));
  const good = await editSettings(registry, (text) => text.replace('priority = 50', 'priority = "high"'));
  // Whatever is refreshed from now on is refreshed under the old settings.
  await upstream.publish('alice/json@1.1.0');
  await eventually(async () =>
    expect(await cloned(server)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/x@1.0.0']),
  );
  await editSettings(registry, () => good.replace('exclude = []', 'exclude = ["bob/*"]'));
  await eventually(async () =>
    expect(await cloned(server)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']),
  );
  const { stderr } = await server.stop();
  // A refresh that begins before the server has looked may complain as well.
  const lines = stderr.split('\n').filter((line) => /reload (failed|works)/.test(line));
  expect(lines).toEqual([
    expect.stringMatching(/error.*reload failed.*registry\.toml:\d+.*the old settings stay in use/),
    expect.stringContaining('reload works again'),
  ]);
});

test('SIGTERM lets running downloads finish, takes no new ones, and is a success', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const { checksum } = await upstream.publish('alice/large@1.0.0', { sizeBytes: 24 * 1024 * 1024 });
  const registry = await createBackgroundRegistry({ sources: [{ name: 'main', upstream }] }, {});
  expect((await registry.run('mirror', 'alice/large')).code).toBe(0);
  const server = await registry.serve();
  const request = get(`${server.baseUrl}/user/alice/large/1.0.0.zip`);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  // Nobody reads on: the archive is larger than what fits on the way.
  answer.pause();
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  upstream.faults.delayMs = 1000;
  upstream.faults.only = ({ url }) => {
    if (url.includes('json')) arrive();
    return url.includes('json');
  };
  const proxied = downloadFrom(server, 'alice/json@1.0.0');
  await arrived;
  const ended = server.stop();
  await eventually(() => expect(fetch(server.baseUrl)).rejects.toThrow('fetch failed'));
  expect(sha256(await buffer(answer))).toBe(checksum);
  expect(await proxied).toMatch(/^[0-9a-f]{64}$/);
  expect(await ended).toMatchObject({ code: 0, stderr: expect.stringContaining('Stopping') });
});

test('after SIGKILL the same commit is served, and the locks of the dead hold nobody up', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createBackgroundRegistry(
    { sources: [{ name: 'main', upstream }] },
    { server: 'refresh_interval = "1s"' },
  );
  expect((await registry.run('mirror', 'alice/*')).code).toBe(0);
  const first = await registry.serve();
  const { commit } = await health(first);
  // Killed in the middle of reading its source, with that source's lock in its hands.
  const taken = new Promise<void>((resolve) => {
    upstream.faults.only = ({ url }) => {
      if (url.includes('/git/index')) resolve();
      return true;
    };
  });
  upstream.faults.blackHole = true;
  await taken;
  expect((await first.stop('SIGKILL')).code).toBeNull();
  const second = await registry.serve();
  expect((await health(second)).commit).toBe(commit);
  expect(await cloned(second)).toEqual(['alice/json@1.0.0']);
  expect(await downloadFrom(second, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  await second.stop();
  upstream.clearFaults();
  await upstream.publish('alice/json@1.1.0');
  const third = await registry.serve();
  await eventually(async () => expect(await cloned(third)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']));
});
