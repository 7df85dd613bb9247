import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type StandInServer, sendRaw, serveStandIn } from '../../../test/support/stand-in-server.ts';

async function world(): Promise<StandInServer> {
  const served = await serveStandIn();
  const { registry } = served;
  await registry.publish('alice/json@1.0.0', {
    description: 'Fast parser',
    created_at: '2026-01-01T00:00:00+00:00',
  });
  await registry.publish('alice/json@1.1.0-rc.1', {
    description: 'Fast JSON parser',
    keywords: ['parser', 7],
    license: 'MIT',
    repository: 'https://example.com/json',
    created_at: '2026-03-01T00:00:00+00:00',
    yanked: true,
    yanked_reason: 'a bug',
    'odd key': [1],
  });
  await registry.publish('bob/parser/deep@2.0.0', {
    deps: { 'alice/json': '1.0.0' },
    created_at: '2026-02-01T00:00:00+00:00',
  });
  await registry.publish('bob/plain@0.1.0', { deps: { 'alice/json': '1.0.0', 'bob/parser/deep': '2.0.0' } });
  return served;
}

async function get(url: string): Promise<unknown> {
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
  return answer.json();
}

describe('search', () => {
  test('finds words in names, keywords and descriptions, best first', async () => {
    const { url } = await world();
    const search = async (query: string) =>
      ((await get(`${url}/api/v0/search?${query}`)) as { name: string }[]).map(({ name }) => name);
    expect(await search('kw=parser')).toEqual(['bob/parser/deep', 'alice/json']);
    expect(await search('kw=PARSER+fast')).toEqual(['alice/json']);
    expect(await search('kw=alice%2Fjson')).toEqual(['alice/json']);
    expect(await search('kw=parser&limit=1')).toEqual(['bob/parser/deep']);
    expect(await search('kw=nothing')).toEqual([]);
    expect(await search('')).toEqual([]);
  });

  test('answers the shape moon reads', async () => {
    const { url } = await world();
    expect(await get(`${url}/api/v0/search?kw=json`)).toEqual([
      {
        name: 'alice/json',
        version: '1.1.0-rc.1',
        description: 'Fast JSON parser',
        matched_package_count: 0,
        matched_packages: [],
      },
    ]);
  });
});

