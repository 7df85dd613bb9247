/** What waits to be approved before it is published: over real HTTP, into a real repository. */
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatExplanation } from '../src/cli/commands/explain.ts';
import type { Checksum } from '../src/model/checksum.ts';
import type { Grants } from '../src/registry/access/permissions.ts';
import { createBackup } from '../src/registry/backup/create-backup.ts';
import { restoreBackup } from '../src/registry/backup/restore-backup.ts';
import { stagingId } from '../src/registry/hosting/staging/stagings.ts';
import { openRegistry } from '../src/registry/open.ts';
import type { Registry } from '../src/registry/registry.ts';
import { startServer } from '../src/server/listen.ts';
import { tester } from './support/actor.ts';
import { git } from './support/git-client.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { sha256 } from './support/worlds.ts';

const nobody = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
const sources = [{ name: 'public', upstream: nobody, enabled: false }];
const hosting = 'namespaces = ["company/*"]\nrequire_approval = ["company/core*"]';

async function serveStaging(settings = hosting) {
  const registry = await createRegistry({ sources, hosting: settings });
  const token = await createToken(registry, 'ci');
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const send = (archives: Buffer | readonly Buffer[], more = {}) =>
    publishTo(server.url, token, archives, more);
  return { registry, url: server.url, token, send };
}

const idOf = (...archives: readonly Buffer[]) => stagingId(archives.map((one) => sha256(one) as Checksum));
const operator = { kind: 'operator', user: 'root' } as const;
const bob = { kind: 'token', token: 'boss', owner: 'bob' } as const;

