/** A registry that has another of ours as a source: two real ones, over real HTTP. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer } from '../src/server/listen.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import { createRegistry, moduleName, readServed, version, writeSettings } from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

const path = '/.well-known/moonbit-registry';

/** A registry that hosts `company/…` and aggregates a public one; requests to it pass a gate that counts them. */
async function serveUpstairs(published: readonly string[] = ['alice/json@1.0.0']) {
  const origin = await startUpstream(published);
  const registry = await createRegistry({
    sources: [{ name: 'public', upstream: origin }],
    hosting: 'namespaces = ["company/*"]',
  });
  await registry.sync();
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const token = await createToken(registry, 'ci');
  const publish = (id: string) => publishTo(server.url, token, archiveOf(id));
  await publish('company/tool@1.0.0');
  return { origin, registry, publish, ...(await startGate(server.url)) };
}

type Said = { readonly status: number; readonly type?: string; readonly body: string };

/** Passes requests on and notes their paths; `say` puts something else in place of the description. */
async function startGate(target: string) {
  const asked: string[] = [];
  let instead: Said | undefined;
  const gate = createServer(async (request, response) => {
    asked.push(request.url ?? '');
    if (request.url === path && instead) {
      response.writeHead(instead.status, { 'Content-Type': instead.type ?? 'application/json' });
      response.end(instead.body);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers))
      if (typeof value === 'string' && !/^(host|connection|content-length|transfer-encoding)$/.test(name))
        headers.set(name, value);
    const body = request.method === 'POST' ? { body: Buffer.concat(chunks) } : {};
    const answer = await fetch(target + request.url, { method: request.method ?? 'GET', headers, ...body });
    const kept = [...answer.headers].filter(([name]) => /^(content-type|etag|warning|location)$/.test(name));
    response.writeHead(answer.status, Object.fromEntries(kept));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    gate.closeAllConnections();
    gate.close();
  });
  const url = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
  return {
    ...{ url, indexUrl: `${url}/git/index` },
    /** The paths that were asked for since the last time. */
    takeAsked: () => asked.splice(0),
    say: (said: Said | undefined) => {
      instead = said;
    },
  };
}

type Upstairs = Awaited<ReturnType<typeof serveUpstairs>>;

const chained = (upstream: Upstairs, more: object = {}) =>
  ({ name: 'internal', upstream, type: 'moonbit-registry', priority: 25, ...more }) as const;

describe('what a registry says of itself', () => {
  test('names what it hosts, where its index stands and what is stale, with no address of a source; unchanged, it is a 304', async () => {
    const upstairs = await serveUpstairs();
    const answer = await fetch(upstairs.url + path);
    const said = (await answer.json()) as Record<string, unknown>;
    expect(said).toMatchObject({
      ...{ registry: 'moonbit-registry', hosts: ['company/*'], stale: [] },
      index: { commit: await upstairs.registry.servedCommit() },
      state: await upstairs.registry.stateCommit(),
    });
    const etag = answer.headers.get('etag') ?? '';
    const again = () => fetch(upstairs.url + path, { headers: { 'If-None-Match': etag } });
    expect((await again()).status).toBe(304);
    await upstairs.origin.close();
    await upstairs.registry.sync();
    const stale = { hosts: ['company/*'], stale: [{ source: 'public', readAt: expect.any(String) }] };
    await expect.poll(async () => (await fetch(upstairs.url + path)).json()).toMatchObject(stale);
    const after = await again();
    expect(after.status).toBe(200);
    expect(await after.text()).not.toContain(new URL(upstairs.origin.url).host);
  });
});

