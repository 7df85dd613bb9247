/** What is decided about versions that were published here: told over HTTP, by command, and in what clients read. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../src/cli/io.fixture.ts';
import { runCli } from '../src/cli/run.ts';
import { startServer } from '../src/server/listen.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import { createRegistry, moduleName, readServed, version } from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

async function serveHosting(ids: readonly string[] = ['company/tool@1.0.0', 'company/tool@1.1.0']) {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({
    sources: [{ name: 'public', upstream }],
    hosting: 'namespaces = ["company/*"]',
  });
  await registry.sync();
  const token = await createToken(registry, 'ada', ['publish', 'yank', 'admin']);
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  for (const id of ids) expect((await publishTo(server.url, token, archiveOf(id))).status).toBe(200);
  const { url } = server;
  const post = async (path: string, document: unknown, bearer = token) => {
    const answer = await fetch(`${url}/api/v0/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
      body: JSON.stringify(document),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const lines = async (module = 'company/tool') =>
    (await registry.readIndexFile(moduleName(module)))?.toString() ?? '';
  const run = async (words: readonly string[], env: Record<string, string> = {}) => {
    const io = recordIo({ workingDirectory: registry.config.directory, env });
    const code = await runCli(words, io);
    return { code, ...io.written };
  };
  const archive = (id: string, headers = {}) =>
    fetch(`${url}/user/${id.replace('@', '/')}.zip`, { headers, redirect: 'follow' });
  return { registry, url, token, post, lines, run, archive };
}

const about = { module: 'company/tool', version: '1.0.0', reason: 'loses data: use 1.1.0' };

describe('a yank', () => {
  test('changes two keys of one line and nothing else, is idempotent, is told with who did it, and goes back to the same bytes', async () => {
    const { registry, post, lines, archive } = await serveHosting();
    const before = await lines();
    const served = await readServed(registry);
    const done = { status: 'ok', versions: ['1.0.0'], changed: ['1.0.0'] };
    expect(await post('yank', about)).toEqual({ status: 200, body: done });
    expect(await post('yank', about)).toEqual({ status: 200, body: { ...done, changed: [] } });
    const [first = '', second] = (await lines()).split('\n');
    expect(first).toContain('"yanked": true, "yanked_reason": "loses data: use 1.1.0"}');
    expect(second).toBe(before.split('\n')[1]);
    expect(await readServed(registry)).toEqual(served);
    expect((await archive('company/tool@1.0.0')).status).toBe(200);
    const explained = await registry.explain(moduleName('company/tool'), version('1.0.0'));
    expect(explained.yanked).toMatchObject({ reason: about.reason, by: 'token ada' });
    expect(explained.published).toMatchObject({ token: 'ada' });
    expect(explained.findings).toEqual([]);
    const undone = await post('yank', { module: 'company/tool', version: '1.0.0', yanked: false });
    expect(undone.body).toEqual(done);
    expect(await lines()).toBe(before);
    expect((await registry.explain(moduleName('company/tool'), version('1.0.0'))).yanked).toBeUndefined();
  });

  test('of a module is of the versions there are; what comes later may be used', async () => {
    const { post, lines, token, url } = await serveHosting();
    await post('yank', { module: 'company/tool', reason: 'use company/other' });
    await publishTo(url, token, archiveOf('company/tool@1.2.0'));
    expect((await lines()).match(/"yanked": (true|false)/g)).toEqual([
      ...['"yanked": true', '"yanked": true', '"yanked": false'],
    ]);
  });

  test('is refused to who may not, of what is not ours, and where it says more than is known', async () => {
    const { registry, post, lines, url } = await serveHosting();
    const before = await lines();
    const other = await createToken(registry, 'other', ['yank'], ['partner/*']);
    const publisher = await createToken(registry, 'publisher', ['publish']);
    expect((await post('yank', about, other)).status).toBe(403);
    expect((await post('yank', about, publisher)).status).toBe(403);
    expect((await post('yank', about, 'mbr_wrong')).status).toBe(401);
    expect((await post('yank', { ...about, version: '9.9.9' })).status).toBe(404);
    expect((await post('yank', { ...about, module: 'company/none' })).status).toBe(404);
    const all = await createToken(registry, 'all', ['yank'], ['*']);
    expect((await post('yank', { ...about, module: 'alice/json' }, all)).status).toBe(404);
    for (const document of [
      ...[{}, [], 'x', { ...about, reason: '' }, { ...about, reason: 'a\nb' }, { ...about, force: true }],
      ...[
        { ...about, module: '../x' },
        { ...about, version: 1 },
        { ...about, yanked: false },
      ],
      { ...about, reason: 'x'.repeat(501) },
    ])
      expect([document, (await post('yank', document)).status]).toEqual([document, 400]);
    expect((await fetch(`${url}/api/v0/yank`, { method: 'POST', body: '{}' })).status).toBe(415);
    expect(await lines()).toBe(before);
  });

  test('is typed where the registry is, and from elsewhere', async () => {
    const { run, lines, url, token } = await serveHosting();
    const here = await run(['yank', 'company/tool@1.0.0', '--reason', 'old']);
    expect([here.code, here.stdout]).toEqual([0, 'Yanked: company/tool 1.0.0: old\n']);
    const there = await run(['unyank', 'company/tool', '--registry', url], {
      MOONBIT_REGISTRY_TOKEN: token,
    });
    expect([there.code, there.stdout]).toEqual([0, 'May be used again: company/tool 1.0.0.\n']);
    expect(await lines()).not.toContain('"yanked": true');
    expect((await run(['unyank', 'company/tool@1.0.0'])).stdout).toBe(
      'Nothing changed: company/tool 1.0.0 is so already.\n',
    );
    expect((await run(['yank', 'alice/json', '--reason', 'x'])).stderr).toMatch(
      /is not published here: it comes from "public"\nhint: .*moonbit-registry block alice\/json/,
    );
    expect((await run(['yank', 'company/tool'])).stderr).toMatch(/^error: say why/);
    const refused = await run(['yank', 'company/tool@2.0.0', '--reason', 'x', '--registry', url], {
      MOONBIT_REGISTRY_TOKEN: token,
    });
    expect(refused.stderr).toMatch(
      /company\/tool has no such version here\nhint: there are 1\.0\.0, 1\.1\.0/,
    );
  });
});

describe('a withdrawn version', () => {
  const secret = { module: 'company/tool', reason: 'has a password in it' };

  test('that is the newest leaves the index, and comes back as a hole once something higher is there', async () => {
    const { registry, run, lines, archive, token, url } = await serveHosting();
    expect((await archive('company/tool@1.1.0')).status).toBe(200);
    const done = await run(['withdraw', 'company/tool@1.1.0', '--reason', secret.reason]);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('Withdrawn: company/tool@1.1.0: has a password in it');
    expect(done.stdout).toMatch(
      /\/user\/company%2Ftool%2F1\.1\.0\.zip\n.*\/user\/company\/tool\/1\.1\.0\.zip/,
    );
    expect(await lines()).not.toContain('"1.1.0"');
    // It was in memory, ready to be sent.
    expect((await archive('company/tool@1.1.0')).status).toBe(410);
    await publishTo(url, token, archiveOf('company/tool@1.2.0'));
    expect(await lines()).toContain('"1.1.0"');
    const moon = await archive('company/tool@1.1.0', { 'user-agent': 'mooncake/0.1.0' });
    expect([moon.status, new URL(moon.url).pathname]).toEqual([410, '/why/withdrawn/company/tool@1.1.0']);
    expect(moon.statusText).toBe('Withdrawn: has a password in it');
    expect((await archive('company/tool@1.0.0')).status).toBe(200);
    expect(await registry.explain(moduleName('company/tool'), version('1.1.0'))).toMatchObject({
      isServed: false,
      blocks: [{ isWithdrawn: true, by: expect.any(String) }],
    });
  });

  test('is never published again, neither with these bytes nor with others, and nothing lifts it', async () => {
    const { run, token, url, archive } = await serveHosting();
    await run(['withdraw', 'company/tool@1.1.0', '--reason', secret.reason]);
    for (const text of [undefined, 'pub fn other() -> Int { 1 }\n']) {
      const again = await publishTo(url, token, archiveOf('company/tool@1.1.0', text ? { text } : {}));
      expect([again.status, again.body.detail]).toEqual([
        403,
        'company/tool@1.1.0 was withdrawn, and is not published again: has a password in it.',
      ]);
    }
    for (const words of [
      ['unblock', 'company/tool@1.1.0'],
      ['block', 'company/tool@1.1.0', '--reason', 'x'],
      ['withdraw', 'company/tool@1.1.0', '--reason', 'x'],
    ]) {
      const { code, stderr } = await run(words);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/was withdrawn at .*has a password/)]);
    }
    expect((await run(['path', 'company/tool@1.1.0'])).stderr).toContain('was withdrawn: has a password');
    await run(['block', 'company/tool', '--reason', 'all of it']);
    await run(['unblock', 'company/tool']);
    expect((await archive('company/tool@1.1.0')).status).toBe(410);
  });

  test('is told to whoever asks what was withdrawn, and by who may decide', async () => {
    const { registry, post, url } = await serveHosting();
    const publisher = await createToken(registry, 'publisher', ['publish', 'yank']);
    expect((await post('withdraw', { ...secret, version: '1.0.0' }, publisher)).status).toBe(403);
    const done = await post('withdraw', { ...secret, version: '1.0.0' });
    expect(done).toEqual({ status: 200, body: { status: 'ok', listed: ['1.0.0'], left: [] } });
    expect((await post('withdraw', { ...secret, version: '1.0.0' })).status).toBe(400);
    expect((await post('withdraw', { ...secret, version: '9.0.0' })).status).toBe(404);
    expect((await post('withdraw', secret)).status).toBe(400);
    const told = await fetch(`${url}/api/v0/withdrawn`);
    expect(await told.json()).toEqual({
      withdrawn: [
        {
          ...{ ...secret, version: '1.0.0' },
          checksum: (await registry.explain(moduleName('company/tool'), version('1.0.0'))).pin?.checksum,
          at: expect.stringMatching(/Z$/),
        },
      ],
    });
    const etag = told.headers.get('etag') ?? '';
    expect((await fetch(`${url}/api/v0/withdrawn`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  test('is ours: what comes from elsewhere is blocked', async () => {
    const { run } = await serveHosting();
    expect((await run(['withdraw', 'alice/json@1.0.0', '--reason', 'x'])).stderr).toMatch(
      /is not published here: it comes from "public"\nhint: .*block alice\/json@1\.0\.0/,
    );
    expect((await run(['withdraw', 'company/tol@1.0.0', '--reason', 'x'])).stderr).toMatch(
      /company\/tol is not published here\nhint: did you mean company\/tool/,
    );
  });
});

test('a published archive whose file is lost is refused as that, and mended by the same bytes', async () => {
  const { registry, archive, token, url, run } = await serveHosting(['company/tool@1.0.0']);
  const found = await registry.findArchive(moduleName('company/tool'), version('1.0.0'));
  await rm(found?.cachedAt ?? '');
  const sound = await run(['verify']);
  expect([sound.code, sound.stdout]).toEqual([
    expect.any(Number),
    expect.stringMatching(
      /company\/tool@1\.0\.0 is listed, but its archive is missing: nobody but who published it/,
    ),
  ]);
  expect(sound.code).not.toBe(0);
  const moon = await archive('company/tool@1.0.0', { 'user-agent': 'mooncake/0.1.0' });
  expect([moon.status, new URL(moon.url).pathname]).toEqual([503, '/why/lost/company/tool@1.0.0']);
  expect((await publishTo(url, token, archiveOf('company/tool@1.0.0'))).status).toBe(200);
  expect((await archive('company/tool@1.0.0')).status).toBe(200);
});

test('who did what stands in the audit, and the bytes of what was withdrawn stay named by the ledger', async () => {
  const { registry, post, run } = await serveHosting(['company/tool@1.0.0']);
  await post('yank', about);
  await run(['unyank', 'company/tool@1.0.0']);
  await run(['withdraw', 'company/tool@1.0.0', '--reason', 'a secret']);
  const text = await readFile(join(registry.config.registry.dataDir, 'audit.jsonl'), 'utf8');
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => ['published', 'yanked', 'unyanked', 'withdrawn'].includes(String(event)));
  expect(events).toMatchObject([
    { event: 'published', module: 'company/tool', version: '1.0.0', token: 'ada', owner: 'ada' },
    { event: 'yanked', reason: about.reason, by: 'token ada' },
    { event: 'unyanked', by: expect.stringMatching(/^user /) },
    { event: 'withdrawn', version: '1.0.0', reason: 'a secret' },
  ]);
  // Nobody is told that they may be deleted.
  const verified = await run(['verify', '--deep']);
  expect([verified.code, verified.stdout]).toEqual([0, expect.not.stringContaining('may be deleted')]);
});