async function stagedFiles({ config }: Pick<Registry, 'config'>): Promise<string[]> {
  const names = await readdir(join(config.registry.dataDir, 'staged'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.zip')).map((name) => name.replace(/.*\/|\.zip$/g, ''));
}

describe('a version of a name that needs approval', () => {
  test('waits whoever sends it, is nowhere to be seen, and is there once it is approved', async () => {
    const { registry, url, send } = await serveStaging();
    const archive = archiveOf('company/core@1.0.0');
    const id = sha256(archive);
    const waits = {
      status: 202,
      body: {
        detail: `Waiting for approval, not published yet: company/core@1.0.0. Whoever may approve it finds it as ${id}; the same bytes sent again change nothing.`,
        status: 'staged',
        id,
      },
    };
    const served = await registry.servedCommit();
    expect(await send(archive)).toEqual(waits);
    expect(await send(archive)).toEqual(waits);
    expect(await registry.servedCommit()).toBe(served);
    expect(await readServed(registry)).toEqual({});
    for (const path of ['/user/company/core/1.0.0.zip', '/api/v0/manifest/company/core@1.0.0'])
      expect((await fetch(url + path)).status).toBe(404);
    expect(await stagedFiles(registry)).toEqual([id]);
    expect((await registry.staging.list()).map(({ versions, owner }) => [versions.length, owner])).toEqual([
      [1, 'ada'],
    ]);
    expect((await registry.status()).hosting?.staged).toMatchObject({ count: 1, bytes: archive.length });

    expect(await registry.staging.approve(id as Checksum, bob)).toEqual({ kind: 'published' });
    expect(await readServed(registry)).toEqual({ 'company/core@1.0.0': id });
    expect(await download(registry, 'company/core@1.0.0')).toBe(id);
    expect(await stagedFiles(registry)).toEqual([]);
    expect(await send(archive)).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await registry.staging.approve(id as Checksum, bob)).toEqual({ kind: 'already-published' });
    const explanation = await registry.explain(moduleName('company/core'), version('1.0.0'));
    expect(explanation.published).toMatchObject({
      ...{ token: 'ci', owner: 'ada' },
      staged: { approvedBy: 'bob', approvedWith: 'boss' },
    });
    expect(formatExplanation(explanation)).toMatch(/Sent .*, and approved by bob with the token "boss"/);
    const log = await git([
      '--git-dir',
      registry.indexDirectory,
      'log',
      '--format=%B',
      'refs/registry/state',
    ]);
    expect(log).toContain('published company/core@1.0.0 by token ci, approved by bob');
  });

  test('is one whatever its letters look like; others of the same owner are published at once, unless they are sent to wait', async () => {
    const { send } = await serveStaging();
    expect(await send(archiveOf('company/Core-x@1.0.0'))).toMatchObject({ status: 202 });
    expect(await send(archiveOf('company/tool@1.0.0'))).toMatchObject({ status: 200 });
    expect(await send(archiveOf('company/tool@1.1.0'), { stage: 'true' })).toMatchObject({ status: 202 });
    expect(await send(archiveOf('company/tool@1.2.0'), { stage: 'maybe' })).toMatchObject({ status: 400 });
    expect(await send(archiveOf('company/tool@1.2.0'), { stage: 'true', dry_run: 'true' })).toMatchObject({
      status: 202,
      body: { detail: expect.stringContaining('Dry run completed successfully') },
    });
    expect(await send(archiveOf('company/core@1.2.0'), { dry_run: 'true' })).toMatchObject({
      body: { detail: expect.stringContaining('Dry run completed successfully') },
    });
  });

  test('is judged before it waits, and again before it is published', async () => {
    const { registry, send } = await serveStaging();
    expect(await send(archiveOf('partner/core@1.0.0'))).toMatchObject({ status: 403 });
    expect(await stagedFiles(registry)).toEqual([]);
    const [low, high] = [archiveOf('company/core@1.0.0'), archiveOf('company/core@1.1.0')];
    await send(low);
    await send(high);
    await registry.staging.approve(idOf(high), operator);
    expect(await registry.staging.approve(idOf(low), operator)).toMatchObject({ kind: 'not-higher' });
    await registry.ruleOnBlock({
      ...{ action: 'block', module: moduleName('company/core-b'), version: undefined, reason: 'CVE-1' },
    });
    expect(await send(archiveOf('company/core-b@1.0.0'))).toMatchObject({ status: 403 });
    expect((await registry.staging.list()).filter(({ decision }) => !decision)).toHaveLength(1);
  });
});

describe('who approves', () => {
  test('is somebody else than who sent it; the operator may, as he could change the settings', async () => {
    const { registry, send } = await serveStaging();
    const archive = archiveOf('company/core@1.0.0');
    await send(archive);
    const own = { kind: 'token', token: 'other', owner: 'Ada' } as const;
    expect(await registry.staging.approve(idOf(archive), own)).toMatchObject({
      kind: 'not-allowed',
      reason: expect.stringContaining('somebody else has to approve it'),
    });
    expect(await readServed(registry)).toEqual({});
    expect(await registry.staging.approve(idOf(archive), operator)).toEqual({ kind: 'published' });
  });

  test('approves these bytes, and not what has taken their place meanwhile', async () => {
    const { registry, send } = await serveStaging();
    const [seen, unseen] = [
      archiveOf('company/core@1.0.0'),
      archiveOf('company/core@1.0.0', { text: 'evil' }),
    ];
    await send(seen);
    await send(unseen);
    expect(await registry.staging.approve(idOf(seen), bob)).toMatchObject({
      kind: 'not-waiting',
      reason: expect.stringContaining('it was replaced by other bytes of the same version by ada'),
    });
    expect(await readServed(registry)).toEqual({});
    expect(await stagedFiles(registry)).toEqual([sha256(unseen)]);
    expect(await registry.staging.approve(idOf(unseen), bob)).toEqual({ kind: 'published' });
  });

  test('of many at once, one publishes, and nobody publishes what was rejected', async () => {
    const { registry, send } = await serveStaging();
    const archive = archiveOf('company/core@1.0.0');
    await send(archive);
    const { directory } = registry.config;
    const other = await openRegistry({ directory, env: {}, actor: tester });
    const outcomes = await Promise.all(
      [registry, other, registry, other].map(({ staging }) => staging.approve(idOf(archive), bob)),
    );
    await other.close();
    expect(outcomes.filter(({ kind }) => kind === 'published')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'already-published')).toHaveLength(3);
    const next = archiveOf('company/core@1.1.0');
    await send(next);
    expect(await registry.staging.reject(idOf(next), bob, 'has no tests')).toBeUndefined();
    expect(await stagedFiles(registry)).toEqual([]);
    expect(await registry.staging.approve(idOf(next), bob)).toMatchObject({
      kind: 'not-waiting',
      reason: expect.stringMatching(/it was rejected by bob at .*: has no tests$/),
    });
    expect(await registry.staging.reject(idOf(next), bob, 'again')).toMatchObject({ kind: 'not-waiting' });
    expect(await send(next)).toMatchObject({ status: 202 });
    expect(Object.keys(await readServed(registry))).toEqual(['company/core@1.0.0']);
  });

  test('what is sent while the same bytes are rejected waits whole, or not at all', async () => {
    const { registry, send } = await serveStaging();
    const archive = archiveOf('company/core@1.0.0');
    for (let round = 0; round < 6; round++) {
      await Promise.all([
        ...[send(archive), send(archive)],
        registry.staging.reject(idOf(archive), bob, 'again'),
      ]);
      const waiting = (await registry.staging.list()).filter(({ decision }) => !decision);
      expect(waiting.length).toBeLessThan(2);
      expect(await stagedFiles(registry)).toEqual(waiting.map(({ id }) => id));
    }
  });

  test('is kept beside what is known of the machine that sent it', async () => {
    const { registry } = await serveStaging();
    const archive = archiveOf('company/core@1.0.0');
    const oidc = { issuer: 'https://issuer.test', entry: 'github', claims: { sub: 'job', ref: 'main' } };
    const upload = await registry.publishing.receive(Readable.from([archive]));
    const by = { token: 'github:job', owner: 'github', oidc };
    const request = { by, judge: () => undefined, isDryRun: false, isStaged: false };
    expect(await registry.publishing.publish(upload ? [upload] : [], request)).toMatchObject({
      kind: 'staged',
    });
    await upload?.remove();
    await registry.staging.approve(idOf(archive), bob);
    const { published } = await registry.explain(moduleName('company/core'), version('1.0.0'));
    expect(published).toMatchObject({ ...{ token: 'github:job', oidc }, staged: { approvedBy: 'bob' } });
  });
});

