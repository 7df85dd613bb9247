/** Parts of the index at addresses of their own: what they show, to whom, and that nothing else can be seen from there. */
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../src/cli/io.fixture.ts';
import { runCli } from '../src/cli/run.ts';
import { openGitIndex } from '../src/index/git-index.ts';
import { createBackup } from '../src/registry/backup/create-backup.ts';
import { restoreBackup } from '../src/registry/backup/restore-backup.ts';
import { openRegistry } from '../src/registry/open.ts';
import { startServer } from '../src/server/listen.ts';
import { tester } from './support/actor.ts';
import { clone, git, pull, tryGit } from './support/git-client.ts';
import { createRegistry } from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { startUpstream } from './support/worlds.ts';

const hidden = 'company/secret';

/**
 * A public source and an internal one, which claims `company/*`. `partner` is shown `company/api` with the public module that it needs;
 * `company/secret`, which it needs too, is claimed, and not named.
 */
async function world(views = view('partner', ['company/api'])) {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/base@1.0.0', 'bob/other@1.0.0']);
  await upstream.publish('alice/json@1.1.0', { deps: { 'alice/base': '1.0.0' } });
  const internal = await startUpstream([`${hidden}@1.0.0`, 'company/apis@1.0.0']);
  await internal.publish('company/api@1.0.0', { deps: { 'alice/json': '1.0.0', [hidden]: '1.0.0' } });
  const registry = await createRegistry({
    sources: [
      { name: 'public', upstream, priority: 100 },
      { name: 'internal', upstream: internal, namespaces: ['company/*'] },
    ],
  });
  const { directory } = registry.config;
  const file = join(directory, 'registry.toml');
  const original = await readFile(file, 'utf8');
  const set = async (text: string, read = 'token') => {
    await writeFile(file, `${original}\n[access]\nread = "${read}"\n${text}`);
    await registry.reload();
    await registry.reaggregate();
  };
  await set(views);
  await registry.sync();
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const run = async (...words: string[]) => {
    const io = recordIo({ workingDirectory: directory });
    const code = await runCli(words, io);
    return { code, ...io.written };
  };
  const tokenOf = async (name: string, ...words: string[]) => {
    const { stdout, stderr } = await run('token', 'create', name, '--owner', 'acme', ...words);
    return /mbr_\w+/.exec(stdout)?.[0] ?? stderr;
  };
  const ask = (path: string, token?: string, init: RequestInit = {}) =>
    fetch(server.url + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
    });
  const address = (path: string, token: string) =>
    server.url.replace('http://', `http://token:${token}@`) + path;
  return { registry, upstream, internal, server, set, run, tokenOf, ask, address };
}

function view(name: string, include: readonly string[], audience: readonly string[] = []): string {
  return `[[views]]\nname = "${name}"\ninclude = ${JSON.stringify(include)}\nfor = ${JSON.stringify(audience)}\n`;
}

const shown = ['user/alice/base.index', 'user/alice/json.index', 'user/company/api.index'];

async function filesOf(checkout: string): Promise<string[]> {
  return (await git(['-C', checkout, 'ls-files'])).trim().split('\n');
}

test('a view is the modules it names and what they depend on, with a history of its own', async () => {
  const { registry, upstream, tokenOf, address, run, ask } = await world();
  const token = await tokenOf('acme-ci', '--view', 'partner');
  const checkout = join(temporaryDirectory(), 'clone');
  await clone(address('/v/partner/git/index', token), checkout);
  expect(await filesOf(checkout)).toEqual(shown);
  // Whole modules, byte for byte.
  expect(await git(['-C', checkout, 'show', 'HEAD:user/alice/json.index'])).toBe(
    (await registry.readIndexFile('alice/json' as never))?.toString(),
  );
  expect((await ask('/v/partner/user/company/api/1.0.0.zip', token)).status).toBe(200);
  const status = await run('status');
  expect(status.stdout).toContain(
    'View partner: 3 modules; not shown, though they need it: company/secret (company/api)',
  );

  // What is none of its business makes no commit in it; what is, one.
  const before = await git(['-C', checkout, 'rev-parse', 'HEAD']);
  await upstream.publish('bob/other@1.1.0');
  await registry.sync();
  await pull(checkout);
  expect(await git(['-C', checkout, 'rev-parse', 'HEAD'])).toBe(before);
  await upstream.publish('alice/base@1.1.0');
  await registry.sync();
  await pull(checkout);
  expect(await git(['-C', checkout, 'rev-parse', 'HEAD^'])).toBe(before);
  expect(await git(['-C', checkout, 'log', '-1', '--format=%B'])).toBe('Update alice/base\n\n');
});

