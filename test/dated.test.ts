/** What was served in the past, found again: states, explanations, and the index at its dated addresses. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatExplanation } from '../src/cli/commands/explain.ts';
import { parseWhen } from '../src/model/when.ts';
import { createBackup } from '../src/registry/backup/create-backup.ts';
import { restoreBackup } from '../src/registry/backup/restore-backup.ts';
import { openRegistry } from '../src/registry/open.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { PastState } from '../src/registry/sync/past-states.ts';
import { startServer } from '../src/server/listen.ts';
import { batches } from '../src/support/flow/batches.ts';
import { clone, fetchReset, git, pull, shallowClone, tryGit } from './support/git-client.ts';
import { createRegistry, moduleName, version } from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { sha256, startUpstream } from './support/worlds.ts';

/** A registry whose clock a test sets, with what its public source has at each moment. */
async function world(settings?: string) {
  let now = new Date('2026-11-20T08:00:00Z');
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({
    sources: [{ name: 'public', upstream }],
    now: () => now,
    ...(settings === undefined ? {} : { hosting: settings }),
  });
  return {
    ...{ registry, upstream },
    setClock(time: string) {
      now = new Date(time);
    },
    /** The public source gets a version, which this registry reads at that time. */
    async syncAt(time: string, id?: string) {
      now = new Date(time);
      if (id !== undefined) await upstream.publish(id);
      await registry.sync();
      return registry.stateCommit();
    },
  };
}

async function find(registry: Registry, text: string) {
  const when = parseWhen(text);
  if (!when) throw new TypeError(text);
  const found = await registry.findState(when);
  return found.kind === 'found' ? found.state.commit : found.reason;
}

async function stateAt(registry: Registry, text: string): Promise<PastState> {
  const when = parseWhen(text);
  const found = when && (await registry.findState(when));
  if (found?.kind !== 'found') throw new TypeError(text);
  return found.state;
}

describe('states of the past', () => {
  test('a day is its end, a moment itself; neither is answered before it is over, nor before anything was served', async () => {
    const { registry, syncAt, setClock } = await world();
    expect(await find(registry, '2026-11-19')).toBe('before-first');
    const first = await syncAt('2026-11-20T09:00:00Z');
    const second = await syncAt('2026-11-20T10:00:00Z', 'alice/json@1.1.0');
    const third = await syncAt('2026-11-22T10:00:00Z', 'alice/json@1.2.0');
    setClock('2026-11-23T12:00:00Z');
    expect(await find(registry, '2026-11-20')).toBe(second);
    expect(await find(registry, '2026-11-21')).toBe(second);
    expect(await find(registry, '2026-11-22')).toBe(third);
    expect(await find(registry, '2026-11-20T09:59:59Z')).toBe(first);
    expect(await find(registry, '2026-11-23')).toBe('not-over');
    expect(await find(registry, '2026-11-20T08:30:00Z')).toBe('before-first');
    expect(await find(registry, first.slice(0, 10))).toBe(first);
    expect(await find(registry, await registry.servedCommit())).toBe('unknown-state');
    const states = await registry.newestStates(100);
    expect(states.slice(0, 3).map(({ commit }) => commit)).toEqual([third, second, first]);
    expect(states.at(-1)?.summary).toBe('Start with an empty registry');
    expect(states[1]).toMatchObject({ since: '2026-11-20T10:00:00Z', until: '2026-11-22T10:00:00Z' });
  });

  test('what a moment means stays while the clock is set back and later states come', async () => {
    const { registry, syncAt, setClock } = await world();
    const first = await syncAt('2026-11-20T09:00:00Z');
    await syncAt('2026-11-21T09:00:00Z', 'alice/json@1.1.0');
    const third = await syncAt('2026-11-20T12:00:00Z', 'alice/json@1.2.0');
    expect(await find(registry, third)).toBe(third);
    await syncAt('2026-11-22T09:00:00Z', 'alice/json@1.3.0');
    setClock('2026-11-23T09:00:00Z');
    expect(await find(registry, '2026-11-20')).toBe(first);
    expect(await find(registry, '2026-11-21')).toBe(third);
  });
});