test('modules sent together are approved together, and one of them takes all along', async () => {
  const { registry, send } = await serveStaging(`${hosting}\nrequire_resolvable = true`);
  const lib = archiveOf('company/core-lib@1.0.0');
  const app = archiveOf('company/app@1.0.0', { fields: { deps: { 'company/core-lib': '1.0.0' } } });
  const id = idOf(app, lib);
  expect(await send([app, lib])).toMatchObject({ status: 202, body: { id } });
  expect(await registry.staging.approve(idOf(app), bob)).toMatchObject({ kind: 'not-waiting' });
  expect(await registry.staging.approve(id, bob)).toEqual({ kind: 'published' });
  expect(Object.keys(await readServed(registry))).toEqual(['company/app@1.0.0', 'company/core-lib@1.0.0']);
});

test('what waits is shown with its files, and with what is new since the version before', async () => {
  const { registry, send } = await serveStaging();
  const first = archiveOf('company/core@1.0.0', { fields: { deps: { 'company/a': '1.0.0' } } });
  await send(first);
  await registry.staging.approve(idOf(first), bob);
  const second = archiveOf('company/core@1.1.0', {
    fields: { deps: { 'company/b': '1.0.0' }, license: 'x' },
  });
  await send(second);
  const shown = await registry.staging.show(idOf(second));
  expect(shown?.modules).toMatchObject([
    {
      version: '1.1.0',
      files: [{ path: 'moon.mod.json' }, { path: 'src/lib.mbt' }],
      problems: [{ severity: 'remark', code: 'licence' }],
      previous: {
        version: '1.0.0',
        files: { added: [], removed: [], changed: ['moon.mod.json', 'src/lib.mbt'] },
        dependencies: { added: ['company/b 1.0.0'], removed: ['company/a 1.0.0'], changed: [] },
      },
    },
  ]);
  expect(JSON.parse(shown?.modules[0]?.manifest ?? '')).toMatchObject({ name: 'company/core', license: 'x' });
  expect(await registry.staging.show(idOf(first))).toBeUndefined();
});