test('who may: who reads everything, whom it names, and who has a token for it', async () => {
  const { set, tokenOf, ask, run } = await world(
    `${view('partner', ['company/api'], ['acme-*', 'owner:bob'])}${view('open', ['alice/*'], ['anyone'])}`,
  );
  const tokens = {
    all: await tokenOf('all', '--may', 'read'),
    named: await tokenOf('acme-1', '--may', 'read', '--read-for', 'nobody/*'),
    viewer: await tokenOf('viewer', '--view', 'partner'),
    other: await tokenOf('other', '--may', 'read', '--for', 'company/*'),
    publisher: await tokenOf('publisher', '--may', 'publish', '--for', '*'),
  };
  const paths = [
    '/git/index/info/refs?service=git-upload-pack',
    '/symbols.zip',
    '/api/v0/modules',
    '/',
    '/x',
  ];
  const statuses = async (token?: string, name = 'partner') =>
    new Set(
      await Promise.all(
        paths.slice(0, 4).map(async (path) => (await ask(`/v/${name}${path}`, token)).status),
      ),
    );
  await expect.poll(() => statuses(tokens.publisher)).toEqual(new Set([403]));
  for (const allowed of [tokens.all, tokens.named, tokens.viewer])
    expect(await statuses(allowed)).toEqual(new Set([200]));
  for (const refused of [tokens.other, tokens.publisher])
    expect(await statuses(refused)).toEqual(new Set([403]));
  expect(await statuses()).toEqual(new Set([401]));
  expect(await statuses(undefined, 'open')).toEqual(new Set([200]));
  // Nobody is told which there are.
  expect(await statuses(undefined, 'none')).toEqual(new Set([401]));
  expect(await statuses(tokens.viewer, 'none')).toEqual(new Set([403]));
  expect(await statuses(tokens.all, 'none')).toEqual(new Set([404]));
  // It reads nothing else, nor in the whole.
  for (const path of [
    '/symbols.zip',
    '/user/company/api/1.0.0.zip',
    '/api/v0/modules/company/api',
    '/at/2020-01-01/',
  ])
    expect([path, (await ask(path, tokens.viewer)).status]).toEqual([path, 403]);
  expect((await ask('/v/partner/x', tokens.viewer)).status).toBe(404);
  const made = await run('token', 'create', 'acme-2', '--owner', 'acme', '--view', 'partner');
  expect(made.stdout).toMatch(/MOONCAKES_REGISTRY=http:\/\/token:mbr_\w+@localhost:\d+\/v\/partner\n/);
  expect((await run('token', 'create', 'x', '--owner', 'acme', '--view', 'partnr')).stderr).toMatch(
    /there is no view "partnr".*\nhint: did you mean "partner"/,
  );
  await set('');
  await expect.poll(() => statuses(tokens.all)).toEqual(new Set([404]));
  // Its holder was told of the view, and now that there is none.
  expect(await statuses(tokens.viewer)).toEqual(new Set([404]));
});