describe('manifest', () => {
  const expected = {
    module: 'alice/json',
    name: 'alice/json',
    version: '1.1.0-rc.1',
    latest_version: '1.1.0-rc.1',
    metadata: { name: 'alice/json', version: '1.1.0-rc.1', 'odd key': [1] },
    versions: [
      { version: '1.1.0-rc.1', yanked: true, yanked_reason: 'a bug' },
      { version: '1.0.0', yanked: false, yanked_reason: null },
    ],
  };

  test.each([
    'manifest/alice/json',
    'manifest/alice%2Fjson',
    'modules/alice/json',
    'manifest/alice/json@latest',
  ])('%s is the latest version, prereleases and yanked ones included', async (path) => {
    const { url } = await world();
    expect(await get(`${url}/api/v0/${path}`)).toMatchObject(expected);
  });

  test('names a version, or a package below the module', async () => {
    const { url } = await world();
    expect(await get(`${url}/api/v0/manifest/alice/json@1.0.0`)).toMatchObject({
      version: '1.0.0',
      latest_version: '1.1.0-rc.1',
      metadata: { description: 'Fast parser' },
    });
    expect(await get(`${url}/api/v0/manifest/bob/parser/deep/inner/pkg`)).toMatchObject({
      module: 'bob/parser/deep',
      name: 'bob/parser/deep/inner/pkg',
    });
    expect(await get(`${url}/api/v0/manifest/bob/parser/deep@2.0.0/inner`)).toMatchObject({
      module: 'bob/parser/deep',
      version: '2.0.0',
    });
  });

  test.each([
    ['manifest/alice/none', 404],
    ['manifest/alice', 404],
    ['manifest/alice/json@9.9.9', 404],
    ['manifest/bob/parser', 404],
    [`manifest/${'a/'.repeat(40)}b`, 404],
    ['manifest/alice/%ff', 400],
  ])('%s is %d', async (path, status) => {
    const { url } = await world();
    const answer = await fetch(`${url}/api/v0/${path}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  });

  test('of a module that is not served is missing in the official words, with our own beside them', async () => {
    const { url } = await world();
    const answer = await fetch(`${url}/api/v0/manifest/alice/none`);
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Package not found',
      instance: expect.stringMatching(/^urn:uuid:/),
      hint: '/api/v0/explain/alice/none says why',
      explanation: 'No module of that name is served here: "alice/none".',
    });
  });

  test('always has nine keys', async () => {
    const { url } = await world();
    const keys = ['build_status', 'downloads', 'has_package', 'latest_version', 'metadata', 'module', 'name'];
    for (const path of ['alice/json', 'bob/plain', 'bob/parser/deep@2.0.0/inner'])
      expect(Object.keys((await get(`${url}/api/v0/manifest/${path}`)) as object).sort()).toEqual([
        ...keys,
        'version',
        'versions',
      ]);
  });
});

test.each([
  ['GET', '/api/v0/none', 404],
  ['GET', '/api/v0/manifest/alice/none', 404],
  ['GET', '/api/v0/manifest/alice/json@9.9.9', 404],
  ['GET', '/api/v0/manifest/%ff', 400],
  ['GET', '/api/v0/user/nobody', 404],
  ['GET', '/api/v0/explain/bob', 400],
  ['POST', '/api/v0/modules', 405],
  ['GET', `/api/v0/manifest/${'a'.repeat(9000)}`, 414],
])('an error has the official "detail" beside our own members: %s %s is %d', async (method, path, status) => {
  const { url } = await world();
  const answer = await fetch(url + path, { method });
  expect(await answer.json()).toMatchObject({
    status,
    detail: expect.stringMatching(/^\w.+/),
    title: expect.any(String),
  });
  expect(answer.status).toBe(status);
});

describe('listings', () => {
  test('name every module with what the web site requires', async () => {
    const { url } = await world();
    const modules = (await get(`${url}/api/v0/modules`)) as unknown[];
    expect(modules).toHaveLength(3);
    expect(modules[0]).toEqual({
      name: 'alice/json',
      version: '1.1.0-rc.1',
      description: 'Fast JSON parser',
      keywords: ['parser'],
      is_new: false,
      created_at: '2026-03-01T00:00:00+00:00',
      repository: 'https://example.com/json',
      license: 'MIT',
    });
    expect(modules[2]).toMatchObject({
      created_at: expect.stringMatching(/^1970/),
      keywords: [],
      is_new: true,
    });
  });

  test('have eight keys and never null, whatever a line says', async () => {
    const { registry, url } = await world();
    await registry.publish('odd/one@1.0.0', {
      ...{ description: null, keywords: null, license: 7, repository: null, created_at: [], yanked: 'no' },
    });
    for (const module of (await get(`${url}/api/v0/modules`)) as Record<string, unknown>[]) {
      expect(Object.keys(module)).toHaveLength(8);
      expect(Object.values(module)).not.toContain(null);
    }
    expect(await get(`${url}/api/v0/search?kw=odd`)).toMatchObject([{ description: '' }]);
  });

  test('rank by last publication, first publication and use', async () => {
    const { url } = await world();
    const ranked = (await get(`${url}/api/v0/modules?recent=2&new=1&popular=2`)) as Record<
      string,
      { name: string }[]
    >;
    const names = Object.fromEntries(
      Object.entries(ranked).map(([key, list]) => [key, list.map(({ name }) => name)]),
    );
    expect(names).toEqual({
      recent: ['alice/json', 'bob/parser/deep'],
      new: ['bob/parser/deep'],
      popular: ['alice/json', 'bob/parser/deep'],
    });
  });

  test('count', async () => {
    const { url } = await world();
    expect(await get(`${url}/api/v0/modules/statistics`)).toEqual({
      total_modules: 3,
      total_versions: 4,
      total_packages: 0,
      total_lines: 0,
      total_downloads: 0,
    });
  });

  test("show an owner's modules", async () => {
    const { url } = await world();
    expect(await get(`${url}/api/v0/user/alice`)).toEqual({
      username: 'alice',
      modules: [{ name: 'alice/json', version: '1.1.0-rc.1', yanked: true, yanked_reason: 'a bug' }],
    });
    expect((await fetch(`${url}/api/v0/user/ali`)).status).toBe(404);
  });
});

test('the index is read once per served commit, however many ask', async () => {
  const { registry, url } = await world();
  await Promise.all(Array.from({ length: 10 }, () => get(`${url}/api/v0/modules`)));
  await get(`${url}/api/v0/search?kw=json`);
  expect(registry.calls.readIndex).toBe(1);
  await registry.publish('carol/new@1.0.0');
  expect(await get(`${url}/api/v0/modules`)).toHaveLength(4);
  expect(registry.calls.readIndex).toBe(2);
});

test('what is asked for by several at once is explained once', async () => {
  const { registry, server } = await world();
  const { explain } = registry;
  let calls = 0;
  registry.explain = async (...asked) => {
    calls++;
    await setImmediate();
    return explain(...asked);
  };
  // In one packet, so that all are asked before the first is answered.
  const ask = 'GET /api/v0/explain/alice/json HTTP/1.1\r\nHost: localhost\r\n';
  const answers = await sendRaw(server.port, `${`${ask}\r\n`.repeat(9)}${ask}Connection: close\r\n\r\n`);
  expect(answers.match(/^HTTP\/1.1 200 /gm)).toHaveLength(10);
  expect(calls).toBe(1);
});

test('a decision is explained, but for what sources said and who decided', async () => {
  const { url, registry } = await world();
  const explain = registry.explain;
  registry.explain = async (module, version) => {
    const finding = { kind: 'look-alike', module, source: 'partner', message: 'it says: hello' } as const;
    const kept = { at: '2026-01-01T00:00:00.000Z', by: 'root' };
    const awaited = {
      source: 'partner',
      failureClass: 'connection',
      failure: 'hello',
      claims: false,
    } as const;
    const waiting = { kind: 'new', names: 1, owners: [], examples: [], waitsFor: [awaited] } as const;
    const heldBack = { ...waiting, since: '2026-01-01T00:00:00.000Z' };
    const blocks = [{ module, reason: 'CVE-2026-1', at: kept.at, by: 'root' }];
    return { ...(await explain(module, version)), blocks, findings: [{ ...finding, kept }], heldBack };
  };
  expect(await get(`${url}/api/v0/explain/bob/parser%2Fdeep@2.0.0`)).toMatchObject({
    module: 'bob/parser/deep',
    version: '2.0.0',
    rule: 'priority',
    blocks: [{ module: 'bob/parser/deep', reason: 'CVE-2026-1', at: '2026-01-01T00:00:00.000Z' }],
    findings: [{ kind: 'look-alike', module: 'bob/parser/deep', source: 'partner' }],
    heldBack: { waitsFor: [{ source: 'partner', class: 'connection' }] },
  });
  const told = await (await fetch(`${url}/api/v0/explain/bob/parser/deep@2.0.0`)).text();
  expect(told).toContain('look-alike');
  expect(told).not.toMatch(/hello|root/);
  expect((await fetch(`${url}/api/v0/explain/bob`)).status).toBe(400);
  expect((await fetch(`${url}/api/v0/explain/bob/x@1`)).status).toBe(400);
});