test('what waits takes bounded room and time, and survives that nothing needs approval any more', async () => {
  const { registry, send } = await serveStaging(`${hosting}\nmax_staged = "1KiB"`);
  const archives = [0, 1, 2, 3, 4, 5].map((minor) => archiveOf(`company/core@1.${minor}.0`));
  const statuses: number[] = [];
  for (const archive of archives) statuses.push((await send(archive)).status);
  expect(statuses.at(-1)).toBe(507);
  const waiting = statuses.filter((status) => status === 202).length;
  expect((await stagedFiles(registry)).length).toBe(waiting);
  await writeSettings(registry.config.directory, { sources, hosting: 'namespaces = ["company/*"]' });
  await registry.reload();
  expect((await registry.status()).hosting?.staged).toMatchObject({ count: waiting });
  const [first = Buffer.alloc(0)] = archives;
  expect(await send(first)).toMatchObject({ status: 200 });
  expect(await registry.staging.approve(idOf(first), bob)).toEqual({ kind: 'already-published' });
  await writeSettings(registry.config.directory, { sources, hosting: `${hosting}\nstaged_expiry = "1ms"` });
  await registry.reload();
  expect((await registry.status()).hosting?.staged).toEqual({ count: 0, bytes: 0 });
  expect(await registry.staging.approve(idOf(archives[1] ?? first), bob)).toMatchObject({
    reason: expect.stringContaining('nobody had decided about it in time'),
  });
});

test('a backup has what waits, and it is approved where that was restored', async () => {
  const { registry, send } = await serveStaging();
  const archive = archiveOf('company/core@1.0.0');
  await send(archive);
  const folder = temporaryDirectory();
  const [file, restored] = [join(folder, 'b.tar'), join(folder, 'restored')];
  const { directory } = registry.config;
  expect(await createBackup({ directory, env: {}, actor: tester }, { target: file })).toMatchObject({
    ...{ archives: 1, leftOut: [], problems: [] },
  });
  await restoreBackup(createReadStream(file), restored, { name: file, actor: tester, now: () => new Date() });
  const after = await openRegistry({ directory: restored, env: {}, actor: tester });
  expect((await after.staging.show(idOf(archive)))?.modules[0]?.files).toHaveLength(2);
  expect(await after.staging.approve(idOf(archive), operator)).toEqual({ kind: 'published' });
  expect(await download(after, 'company/core@1.0.0')).toBe(sha256(archive));
  await after.close();
});

test('what waits and is damaged is published by nobody, and told', async () => {
  const { registry, send } = await serveStaging();
  const archive = archiveOf('company/core@1.0.0');
  await send(archive);
  const file = (await registry.staging.show(idOf(archive)))?.modules[0]?.archive ?? '';
  await writeFile(file, archiveOf('company/core@1.0.0', { text: 'evil' }));
  const { staging } = registry;
  for (const act of [() => staging.show(idOf(archive)), () => staging.approve(idOf(archive), bob)])
    await expect(act()).rejects.toThrow('company/core@1.0.0 that waits for approval is damaged');
  expect(await readServed(registry)).toEqual({});
  const steps = await registry.verify({});
  expect(steps.flatMap(({ findings }) => findings)).toMatchObject([
    { severity: 'problem', subject: 'company/core@1.0.0', detail: expect.stringContaining('staged reject') },
  ]);
  await registry.staging.reject(idOf(archive), bob, 'damaged');
  expect(await send(archive)).toMatchObject({ status: 202 });
  expect(await registry.staging.approve(idOf(archive), bob)).toEqual({ kind: 'published' });
});