describe('a source that says what it hosts', () => {
  test('supplies that, and with include everything; while nothing changes it is asked one thing', async () => {
    const upstairs = await serveUpstairs();
    const registry = await createRegistry({ sources: [chained(upstairs)] });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/tool@1.0.0']);
    expect((await registry.explain(moduleName('alice/json'))).sources[0]).toMatchObject({
      listing: 'excluded',
    });

    upstairs.takeAsked();
    await registry.sync();
    // Symbols for editors are looked for beside it, less often.
    expect(upstairs.takeAsked().filter((asked) => asked !== '/symbols.zip')).toEqual([path]);

    await upstairs.publish('company/tool@1.1.0');
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/tool@1.0.0', 'company/tool@1.1.0']);

    await writeSettings(registry.config.directory, { sources: [chained(upstairs, { include: ['*'] })] });
    await registry.reload();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toContain('alice/json@1.0.0');
    expect(await registry.originOf(moduleName('alice/json'))).toBe('internal');
  });

  test('of another type supplies everything, and is not asked', async () => {
    const upstairs = await serveUpstairs();
    const registry = await createRegistry({ sources: [chained(upstairs, { type: 'custom' })] });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'company/tool@1.0.0']);
    expect(upstairs.takeAsked()).not.toContain(path);
  });

  test('keeps what it was given before it said so, with what is new of it', async () => {
    const upstairs = await serveUpstairs();
    upstairs.say({ status: 404, body: '{}' });
    const registry = await createRegistry({ sources: [chained(upstairs)] });
    await registry.sync();
    const before = ['alice/json@1.0.0', 'company/tool@1.0.0'];
    expect(Object.keys(await readServed(registry))).toEqual(before);
    upstairs.say(undefined);
    await upstairs.origin.publish('alice/json@1.1.0');
    await upstairs.origin.publish('bob/new@1.0.0');
    await upstairs.registry.sync();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual([
      'alice/json@1.0.0',
      'alice/json@1.1.0',
      before[1],
    ]);
  });

  test('does not begin to supply more because it says nothing for once', async () => {
    const upstairs = await serveUpstairs();
    const registry = await createRegistry({ sources: [chained(upstairs)] });
    await registry.sync();
    upstairs.say({ status: 404, body: '{}' });
    await upstairs.publish('company/tool@1.1.0');
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/tool@1.0.0', 'company/tool@1.1.0']);
  });

  test('is not current for what it aggregates while its own sources are stale, and is for what it hosts', async () => {
    const upstairs = await serveUpstairs();
    const other = await startUpstream(['carol/new@1.0.0']);
    await upstairs.origin.close();
    await upstairs.registry.sync();
    const below = { name: 'other', upstream: other, priority: 90 };
    const all = await createRegistry({ sources: [chained(upstairs, { include: ['*'] }), below] });
    await all.sync();
    expect(Object.keys(await readServed(all))).not.toContain('carol/new@1.0.0');
    expect(await all.heldBack()).toMatchObject([{ waitsFor: [{ source: 'internal' }] }]);
    const own = await createRegistry({ sources: [chained(upstairs), below] });
    await own.sync();
    expect(Object.keys(await readServed(own))).toContain('carol/new@1.0.0');
  });
});

test('what was yanked there is told here, by whose line says it', async () => {
  const upstairs = await serveUpstairs();
  const ruling = { module: moduleName('company/tool'), version: undefined, reason: 'use company/other' };
  await upstairs.registry.hosted.yank(ruling, 'user ada');
  const registry = await createRegistry({ sources: [chained(upstairs)] });
  await registry.sync();
  const { yanked } = await registry.explain(moduleName('company/tool'), version('1.0.0'));
  expect(yanked).toEqual({ reason: 'use company/other', by: 'source internal' });
});

describe('what was withdrawn there', () => {
  test('is given to nobody here either, with its reason, until the operator lets it out', async () => {
    const upstairs = await serveUpstairs();
    await upstairs.publish('company/tool@1.1.0');
    const registry = await createRegistry({ sources: [chained(upstairs)] });
    await registry.sync();
    const [tool, old, newest] = [moduleName('company/tool'), version('1.0.0'), version('1.1.0')];
    for (const one of [old, newest]) expect((await registry.openArchive(tool, one)).kind).toBe('found');
    for (const one of [old, newest])
      await upstairs.registry.hosted.withdraw(
        { module: tool, version: one, reason: 'has a password in it' },
        'user ada',
      );
    await registry.sync();
    const reason = 'withdrawn by whoever published it: has a password in it';
    for (const one of [old, newest])
      expect(await registry.openArchive(tool, one)).toMatchObject({ kind: 'blocked', block: { reason } });
    expect((await registry.explain(tool, old)).blocks).toMatchObject([{ by: 'source internal', reason }]);

    await registry.ruleOnBlock({ action: 'unblock', module: tool, version: old });
    await registry.sync();
    await upstairs.publish('company/more@1.0.0');
    await registry.sync();
    expect((await registry.openArchive(tool, old)).kind).toBe('found');
    expect((await registry.openArchive(tool, newest)).kind).toBe('blocked');
  });

  test('is believed of its own modules and of these bytes, and of no others', async () => {
    const upstairs = await serveUpstairs();
    const other = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0']);
    const registry = await createRegistry({
      sources: [chained(upstairs), { name: 'public', upstream: other, priority: 90 }],
    });
    await registry.sync();
    const served = await readServed(registry);
    const said = (await (await fetch(upstairs.url + path)).json()) as Record<string, unknown>;
    const checksum = served['alice/json@1.0.0'];
    const newest = [
      { module: 'alice/json', version: '1.0.0', checksum, reason: 'a lie' },
      { module: 'company/tool', version: '1.0.0', checksum: '0'.repeat(64), reason: 'other bytes' },
      { module: '../x', version: '1.0.0', checksum, reason: 'no name' },
      ...[null, 'x', { module: 'company/tool' }],
      ...Array.from({ length: 5000 }, (_, i) => ({ module: `alice/n${i}`, version: '1.0.0', checksum })),
    ];
    upstairs.say({ status: 200, body: JSON.stringify({ ...said, withdrawn: { newest } }) });
    await registry.sync();
    expect(await registry.blocks()).toEqual([]);
    expect(await readServed(registry)).toEqual(served);
    const own = served['company/tool@1.0.0'];
    const hostile = {
      module: 'company/tool',
      version: '1.0.0',
      checksum: own,
      reason: 'two\nlines \u001b[31m',
    };
    upstairs.say({ status: 200, body: JSON.stringify({ ...said, withdrawn: { newest: [hostile] } }) });
    await registry.sync();
    expect(await registry.blocks()).toMatchObject([{ reason: 'withdrawn by whoever published it' }]);
  });
});