describe('explaining the past', () => {
  test('tells what was served then, from where, and what has become of it', async () => {
    const { registry, syncAt, setClock } = await world();
    await syncAt('2026-11-20T09:00:00Z');
    await syncAt('2026-11-21T09:00:00Z', 'alice/json@1.1.0');
    const [module, then, later] = [moduleName('alice/json'), version('1.0.0'), version('1.1.0')];
    setClock('2026-11-22T09:00:00Z');
    const state = await stateAt(registry, '2026-11-20');
    const past = await registry.explainPast(module, then, state);
    expect(past).toMatchObject({
      ...{ isServed: true, origin: 'public', rule: 'as-recorded', versions: ['1.0.0'] },
      sources: [{ source: 'public', listing: 'listed', versions: ['1.0.0'] }],
      pin: { firstSeen: '2026-11-20T09:00:00.000Z', source: 'public' },
      state: { commit: state.commit, since: '2026-11-20T09:00:00Z', until: '2026-11-21T09:00:00Z' },
      today: { isServed: true, isSame: true, blocks: [] },
    });
    expect(past.today.checksum).toBe(past.pin?.checksum);
    expect(formatExplanation(past)).toContain('it was recorded for source "public" then');
    expect(await registry.explainPast(module, later, state)).toMatchObject({
      ...{ isServed: false, versions: ['1.0.0'] },
      today: { isServed: true },
    });

    await registry.ruleOnBlock({ action: 'block', module, version: then, reason: 'it leaks' });
    expect(await registry.explainPast(module, then, state)).toMatchObject({
      ...{ isServed: true, blocks: [] },
      today: { isServed: false, blocks: [{ reason: 'it leaks' }] },
    });
  });
});