describe('a module that is not in it', () => {
  test('is nowhere to be seen, by any address of the view', async () => {
    const { ask, tokenOf, registry } = await world();
    const token = await tokenOf('acme-ci', '--view', 'partner');
    const all = await tokenOf('all', '--may', 'read');
    await expect.poll(async () => (await ask('/v/partner/', token)).status).toBe(200);
    // In memory, ready to be sent, and cached on the disk.
    for (let i = 0; i < 3; i++) expect((await ask(`/user/${hidden}/1.0.0.zip`, all)).status).toBe(200);
    const none = 'company/nothing';
    const forms = (name: string) => [
      `/user/${name}/1.0.0.zip`,
      `/user/${encodeURIComponent(`${name}/1.0.0`)}.zip`,
      `/user//${name}/1.0.0.zip`,
      `/why/blocked/${name}@1.0.0`,
      `/why/gone/${name}@1.0.0`,
      `/assets/${name}@1.0.0/a.wasm`,
      `/prebuild/${name}@1.0.0/a.wasm.sha256`,
      `/api/v0/modules/${name}`,
      `/api/v0/modules/${name}@1.0.0`,
      `/api/v0/manifest/${name}`,
      `/api/v0/manifest/${name}@1.0.0`,
      `/api/v0/explain/${name}`,
      `/api/v0/explain/${name}@1.0.0`,
    ];
    const told = async (path: string, init: RequestInit = {}) => {
      const answer = await ask(`/v/partner${path}`, token, init);
      const text = await answer.text();
      return `${answer.status} ${answer.headers.get('location')} ${text
        .replaceAll(hidden, 'NAME')
        .replaceAll(none, 'NAME')
        .replaceAll(/[0-9a-f-]{36}/g, 'ID')}`;
    };
    for (const [position, path] of forms(hidden).entries())
      for (const init of [
        {},
        { method: 'HEAD' },
        { headers: { range: 'bytes=0-1' } },
        { headers: { 'user-agent': 'mooncake/0.1.0' } },
      ])
        expect([path, await told(path, init)]).toEqual([path, await told(forms(none)[position] ?? '', init)]);
    await registry.ruleOnBlock({ action: 'block', module: hidden as never, reason: 'rumours' });
    for (const path of forms(hidden)) expect(await told(path)).not.toContain('rumours');
    for (const path of [
      '/api/v0/modules',
      '/api/v0/search?kw=secret',
      '/api/v0/search?kw=company',
      '/api/v0/modules/statistics',
      '/api/v0/user/company',
    ])
      expect([path, await told(path)]).toEqual([
        path,
        expect.not.stringMatching(/secret|NAME|apis|bob\/other/),
      ]);
    expect(await told('/api/v0/search?kw=api')).toContain('company/api');
    // No way out of it.
    for (const path of [
      '/../../user/company/secret/1.0.0.zip',
      '/v/partner/user/company/secret/1.0.0.zip',
      '/%2e%2e/%2e%2e/symbols.zip',
      '/at/2020-01-01/',
      '/api/v0/publish',
      '/api/v0/withdrawn',
      '/t/x/symbols.zip',
    ])
      expect([path, (await told(path)).slice(0, 3)]).toEqual([path, expect.stringMatching(/40[0134]/)]);
  });

  test('cannot be fetched by its objects, in any version of the protocol', async () => {
    const { registry, tokenOf, address } = await world();
    const token = await tokenOf('acme-ci', '--view', 'partner');
    const url = address('/v/partner/git/index', token);
    await expect.poll(async () => (await tryGit(['ls-remote', url])).stderr).toBe('');
    const gitDir = registry.indexDirectory;
    const id = async (name: string) => (await git(['--git-dir', gitDir, 'rev-parse', name])).trim();
    const objects = await Promise.all(
      [
        'refs/heads/main',
        'refs/heads/main^{tree}',
        `refs/heads/main:user/${hidden}.index`,
        'refs/registry/state',
      ].map(id),
    );
    const checkout = join(temporaryDirectory(), 'clone');
    await git(['init', '--quiet', '--bare', checkout]);
    for (const version of ['0', '1', '2']) {
      const options = ['-c', `protocol.version=${version}`, '-C', checkout];
      const refs = await git([...options, 'ls-remote', url]);
      expect(
        refs
          .trim()
          .split('\n')
          .map((line) => line.split('\t')[1]),
      ).toEqual(['HEAD', 'refs/heads/main']);
      for (const object of objects) {
        expect(refs).not.toContain(object);
        const { stderr } = await tryGit([...options, 'fetch', '--quiet', url, object]);
        expect([version, stderr]).toEqual([
          version,
          expect.stringMatching(
            /not a commit that this index serves|not our ref|unadvertised object|HTTP 403/,
          ),
        ]);
      }
      await git([...options, 'fetch', '--quiet', url, 'main']);
    }
    // Nothing that came along is another's.
    const got = await git(['-C', checkout, 'cat-file', '--batch-check=%(objectname)', '--batch-all-objects']);
    for (const object of objects) expect(got).not.toContain(object);
  });
});

test('a token in the address stands in front of the view, and is sent on to nobody', async () => {
  const { tokenOf, ask } = await world(`token_in_path = true\n${view('partner', ['company/api'])}`);
  const token = await tokenOf('acme-ci', '--view', 'partner');
  await expect.poll(async () => (await ask(`/t/${token}/v/partner/`)).status).toBe(200);
  const shownHere = await ask(`/t/${token}/v/partner/user/company/api/1.0.0.zip`);
  expect([shownHere.status, shownHere.headers.get('cache-control')]).toEqual([200, 'no-store']);
  // It says no more at an address with a token than where that is told.
  const outside = await ask(`/t/${token}/user/company/api/1.0.0.zip`);
  expect([outside.status, outside.headers.get('location')]).toEqual([
    302,
    expect.not.stringContaining(token),
  ]);
  expect((await ask(`/v/partner/t/${token}/user/company/api/1.0.0.zip`)).status).toBe(401);
  const moon = { headers: { 'user-agent': 'mooncake/0.1.0' } };
  const gone = await ask(`/t/${token}/v/partner/user/${hidden}/1.0.0.zip`, undefined, moon);
  const where = gone.headers.get('location');
  expect([gone.status, where, await gone.text()].join(' ')).not.toContain(token);
  expect(where).toBe(`/why/answered/absent/v/partner/user/${hidden}/1.0.0.zip`);
});

