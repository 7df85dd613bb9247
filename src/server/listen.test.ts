import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { createRegistryStandIn } from '../../test/support/registry-stand-in.ts';
import { sendRaw, serveStandIn, statusOfRaw } from '../../test/support/stand-in-server.ts';
import { StorageError } from '../errors.ts';
import type { RefreshTrouble } from './health.ts';
import { startServer } from './listen.ts';

describe('the front page', () => {
  test('tells how to point moon here, by the address the client used', async () => {
    const { server, url } = await serveStandIn();
    const page = await (await fetch(url)).json();
    const base = `http://127.0.0.1:${server.port}`;
    expect(page).toMatchObject({
      name: 'stand-in',
      version: '0.0.0-test',
      index: `${base}/git/index`,
      client: {
        'config.json': {
          registry: base,
          index: `${base}/git/index`,
          symbols: `${base}/symbols.zip`,
          api: base,
          download: base,
        },
        environment: `MOONCAKES_REGISTRY=${base}`,
      },
    });
  });

  test('prefers the configured address', async () => {
    const { url } = await serveStandIn({ baseUrl: 'https://example.com/moon/' });
    const page = await (await fetch(`${url}/moon`)).json();
    expect(page).toMatchObject({ index: 'https://example.com/moon/git/index' });
  });

  test('tells a client of HTTP/1.0 that names no host where its connection ended', async () => {
    const { server } = await serveStandIn();
    const answer = await sendRaw(server.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(answer).toContain(`"registry":"http://127.0.0.1:${server.port}"`);
  });
});

describe('health', () => {
  test('is ok, or degraded with the stale sources, and 200 in both cases', async () => {
    let clock = 0;
    const { registry, url } = await serveStandIn({ now: () => clock });
    const commit = await registry.servedCommit();
    expect(await (await fetch(`${url}/health`)).json()).toEqual({
      status: 'ok',
      commit,
      sources: [],
      leftAlone: [],
    });
    registry.staleNames.push('partner');
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' });
    clock += 1000;
    const degraded = await fetch(`${url}/health`);
    expect(degraded.status).toBe(200);
    expect(await degraded.json()).toMatchObject({
      status: 'degraded',
      sources: [
        {
          source: 'partner',
          class: 'connection',
          failure: 'the source cannot be reached',
          since: '2026-01-02T03:04:05.000Z',
        },
      ],
    });
    expect(registry.calls.staleSources).toBe(2);
  });

  test('is degraded when our own storage fails, and tells nobody but the log where', async () => {
    const { registry, url, log } = await serveStandIn();
    registry.servedCommit = () =>
      Promise.reject(new StorageError('cannot read /srv/index', { hint: 'check the disk' }));
    const answer = await fetch(`${url}/health`);
    expect(answer.status).toBe(200);
    const said = await answer.text();
    expect(JSON.parse(said)).toMatchObject({
      status: 'degraded',
      index: { reason: 'the index cannot be read' },
    });
    expect(said).not.toMatch(/srv|check the disk/);
    const told = log.find(({ message }) => message.startsWith('the index cannot be served'));
    expect(told?.fields).toMatchObject({
      error: { message: 'cannot read /srv/index' },
      hint: 'check the disk',
    });
  });

  test('is degraded while the index is not refreshed for a reason of our own', async () => {
    let trouble: RefreshTrouble | undefined = { since: '2026-01-02T03:04:05.000Z' };
    const { url } = await serveStandIn({ refreshTrouble: () => trouble });
    const answer = await fetch(`${url}/health`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      sources: [],
      index: {
        reason: 'the index was not refreshed since 2026-01-02T03:04:05.000Z',
        since: '2026-01-02T03:04:05.000Z',
      },
    });
    trouble = undefined;
    expect(await (await fetch(`${url}/health`)).json()).not.toHaveProperty('index');
  });
});

