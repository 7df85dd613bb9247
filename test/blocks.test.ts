/** What the operator refuses to everybody: at once, wherever the bytes are, and without moving anybody's build. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Registry } from '../src/registry/registry.ts';
import { startServer } from '../src/server/listen.ts';
import { createRegistry, download, moduleName, readServed, version } from './support/registry-world.ts';
import { readRefs, show, stateRef } from './support/stored-formats.ts';
import { startUpstream } from './support/worlds.ts';

const names = ['1.0.0', '1.1.0', '1.2.0'].map((one) => `alice/json@${one}`);

async function createWorld(more: { readonly upstreamFallback?: boolean } = {}) {
  const upstream = await startUpstream([...names, 'bob/x@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], ...more });
  await registry.sync();
  return { upstream, registry };
}

function subjectOf(name: string) {
  const [module = '', stated] = name.split('@');
  return { module: moduleName(module), ...(stated === undefined ? {} : { version: version(stated) }) };
}
const block = (registry: Registry, name: string, reason = 'CVE-2026-1') =>
  registry.ruleOnBlock({ action: 'block', ...subjectOf(name), reason });
const unblock = (registry: Registry, name: string) =>
  registry.ruleOnBlock({ action: 'unblock', ...subjectOf(name) });
const listed = async (registry: Registry) => Object.keys(await readServed(registry));
const fileOf = async (registry: Registry) =>
  (await registry.readIndexFile(moduleName('alice/json')))?.toString() ?? '';

describe('a version that is blocked', () => {
  test.each([
    ['with something above it stays listed', 'alice/json@1.1.0', names],
    ['with nothing above it leaves the index', 'alice/json@1.2.0', names.slice(0, 2)],
    ['with all others stays listed', 'alice/json', names],
  ])('%s, is refused, and comes back byte for byte', async (_, name, after) => {
    const { registry, upstream } = await createWorld();
    const [before, refused] = [await fileOf(registry), name.includes('@') ? name : 'alice/json@1.2.0'];
    const bytes = await download(registry, refused);
    const outcome = await block(registry, name);
    expect(outcome.decision).toMatchObject({ action: 'block', reason: 'CVE-2026-1' });
    const covered = name.includes('@') ? [name] : names;
    const [stay, leave] = [true, false].map((is) => covered.filter((one) => after.includes(one) === is));
    expect([outcome.listed, outcome.left]).toEqual(
      [stay, leave].map((them = []) => them.map((one) => one.split('@')[1])),
    );
    expect(outcome.unknown).toBeUndefined();
    const because = (await registry.explain(moduleName('alice/json'), version(refused.split('@')[1] ?? '')))
      .because;
    expect(because).toContain(leave?.includes(refused) ? 'it has left the index' : 'it stays listed');
    expect(outcome.versions).toEqual(name.includes('@') ? [name.split('@')[1]] : ['1.0.0', '1.1.0', '1.2.0']);
    expect(await listed(registry)).toEqual([...after, 'bob/x@1.0.0']);
    expect(await download(registry, refused)).toBe('blocked');
    for (const other of [...names, 'bob/x@1.0.0'])
      if (name.includes('@') && other !== name)
        expect(await download(registry, other)).toMatch(/^[0-9a-f]{64}$/);
    // Nothing that follows forgets it: not a sync, nor one that brings news.
    expect((await registry.sync()).changes).toEqual([]);
    await upstream.publish('bob/x@1.1.0');
    await registry.sync();
    expect(await listed(registry)).toEqual([...after, 'bob/x@1.0.0', 'bob/x@1.1.0']);
    expect((await registry.verify({ deep: true })).filter(({ outcome: one }) => one !== 'sound')).toEqual([]);

    await unblock(registry, name);
    expect(await fileOf(registry)).toBe(before);
    expect(await download(registry, refused)).toBe(bytes);
    expect(await registry.blocks()).toEqual([]);
    expect((await registry.sync()).changes).toEqual([]);
  });

  test('ahead of time is refused when it comes; of a whole module, all that come', async () => {
    const { registry, upstream } = await createWorld();
    expect((await block(registry, 'alice/json@1.3.0')).versions).toEqual([]);
    expect((await block(registry, 'new/name')).versions).toEqual([]);
    expect(await download(registry, 'new/name@1.0.0')).toBe('blocked');
    await upstream.publish('alice/json@1.3.0');
    await upstream.publish('new/name@1.0.0');
    await registry.sync();
    expect(await listed(registry)).toEqual([...names, 'bob/x@1.0.0', 'new/name@1.0.0']);
    for (const name of ['alice/json@1.3.0', 'new/name@1.0.0'])
      expect(await download(registry, name)).toBe('blocked');
    // With something above it, it is a hole.
    await upstream.publish('alice/json@1.4.0');
    await registry.sync();
    expect(await listed(registry)).toContain('alice/json@1.3.0');
    expect(await download(registry, 'alice/json@1.3.0')).toBe('blocked');
    expect(upstream.count('1.3.0.zip') + upstream.count('new/name')).toBe(0);
  });

  test.each([
    ['alice/json@1.2.1', 'alice/json@1.2.1', 'alice/json@1.2.0'],
    ['alice/jsno@1.0.0', 'alice/jsno', 'alice/json'],
    ['nobody/has-anything-like-it', 'nobody/has-anything-like-it', undefined],
  ])('that no source lists may be mistyped, and is blocked all the same: %s', async (name, what, nearest) => {
    const { registry } = await createWorld();
    const { unknown, decision } = await block(registry, name);
    expect(unknown).toEqual({ what, nearest, unread: [] });
    expect(await registry.blocks()).toEqual([expect.objectContaining(subjectOf(name))]);
    expect(decision.action).toBe('block');
  });

  test('is not mirrored, which the report says', async () => {
    const { registry, upstream } = await createWorld();
    await block(registry, 'alice/json@1.1.0');
    const report = await registry.mirror({ patterns: ['alice/*'] });
    expect(report.blocked).toEqual([{ module: 'alice/json', version: '1.1.0' }]);
    expect(report.sources).toMatchObject([{ versions: 2, downloaded: 2 }]);
    expect(upstream.count('1.1.0.zip')).toBe(0);
    // The same again need not be selected anew.
    expect(await registry.mirror({ patterns: ['alice/*'] })).toMatchObject({
      blocked: report.blocked,
      sources: [{ versions: 2, present: 2 }],
    });
    await unblock(registry, 'alice/json@1.1.0');
    expect(await registry.mirror({ patterns: ['alice/*'] })).toMatchObject({
      blocked: [],
      sources: [{ versions: 3, downloaded: 1 }],
    });
  });

  test('comes back although its source has deleted it, or offers something else, meanwhile', async () => {
    const { registry, upstream } = await createWorld();
    const before = await fileOf(registry);
    expect(await download(registry, 'alice/json@1.2.0')).toMatch(/^[0-9a-f]{64}$/);
    await upstream.publish('alice/json@1.1.0', { sizeBytes: 9000 });
    await registry.sync();
    expect(await fileOf(registry)).toBe(before);
    await block(registry, 'alice/json@1.1.0');
    await block(registry, 'alice/json@1.2.0');
    expect(await listed(registry)).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0']);
    const lines = before.split('\n');
    await upstream.writeIndexFile('user/alice/json.index', `${lines[0]}\n`);
    await registry.sync();
    await registry.sync();
    await unblock(registry, 'alice/json@1.2.0');
    // 1.1.0 was not cached, so its deletion counts.
    expect((await fileOf(registry)).split('\n').sort()).toEqual(['', lines[0], lines[2]].sort());
    expect(await download(registry, 'alice/json@1.2.0')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is told by explain and status, with who decided it, and recorded for ever', async () => {
    const { registry } = await createWorld();
    await block(registry, 'alice/json@1.1.0');
    await block(registry, 'alice/json@1.1.0', 'CVE-2026-2: use 1.2.0');
    const [standing, ...others] = await registry.blocks();
    expect(others).toEqual([]);
    expect(standing).toMatchObject({
      version: '1.1.0',
      reason: 'CVE-2026-2: use 1.2.0',
      by: expect.any(String),
    });
    expect((await registry.status()).blocks).toEqual([standing]);
    expect(await registry.explain(moduleName('alice/json'), version('1.1.0'))).toMatchObject({
      isServed: false,
      blocks: [standing],
    });
    expect(await registry.explain(moduleName('alice/json'), version('1.2.0'))).toMatchObject({
      isServed: true,
      blocks: [],
    });
    expect((await registry.explain(moduleName('alice/json'))).blocks).toEqual([standing]);
    await unblock(registry, 'alice/json@1.1.0');
    const decisions = (await show(registry.indexDirectory, `${stateRef}:decisions.jsonl`))
      .trimEnd()
      .split('\n');
    expect(decisions.map((line) => JSON.parse(line).action)).toEqual(['block', 'block', 'unblock']);
  });

  test('is lifted as it was set, and what was not set is named', async () => {
    const { registry } = await createWorld();
    const refs = await readRefs(registry.indexDirectory);
    await expect(unblock(registry, 'alice/json')).rejects.toMatchObject({ code: 'not-found' });
    expect(await readRefs(registry.indexDirectory)).toBe(refs);
    await block(registry, 'alice/json');
    await expect(unblock(registry, 'alice/json@1.0.0')).rejects.toMatchObject({
      message: expect.stringContaining('what is: alice/json'),
      hint: 'moonbit-registry unblock alice/json',
    });
  });

  test('with fallback off, a hole that is cached stays, and so does what others require', async () => {
    const { registry } = await createWorld({ upstreamFallback: false });
    await registry.mirror({ patterns: ['*'] });
    await block(registry, 'alice/json@1.1.0');
    expect(await listed(registry)).toEqual([...names, 'bob/x@1.0.0']);
    await block(registry, 'alice/json@1.2.0');
    expect(await listed(registry)).toEqual([names[0], 'bob/x@1.0.0']);
    await unblock(registry, 'alice/json@1.2.0');
    expect(await listed(registry)).toEqual([...names, 'bob/x@1.0.0']);
  });

  test('no older program may serve: the data do not go back while anything is blocked', async () => {
    const { registry } = await createWorld();
    await block(registry, 'alice/json@1.2.0');
    const refs = await readRefs(registry.indexDirectory);
    for (const format of [1, 2] as const)
      await expect(registry.downgrade(format)).rejects.toMatchObject({
        message: expect.stringContaining('alice/json@1.2.0 is blocked'),
        hint: 'moonbit-registry unblock alice/json@1.2.0',
      });
    expect(await readRefs(registry.indexDirectory)).toBe(refs);
    await unblock(registry, 'alice/json@1.2.0');
    await registry.downgrade(2);
    expect(await show(registry.indexDirectory, `${stateRef}:format`)).toBe('2\n');
    expect(JSON.parse(await show(registry.indexDirectory, `${stateRef}:state.json`))).not.toHaveProperty(
      'blocks',
    );
    const { directory } = registry.config;
    const again = await createRegistry({ directory, sources: [] });
    expect(await show(again.indexDirectory, `${stateRef}:format`)).toBe('3\n');
    expect(await fileOf(again)).toBe(await fileOf(registry));
  });
});

test('a server that has it ready to send refuses it as soon as another process has blocked it', async () => {
  const { registry, upstream } = await createWorld();
  let clock = 0;
  const server = await startServer(registry, { host: '127.0.0.1', port: 0, now: () => clock });
  onTestFinished(() => server.close(0));
  const other = await createRegistry({
    directory: registry.config.directory,
    sources: [{ name: 'main', upstream }],
  });
  const ask = (userAgent = 'curl/8') => {
    clock += 10;
    return fetch(`${server.url}/user/alice/json/1.1.0.zip`, { headers: { 'User-Agent': userAgent } });
  };
  for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(200);
  const commit = await registry.servedCommit();
  await block(other, 'alice/json@1.1.0', 'CVE-2026-1');
  // The index is as it was: it is the decision alone that counts.
  expect(await registry.servedCommit()).toBe(commit);
  const refused = await ask();
  expect([refused.status, refused.statusText]).toEqual([403, 'Blocked: CVE-2026-1']);
  const moon = await ask('mooncake/0.1.0');
  expect([moon.status, moon.url]).toEqual([403, `${server.url}/why/blocked/alice/json@1.1.0`]);
  const wasm = await fetch(`${server.url}/assets/alice/json@1.1.0/json.wasm`);
  expect([wasm.status, wasm.statusText]).toEqual([403, 'Blocked: CVE-2026-1']);
  await unblock(other, 'alice/json@1.1.0');
  expect((await ask()).status).toBe(200);
  expect((await fetch(moon.url)).status).toBe(404);
});