describe('a dated address', () => {
  /** Three states in three days, served on the fourth. */
  async function served(settings?: string) {
    const { registry, syncAt, setClock, upstream } = await world(settings);
    const first = await syncAt('2026-11-20T09:00:00Z');
    await syncAt('2026-11-21T09:00:00Z', 'alice/json@1.1.0');
    await syncAt('2026-11-22T09:00:00Z', 'bob/new@0.1.0');
    setClock('2026-11-23T09:00:00Z');
    const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close(0));
    const get = async (target: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(server.url + target, { headers, redirect: 'manual' });
      const body = Buffer.from(await answer.arrayBuffer());
      return { status: answer.status, headers: answer.headers, body, text: body.toString() };
    };
    return { registry, upstream, first, url: server.url, get, server, syncAt, setClock };
  }

  test('is cloned, whole and shallow, and pulled to for ever the same, whatever main does', async () => {
    const { registry, url, syncAt, first } = await served();
    const index = `${url}/at/2026-11-20/git/index`;
    const folder = temporaryDirectory();
    const [whole, shallow, old] = [join(folder, 'whole'), join(folder, 'shallow'), join(folder, 'old')];
    await clone(index, whole);
    await shallowClone(index, shallow);
    await clone(index, old, { protocol: 0 });
    const then = (await stateAt(registry, '2026-11-20')).view.served;
    const headOf = async (directory: string) => (await git(['-C', directory, 'rev-parse', 'HEAD'])).trim();
    for (const directory of [whole, shallow, old]) {
      expect(await headOf(directory)).toBe(then);
      expect(await git(['-C', directory, 'ls-files'])).toBe('user/alice/json.index\n');
      expect(await git(['-C', directory, 'branch', '--show-current'])).toBe('main\n');
    }
    await syncAt('2026-11-23T10:00:00Z', 'carol/more@1.0.0');
    await pull(whole);
    await fetchReset(shallow);
    expect([await headOf(whole), await headOf(shallow)]).toEqual([then, then]);

    // A client that goes on to another date of the same history.
    await git(['-C', old, 'pull', '-q', `${url}/at/2026-11-21/git/index`, 'main']);
    expect(await git(['-C', old, 'show', 'HEAD:user/alice/json.index'])).toContain('"version": "1.1.0"');
    await git(['-C', old, 'fetch', '-q', '--depth=1', `${url}/at/${first}/git/index`, 'main']);
    await git(['-C', old, 'reset', '-q', '--hard', 'FETCH_HEAD']);
    expect(await headOf(old)).toBe(then);
    expect((await git(['ls-remote', index])).trim().split(/\s+/)).toEqual([
      ...[then, 'HEAD', then, 'refs/heads/main'],
    ]);
    expect((await tryGit(['ls-remote', `${url}/at/2026-11-23/git/index`])).stderr).toContain(
      'is not over (UTC)',
    );
  });

  test('lists, finds and gives out what was served then; what is refused now, and only that, is refused', async () => {
    const { registry, get } = await served();
    const at = '/at/2026-11-20';
    const archive = await get(`${at}/user/alice%2Fjson%2F1.0.0.zip`);
    const line = JSON.parse(
      (await registry.readIndexFile(moduleName('alice/json')))?.toString().split('\n')[0] ?? '',
    );
    expect([archive.status, sha256(archive.body)]).toEqual([200, line.checksum]);
    for (const missing of [
      '/user/alice%2Fjson%2F1.1.0.zip',
      '/user/bob/new/0.1.0.zip',
      '/api/v0/manifest/bob/new',
      '/api/v0/user/bob',
      '/assets/bob/new@0.1.0/a.wasm',
      '/health',
      '/ready',
      '/api/v0/publish',
      '/at/2026-11-21/',
      '/why/blocked/bob/new@0.1.0',
    ])
      expect((await get(at + missing)).status, missing).toBe(404);
    expect((await get('/at/2026-11-21/user/alice/json/1.1.0.zip')).status).toBe(200);
    const names = async (target: string) =>
      (JSON.parse((await get(target)).text) as { name: string; version: string }[]).map(
        ({ name, version }) => `${name}@${version}`,
      );
    expect(await names(`${at}/api/v0/modules`)).toEqual(['alice/json@1.0.0']);
    expect(await names(`${at}/api/v0/search?kw=json`)).toEqual(['alice/json@1.0.0']);
    expect(await names('/at/2026-11-22/api/v0/modules')).toEqual(['alice/json@1.1.0', 'bob/new@0.1.0']);
    expect(JSON.parse((await get(`${at}/api/v0/explain/alice/json`)).text)).toMatchObject({
      ...{ rule: 'as-recorded', versions: ['1.0.0'] },
    });
    expect((await get(`${at}/symbols.zip`)).status).toBe(200);
    expect(JSON.parse((await get(`${at}/`)).text)).toMatchObject({
      index: expect.stringMatching(/\/at\/2026-11-20\/git\/index$/),
    });

    const block = { module: moduleName('alice/json'), version: version('1.0.0') };
    await registry.ruleOnBlock({ action: 'block', ...block, reason: 'it leaks' });
    // Remembered as it was, ready to send.
    const refused = await get(`${at}/user/alice%2Fjson%2F1.0.0.zip`);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('it leaks')]);
    const moon = await get(`${at}/user/alice%2Fjson%2F1.0.0.zip`, { 'User-Agent': 'mooncake/0.1.0' });
    const why = moon.headers.get('location') ?? '';
    expect(why).toBe('/at/2026-11-20/why/blocked/alice/json@1.0.0');
    expect((await get(why)).status).toBe(403);
    expect(await names(`${at}/api/v0/modules`)).toEqual(['alice/json@1.0.0']);
    // What was not listed then is nothing there, whatever is decided about it.
    const later = { module: moduleName('bob/new'), version: version('0.1.0') };
    await registry.ruleOnBlock({ action: 'block', ...later, reason: 'it leaks' });
    expect((await get(`${at}/user/bob/new/0.1.0.zip`)).status).toBe(404);
    expect((await get('/at/2026-11-22/user/bob/new/0.1.0.zip')).status).toBe(403);
  });

  test('gives out what has left the index since, as long as anybody has the bytes, and says when nobody has', async () => {
    const { upstream, get, syncAt } = await served();
    const [json, older] = ['/user/alice/json/1.0.0.zip', '/user/alice/json/1.1.0.zip'];
    await upstream.removeIndexFile('user/alice/json.index');
    upstream.withdrawArchive('alice/json@1.1.0');
    // A reading that loses modules is believed the second time.
    await syncAt('2026-11-23T10:00:00Z');
    await syncAt('2026-11-23T11:00:00Z');
    expect((await get(json)).status).toBe(410);
    expect((await get(`/at/2026-11-20${json}`)).status).toBe(200);
    const lost = await get(`/at/2026-11-22${older}`);
    expect([lost.status, lost.text]).toEqual([410, expect.stringContaining('has left the index')]);
  });

  test('that is none says why, and what is lasting may be kept', async () => {
    const { get, first } = await served();
    const caching = async (target: string) => (await get(target)).headers.get('cache-control');
    const refs = '/git/index/info/refs?service=git-upload-pack';
    expect(await caching(`/at/2026-11-20${refs}`)).toBe('public, max-age=3600');
    expect((await get(`/at/2026-11-20${refs}`)).headers.get('vary')).toBe('Git-Protocol');
    expect(await caching(`/at/${first.slice(0, 8)}/api/v0/modules`)).toBe('public, max-age=3600');
    // Looked up, and ready to send.
    for (let i = 0; i < 2; i++)
      expect(await caching('/at/2026-11-20/user/alice/json/1.0.0.zip')).toBe(
        'public, no-cache, no-transform',
      );
    expect(await caching(refs)).toBe('no-cache');
    for (const [when, words] of [
      ['2026-11-23', 'is not over (UTC)'],
      ['2999-01-01', 'is not over (UTC)'],
      ['2026-11-19', 'the first date is 2026-11-20'],
      ['2026-02-30', 'names no moment'],
      ['HEAD', 'names no moment'],
      ['main', 'names no moment'],
      ['', 'names no moment'],
      ['2026-11-20%2F..%2F..', 'names no moment'],
      ['0000000', 'never had a state'],
    ]) {
      const { status, text, headers } = await get(`/at/${when}${refs}`);
      expect([status, text, headers.get('cache-control')]).toEqual([
        404,
        expect.stringContaining(words ?? ''),
        'no-store',
      ]);
    }
    expect((await get('/at/%zz/')).status).toBe(400);
    expect((await get('//at//2026-11-20//git/index/HEAD')).status).toBe(404);
    expect((await get('//at/2026-11-20//git/index/HEAD')).status).toBe(403);
  });

  test('stays what it was over a new root of the index, a gc by hand, and in a restored backup', async () => {
    const { registry, upstream, url, syncAt, setClock } = await served();
    const index = `${url}/at/2026-11-21/git/index`;
    const refsOf = async (address: string) => git(['ls-remote', address]);
    const before = await refsOf(index);
    const historyOf = async (ref: string) =>
      Number(await git(['-C', registry.indexDirectory, 'rev-list', '--count', ref]));
    await upstream.publishMany(
      Array.from({ length: 310 }, (_, i) => ({ module: `many/m${i}`, version: '1.0.0' })),
    );
    await syncAt('2026-11-24T09:00:00Z');
    expect(await historyOf('refs/heads/main')).toBe(1);
    await git(['-C', registry.indexDirectory, 'gc', '-q', '--prune=now']);
    setClock('2026-11-25T09:00:00Z');
    expect(await refsOf(index)).toBe(before);
    const folder = temporaryDirectory();
    await clone(index, join(folder, 'clone'));

    const file = join(folder, 'b.tar');
    const { directory } = registry.config;
    const actor = { user: 'ada', command: 'restore' };
    const now = () => new Date('2026-11-25T10:00:00Z');
    await createBackup({ directory, env: {}, actor, now }, { target: file });
    const restored = join(folder, 'restored');
    await restoreBackup(createReadStream(file), restored, { name: 'b.tar', actor, now });
    const copy = await openRegistry({ directory: restored, env: {}, actor, now });
    onTestFinished(() => copy.close());
    const server = await startServer(copy, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close(0));
    expect(await refsOf(`${server.url}/at/2026-11-21/git/index`)).toBe(before);
    await pull(join(folder, 'clone'));
  });

  test('is for whoever may read everything, also by a token in the address, which no refusal shows', async () => {
    const { registry, url, get } = await served(
      'namespaces = []\n[access]\nread = "token"\ntoken_in_path = true',
    );
    const tokenFor = async (name: string, pattern: string) => {
      const grants = { read: [pattern] };
      return (await registry.tokens.create({ name, owner: 'ada', grants, lifetimeMs: undefined })).text;
    };
    const [all, own] = [await tokenFor('all', '*'), await tokenFor('own', 'alice/*')];
    const archive = '/at/2026-11-20/user/alice/json/1.0.0.zip';
    const statusOf = async (target: string, token?: string) =>
      (await get(target, token === undefined ? {} : { Authorization: `Bearer ${token}` })).status;
    expect([await statusOf(archive), await statusOf('/at/2999-01-01/')]).toEqual([401, 401]);
    expect([await statusOf(archive, own), await statusOf('/at/2999-01-01/', own)]).toEqual([403, 403]);
    expect([await statusOf(archive, all), await statusOf('/at/2999-01-01/', all)]).toEqual([200, 404]);
    const refs = await get('/at/2026-11-20/git/index/info/refs?service=git-upload-pack', {
      Authorization: `Bearer ${all}`,
    });
    expect(refs.headers.get('cache-control')).toBe('private, no-cache');
    const byPath = await git(['ls-remote', `${url}/t/${all}/at/2026-11-20/git/index`]);
    expect(byPath).toContain('refs/heads/main');
    expect((await get(`/t/${all}${archive}`)).headers.get('cache-control')).toBe('no-store');

    const block = { module: moduleName('alice/json'), version: version('1.0.0') };
    await registry.ruleOnBlock({ action: 'block', ...block, reason: 'it leaks' });
    const refused = await get(`/t/${all}${archive}`, { 'User-Agent': 'mooncake/0.1.0' });
    expect(refused.headers.get('location')).toBe('/why/answered/blocked/alice/json@1.0.0');
    expect(await statusOf(refused.headers.get('location') ?? '')).toBe(403);
  });

  test('costs a scanner of thousands of dates no ref, no file, and git but little work', async () => {
    const { registry, get, server } = await served();
    const refs = async () => git(['-C', registry.indexDirectory, 'for-each-ref']);
    const before = await refs();
    const times = Array.from({ length: 300 }, (_, i) => new Date(Date.UTC(2026, 10, 21, 0, 2 * i)));
    for (const batch of batches(times, 50))
      await Promise.all(
        batch.map(async (time) => {
          const target = `/at/${time.toISOString()}/git/index/info/refs?service=git-upload-pack`;
          expect((await get(target)).status).toBe(200);
        }),
      );
    expect(server.stats().past.started).toBe(1);
    expect(server.stats().git.started).toBe(0);
    expect(await refs()).toBe(before);
  });
});