describe('readiness', () => {
  test('is 503 while no source was ever read, for /ready and for git alike, and 200 ever after', async () => {
    const { registry, url } = await serveStandIn();
    registry.ready = false;
    const advertisement = `${url}/git/index/info/refs?service=git-upload-pack`;
    const upload = () =>
      fetch(`${url}/git/index/git-upload-pack`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-git-upload-pack-request', 'Git-Protocol': 'version=2' },
        body: '0014command=ls-refs\n0000',
      });
    const ask = () => Promise.all([fetch(`${url}/ready`), fetch(advertisement), upload()]);
    for (const { status, headers } of await ask())
      expect([status, headers.get('retry-after'), headers.get('cache-control')]).toEqual([
        503,
        '5',
        'no-store',
      ]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/git/index/info/refs?service=git-receive-pack`)).status).toBe(403);
    registry.ready = true;
    expect((await ask()).map(({ status }) => status)).toEqual([200, 200, 200]);
    registry.ready = false;
    expect((await ask()).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

test('no error may be kept by a cache, in whatever form it is told', async () => {
  const { registry, server } = await serveStandIn({ limits: { bodyBytes: 100 } });
  await registry.publish('alice/json@1.0.0');
  registry.failures.set('bob/x@1.0.0', { reason: 'disabled', detail: '' });
  const ask = (request: string, headers = '') =>
    sendRaw(server.port, `${request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`);
  const asGit = 'User-Agent: git/2.50\r\n';
  const upload = 'POST /git/index/git-upload-pack';
  const type = 'Content-Type: application/x-git-upload-pack-request\r\n';
  const errors = {
    400: ask('GET /user/alice/1.0.0.zip'),
    '400 (no HTTP)': sendRaw(server.port, 'nonsense\r\n\r\n'),
    403: ask('GET /git/index/HEAD'),
    '403 (git)': ask('GET /git/index/HEAD', asGit),
    404: ask('GET /nothing'),
    '404 (HEAD)': ask('HEAD /user/alice/none/1.0.0.zip'),
    405: ask('POST /health', 'Content-Length: 0\r\n'),
    413: ask(upload, `${type}Content-Length: 1000\r\n`),
    415: ask(upload, 'Content-Length: 0\r\n'),
    416: ask('GET /user/alice/json/1.0.0.zip', 'Range: bytes=1000000-\r\n'),
    421: sendRaw(server.port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'),
    '421 (git)': sendRaw(
      server.port,
      `GET /git/index/HEAD HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n${asGit}\r\n`,
    ),
    431: ask('GET /', 'X: y\r\n'.repeat(150)),
    503: ask('GET /user/bob/x/1.0.0.zip'),
  };
  for (const [name, asked] of Object.entries(errors)) {
    const answer = await asked;
    expect(answer.slice(0, 12), name).toBe(`HTTP/1.1 ${name.slice(0, 3)}`);
    expect(answer.match(/^cache-control: .*$/gim), name).toEqual(['Cache-Control: no-store']);
  }
});

describe('requests that nobody can answer', () => {
  test('are 404 with a problem', async () => {
    const { url } = await serveStandIn();
    const answer = await fetch(`${url}/nothing`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 });
  });

  test('are 405 with the methods allowed', async () => {
    const { url } = await serveStandIn();
    const answers = await Promise.all([
      fetch(`${url}/health`, { method: 'POST', body: 'x'.repeat(100_000) }),
      fetch(`${url}/user/a/b/1.0.0.zip`, { method: 'DELETE' }),
      fetch(`${url}/git/index/git-upload-pack`, { method: 'PUT' }),
    ]);
    expect(answers.map(({ status, headers }) => [status, headers.get('allow')])).toEqual([
      [405, 'GET, HEAD'],
      [405, 'GET, HEAD'],
      [405, 'POST, GET, HEAD'],
    ]);
  });

  test.each(['/', '/health', '/api/v0/modules', '/git/index/info/refs?service=git-upload-pack', '/nothing'])(
    'HEAD %s has the headers of GET and no body',
    async (path) => {
      const { url } = await serveStandIn();
      const [get, head] = await Promise.all([fetch(url + path), fetch(url + path, { method: 'HEAD' })]);
      const length = (await get.arrayBuffer()).byteLength;
      expect([head.status, head.headers.get('content-type')]).toEqual([
        get.status,
        get.headers.get('content-type'),
      ]);
      expect(Number(head.headers.get('content-length'))).toBe(length);
      expect(await head.text()).toBe('');
    },
  );

  test('are 500 without internals when the fault is ours, and logged with its stack', async () => {
    const { registry, url, log } = await serveStandIn();
    const bug = new Error('secret internals');
    registry.symbols = () => Promise.reject(bug);
    const answer = await fetch(`${url}/symbols.zip`);
    const body = await answer.text();
    expect(answer.status).toBe(500);
    expect(body).not.toContain('secret');
    const entry = log.find(({ message }) => message === 'request failed');
    expect(entry).toMatchObject({ level: 'error', fields: { error: bug } });
    expect(body).toContain(String(entry?.fields?.id));
  });

  test('are refused when they are no HTTP, or too long', async () => {
    const { server } = await serveStandIn();
    expect(await sendRaw(server.port, 'hello\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 .*application\/problem\+json/s,
    );
    const header = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await sendRaw(server.port, header)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await statusOfRaw(server.port, `/${'x'.repeat(9000)}`)).toBe(414);
    expect(await statusOfRaw(server.port, '*', 'OPTIONS')).toBe(400);
    expect(await statusOfRaw(server.port, `http://localhost:1//health`)).toBe(200);
  });
});

test('every request is logged once, with its id and outcome', async () => {
  const { url, log } = await serveStandIn();
  const answer = await fetch(`${url}/health?x`, { headers: { 'User-Agent': 'mooncake/0.1.0' } });
  await answer.text();
  await vi.waitFor(() => expect(log).toHaveLength(1));
  expect(log[0]).toMatchObject({
    level: 'debug',
    message: 'request',
    fields: {
      id: answer.headers.get('x-request-id'),
      method: 'GET',
      target: '/health?x',
      status: 200,
      userAgent: 'mooncake/0.1.0',
    },
  });
});

test.each([
  ['an ordinary answer', '/health', {}, 'debug'],
  ['an ordinary answer, with an access log', '/health', { accessLog: true }, 'info'],
  ['something that is not there', '/nothing', {}, 'debug'],
  ['a refused request', `/${'x'.repeat(9000)}`, {}, 'info'],
  ['a failure', '/symbols.zip', {}, 'warn'],
])('%s is logged at its level', async (_, path, options, level) => {
  const { registry, url, log } = await serveStandIn(options);
  registry.symbols = () => Promise.reject(new StorageError('the disk is gone'));
  await (await fetch(url + path)).text();
  await vi.waitFor(() => expect(log.find(({ message }) => message === 'request')).toMatchObject({ level }));
});

test('the id of a request stands in its header, its problem and the log', async () => {
  const { url, log } = await serveStandIn();
  const answer = await fetch(`${url}/nothing`);
  const { instance } = (await answer.json()) as { instance: string };
  const id = answer.headers.get('x-request-id') ?? '';
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(instance).toBe(`urn:uuid:${id}`);
  await vi.waitFor(() => expect(log).toMatchObject([{ message: 'request', fields: { id } }]));
});

test('git is told the id too, in the text that it shows people', async () => {
  const { url } = await serveStandIn();
  const answer = await fetch(`${url}/git/nothing`, { headers: { 'User-Agent': 'git/2.39.5' } });
  expect(await answer.text()).toContain(`request: ${answer.headers.get('x-request-id')}\n`);
});

test('an address that is taken is a usage error with a hint', async () => {
  const { server } = await serveStandIn();
  const registry = await createRegistryStandIn();
  const second = startServer(registry, { host: '127.0.0.1', port: server.port });
  await expect(second).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('--port') });
  await registry.close();
});