describe('over the wire', () => {
  test('whoever may decide sees what waits, and decides; the author sees it, and may take it back', async () => {
    const { registry, url, token, send } = await serveStaging();
    const make = async (name: string, owner: string, grants: Grants) =>
      (await registry.tokens.create({ name, owner, grants, lifetimeMs: 60_000 })).text;
    const boss = await make('boss', 'bob', { admin: ['company/*'] });
    const other = await make('other', 'eve', { publish: ['partner/*'], admin: ['partner/*'] });
    const ownAdmin = await make('own', 'Ada', { admin: ['*'] });
    const ask = async (text: string, path = '', method = 'GET', body?: object) => {
      const headers = { Authorization: `Bearer ${text}` };
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      const answer = await fetch(`${url}/api/v0/staged${path}`, init);
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const [one, two] = [archiveOf('company/core@1.0.0'), archiveOf('company/core@1.1.0')];
    await send(one);
    await send(two);
    const path = `/${sha256(one)}`;
    expect(await ask(boss)).toMatchObject({
      body: { staged: [{ id: sha256(one), token: 'ci', owner: 'ada' }, { id: sha256(two) }] },
    });
    expect(await ask(token)).toMatchObject({ status: 200, body: { staged: [{ id: sha256(one) }, {}] } });
    expect(await ask(other)).toMatchObject({ status: 200, body: { staged: [] } });
    for (const suffix of ['', '/contents', '/approve', '/reject'])
      expect(
        await ask(
          other,
          path + suffix,
          suffix.length > 0 && suffix !== '/contents' ? 'POST' : 'GET',
          undefined,
        ),
      ).toMatchObject({ status: 404 });
    const contents = await ask(boss, `${path}/contents`);
    expect(contents).toMatchObject({
      body: { modules: [{ files: [{}, {}], manifest: { name: 'company/core' } }] },
    });
    expect(JSON.stringify(contents)).not.toContain(registry.config.directory);
    const headers = { Authorization: `Bearer ${boss}` };
    const archive = (checksum: string) =>
      fetch(`${url}/api/v0/staged${path}/archives/${checksum}`, { headers });
    expect(Buffer.from(await (await archive(sha256(one))).arrayBuffer()).equals(one)).toBe(true);
    expect((await archive(sha256(two))).status).toBe(404);

    expect(await ask(token, `${path}/approve`, 'POST')).toMatchObject({ status: 403 });
    expect(await ask(ownAdmin, `${path}/approve`, 'POST')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('somebody else has to approve it') },
    });
    expect(await readServed(registry)).toEqual({});
    expect(await ask(boss, `${path}/approve`, 'POST')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await ask(boss, `${path}/approve`, 'POST')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await ask(token, path)).toMatchObject({
      body: { decision: { kind: 'approved', by: 'bob', token: 'boss' } },
    });
    expect(await ask(token, `/${sha256(two)}/reject`, 'POST', {})).toMatchObject({ status: 400 });
    expect(await ask(token, `/${sha256(two)}/reject`, 'POST', { reason: 'a bug' })).toEqual({
      status: 200,
      body: { status: 'ok' },
    });
    expect(await ask(boss, `/${sha256(two)}/approve`, 'POST')).toMatchObject({
      status: 410,
      body: { detail: expect.stringMatching(/it was rejected by ada at .*: a bug\.$/) },
    });
    expect(Object.keys(await readServed(registry))).toEqual(['company/core@1.0.0']);
    const audit = await readFile(join(registry.config.registry.dataDir, 'audit.jsonl'), 'utf8');
    const told = audit.split('\n').filter((line) => line.includes('"staged'));
    expect(told.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      ...['staged', 'staged', 'staged-approved', 'staged-rejected'],
    ]);
  });
});