test('what leaves a view leaves its history, and is fetched by nobody who knew it', async () => {
  const { set, tokenOf, address, ask } = await world(view('partner', ['company/api', hidden]));
  const token = await tokenOf('acme-ci', '--view', 'partner');
  await expect.poll(async () => (await ask('/v/partner/', token)).status).toBe(200);
  const url = address('/v/partner/git/index', token);
  const archive = `/v/partner/user/${hidden}/1.0.0.zip`;
  // Twice for the memory.
  for (let i = 0; i < 2; i++) expect((await ask(archive, token)).status).toBe(200);
  const before = (await git(['ls-remote', url, 'HEAD'])).split('\t')[0] ?? '';

  await set(view('partner', ['company/api']));
  expect((await ask(archive, token)).status).toBe(404);
  const checkout = join(temporaryDirectory(), 'clone');
  await clone(url, checkout);
  expect(await filesOf(checkout)).toEqual(shown);
  expect(await git(['-C', checkout, 'rev-list', '--count', 'HEAD'])).toBe('1\n');
  expect((await tryGit(['-C', checkout, 'fetch', '--quiet', url, before])).stderr).toMatch(
    /not a commit that this index serves|HTTP 403/,
  );
});

test('a module that comes to be claimed leaves at once; one that is needed from now on comes in', async () => {
  const { registry, upstream, set, tokenOf, ask } = await world(view('partner', ['company/api']));
  const token = await tokenOf('acme-ci', '--view', 'partner');
  await expect.poll(async () => (await ask('/v/partner/', token)).status).toBe(200);
  const list = async () =>
    ((await (await ask('/v/partner/api/v0/modules', token)).json()) as { name: string }[])
      .map(({ name }) => name)
      .sort();
  await upstream.publish('alice/base@1.1.0', { deps: { 'bob/other': '1.0.0' } });
  await registry.sync();
  expect(await list()).toEqual(['alice/base', 'alice/json', 'bob/other', 'company/api']);
  await set(`${view('partner', ['company/api'])}\n[hosting]\nnamespaces = ["bob/*"]\n`);
  expect(await list()).toEqual(['alice/base', 'alice/json', 'company/api']);
  const [{ withheld } = { withheld: [] }] = await registry.listViews();
  expect(withheld).toContainEqual({ module: 'bob/other', neededBy: 'alice/base' });
  expect((await registry.sync()).views).toEqual(await registry.listViews());
});

test('the patterns of a view count as soon as they are written', async () => {
  const { registry, set, tokenOf, ask } = await world(view('partner', ['bob/*']));
  const list = async () =>
    ((await (await ask('/v/partner/api/v0/modules', token)).json()) as { name: string }[]).map(
      ({ name }) => name,
    );
  const token = await tokenOf('acme-ci', '--view', 'partner');
  await expect.poll(async () => (await ask('/v/partner/', token)).status).toBe(200);
  expect(await list()).toEqual(['bob/other']);
  await set(view('partner', ['*']));
  expect((await list()).sort()).toEqual([
    ...['alice/base', 'alice/json', 'bob/other', 'company/api', 'company/apis', hidden],
  ]);
  const { views } = await (await openGitIndex(registry.indexDirectory)).state();
  expect(views).toMatchObject([{ name: 'partner', modules: 6, withheld: [] }]);
  const target = join(temporaryDirectory(), 'backup.tar');
  await createBackup({ directory: registry.config.directory, env: {}, actor: tester }, { target });
  const restored = join(temporaryDirectory(), 'restored');
  await restoreBackup(createReadStream(target), restored, {
    name: 'b.tar',
    actor: tester,
    now: () => new Date(),
  });
  const copy = await openRegistry({ directory: restored, env: {}, actor: tester, mode: 'read' });
  onTestFinished(() => copy.close());
  const served = await (await copy.findView('partner'))?.serving.readIndex();
  expect(served).toEqual(await registry.readIndex());
  expect(await registry.verify({ deep: true })).not.toContainEqual(
    expect.objectContaining({ outcome: 'problems' }),
  );
});