describe('closing', () => {
  test('lets running requests finish, and hangs up idle connections', async () => {
    const { registry, server } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    let open = () => {};
    registry.gate = new Promise((resolve) => {
      open = resolve;
    });
    const agent = new Agent({ keepAlive: true });
    const options = { host: '127.0.0.1', port: server.port, agent };
    const idle = connect(server.port, '127.0.0.1');
    const running = httpRequest({ ...options, path: '/user/alice/json/1.0.0.zip' });
    running.end();
    await vi.waitFor(() => expect(registry.calls.openArchive).toBe(1));
    const closed = server.close(60_000);
    idle.resume();
    await once(idle, 'close');
    await expect(fetch(server.url)).rejects.toThrow();
    open();
    const [response] = await once(running, 'response');
    expect(response.headers.connection).toBe('close');
    expect(await readText(response)).toBe('archive of alice/json@1.0.0');
    await closed;
    agent.destroy();
  });

  test('cuts what does not finish in time', async () => {
    const { registry, server } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    registry.gate = new Promise(() => {});
    const running = fetch(`${server.url}/user/alice/json/1.0.0.zip`).catch((error: Error) => error);
    await vi.waitFor(() => expect(registry.calls.openArchive).toBe(1));
    await server.close(10);
    expect(await running).toBeInstanceOf(Error);
  });
});