test('two that have each other as a source with all they aggregate come to rest', async () => {
  const a = await serveUpstairs();
  const b = await createRegistry({ sources: [chained(a, { include: ['*'] })] });
  await b.sync();
  const server = await startServer(b, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const back = { url: server.url, indexUrl: `${server.url}/git/index` };
  await writeSettings(a.registry.config.directory, {
    hosting: 'namespaces = ["company/*"]',
    sources: [
      { name: 'public', upstream: a.origin },
      { name: 'b', upstream: back, type: 'moonbit-registry', priority: 90, include: ['*'] },
    ],
  });
  await a.registry.reload();
  const served = await readServed(a.registry);
  const commits = async () => [await a.registry.servedCommit(), await b.servedCommit()];
  await a.registry.sync();
  await b.sync();
  const before = await commits();
  for (let round = 0; round < 2; round++) {
    await a.registry.sync();
    await b.sync();
  }
  expect(await commits()).toEqual(before);
  expect(await readServed(a.registry)).toEqual(served);
  expect(await a.registry.originOf(moduleName('company/tool'))).toBe('hosted');
});

const good = { registry: 'moonbit-registry', hosts: ['*'], index: { commit: 'a'.repeat(40) }, stale: [] };
const json = (change: object) => JSON.stringify({ ...good, ...change });

test.each([
  ['huge', `{"registry":"moonbit-registry","hosts":["${'a'.repeat(2_000_000)}/*"]}`],
  ['deep', `${'['.repeat(300_000)}${']'.repeat(300_000)}`],
  ['no JSON', 'registry: yes'],
  ['a list', '[]'],
  ['of another kind', json({ registry: 'other' })],
  ['without hosts', json({ hosts: undefined })],
  ['with a control character in a name', json({ hosts: ['company/\u001b[2J*'] })],
  ['with a name that is none', json({ hosts: [7] })],
  ['with too many names', json({ hosts: Array.from({ length: 10_001 }, (_, at) => `a/${at}`) })],
  ['with a commit that is none', json({ index: { commit: '--upload-pack=x' } })],
])('a description that is %s is a failed reading of that source, and of no other', async (_, body) => {
  const other = await startUpstream(['alice/json@1.0.0']);
  const gate = await startGate(other.url);
  gate.say({ status: 200, body });
  const registry = await createRegistry({
    sources: [
      { name: 'other', upstream: other, priority: 10 },
      { name: 'bad', upstream: gate, type: 'moonbit-registry' },
    ],
  });
  const { sources } = await registry.sync();
  expect(sources).toMatchObject([
    { source: 'other', outcome: 'fresh' },
    { source: 'bad', outcome: 'never-read', reason: 'bad-answer' },
  ]);
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0']);
});

test.each([
  [400, 'application/json'],
  [403, 'text/plain'],
  [404, 'text/html'],
  [405, 'application/json'],
  [200, 'text/html; charset=utf-8'],
])('a server of another kind that answers %i %s is read as ever', async (status, type) => {
  const other = await startUpstream(['alice/json@1.0.0']);
  const gate = await startGate(other.url);
  gate.say({ status, type, body: '<html>' });
  const upstream = { url: gate.url, indexUrl: other.indexUrl };
  const registry = await createRegistry({
    sources: [{ name: 'other', upstream, type: 'moonbit-registry' }],
  });
  await registry.sync();
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0']);
});

test('a description that cannot be had just now is a failed reading', async () => {
  const upstairs = await serveUpstairs();
  upstairs.say({ status: 503, body: '{}' });
  const registry = await createRegistry({ sources: [chained(upstairs)] });
  expect((await registry.sync()).sources).toMatchObject([{ outcome: 'never-read', reason: 'server-error' }]);
});

test('a description with a false commit, or an archive address elsewhere, leads nobody anywhere', async () => {
  const upstairs = await serveUpstairs();
  const elsewhere = await startGate('http://127.0.0.1:9');
  upstairs.say({
    status: 200,
    body: json({
      archives: `${elsewhere.url}/{owner}`,
      index: { url: elsewhere.url, commit: 'f'.repeat(40) },
    }),
  });
  const registry = await createRegistry({ sources: [chained(upstairs)] });
  await registry.sync();
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'company/tool@1.0.0']);
  expect(elsewhere.takeAsked()).toEqual([]);
});

test('what is checked says what the source hosts', async () => {
  const upstairs = await serveUpstairs();
  const registry = await createRegistry({ sources: [chained(upstairs)] });
  const [check] = await registry.checkSources('internal');
  expect(check?.steps.find(({ step }) => step === 'index')?.detail).toContain(
    'it hosts company/*, and supplies no other new names unless include = ["*"]',
  );
});
