/** Publishing over real HTTP into a real repository, and what others find of it. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatExplanation } from '../src/cli/commands/explain.ts';
import type { Checksum } from '../src/model/checksum.ts';
import { openParts } from '../src/registry/parts.ts';
import { aggregate } from '../src/registry/sync/aggregate.ts';
import { startServer } from '../src/server/listen.ts';
import { serveRegistry } from './e2e/served-registry.ts';
import { tester } from './support/actor.ts';
import { createGate } from './support/gate.ts';
import { git } from './support/git-client.ts';
import { startIssuer, testAudience } from './support/issuer.ts';
import { archiveOf, createToken, publishTo, sendForm } from './support/publisher.ts';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from './support/registry-world.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { sha256, startUpstream } from './support/worlds.ts';

const company = 'namespaces = ["company/*"]';

interface Hosting {
  /** Lines of `[hosting]`. */
  readonly hosting?: string;
  /** What the public registry has, which this one has read. */
  readonly published?: readonly string[];
}

/** A registry that hosts `company/…` beside a public one, served, with a token that may publish. */
async function serveHosting({ hosting = company, published = ['alice/json@1.0.0'] }: Hosting = {}) {
  const upstream = await startUpstream(published);
  const registry = await createRegistry({ sources: [{ name: 'public', upstream }], hosting });
  await registry.sync();
  const token = await createToken(registry, 'ci');
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  const { url } = server;
  const publish = (id: string, facts: Parameters<typeof archiveOf>[1] = {}) =>
    publishTo(url, token, archiveOf(id, facts));
  return { registry, upstream, url, indexUrl: `${url}/git/index`, token, publish };
}

test('what is published is cloned, downloaded, and aggregated by a registry that has this one as a source', async () => {
  const { registry, url, indexUrl, token } = await serveHosting();
  const archive = archiveOf('company/tool@1.0.0', { fields: { deps: { 'alice/json': '1.0.0' } } });
  expect(await publishTo(url, token, archive)).toEqual({ status: 200, body: { status: 'ok' } });

  const clone = join(temporaryDirectory(), 'clone');
  await git(['clone', '-q', '--depth', '1', indexUrl, clone]);
  const line = await git(['-C', clone, 'show', 'HEAD:user/company/tool.index']);
  expect(line).toMatch(
    /^\{"name": "company\/tool", "version": "1\.0\.0", "license": "MIT", "deps": \{"alice\/json": "1\.0\.0"\}, "checksum": "[0-9a-f]{64}", "created_at": "[^"]*\+00:00", "yanked": false, "yanked_reason": null\}\n$/,
  );
  const answer = await fetch(`${url}/user/company%2Ftool%2F1.0.0.zip`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(archive)).toBe(true);

  const second = await serveRegistry({
    sources: [{ name: 'first', upstream: { url, indexUrl } }],
  });
  expect(await readServed(second.registry)).toMatchObject({ 'company/tool@1.0.0': sha256(archive) });
  const again = await fetch(`${second.url}/user/company/tool/1.0.0.zip`);
  expect(
    createHash('sha256')
      .update(Buffer.from(await again.arrayBuffer()))
      .digest('hex'),
  ).toBe(sha256(archive));
  expect(await registry.explain(moduleName('company/tool'), version('1.0.0'))).toMatchObject({
    origin: 'hosted',
    isServed: true,
    rule: 'claimed',
  });
});

test('a machine publishes by what its issuer says of it, for the first time too, and that stays with the version', async () => {
  const issuer = await startIssuer();
  const entry = `[[access.oidc]]\nname = "ci"\nissuer = "${issuer.url}"\naudience = "${testAudience}"\nclaims = { sub = "job", branch = "main" }\nmay = ["publish"]\nfor = ["company/*"]`;
  const { registry, url } = await serveHosting({ hosting: `${company}\n${entry}`, published: [] });
  const answer = await fetch(`${url}/api/v0/oidc/exchange`, {
    method: 'POST',
    body: new URLSearchParams({ token: await issuer.token({ branch: 'main', actor: 'eve' }) }),
  });
  const { token } = (await answer.json()) as { token: string };
  expect(await publishTo(url, token, archiveOf('company/new@0.1.0'))).toMatchObject({ status: 200 });
  expect(await publishTo(url, token, archiveOf('partner/new@0.1.0'))).toMatchObject({ status: 403 });
  const explanation = await registry.explain(moduleName('company/new'), version('0.1.0'));
  expect(explanation.published).toMatchObject({
    token: 'ci:job',
    owner: 'ci',
    oidc: { issuer: issuer.url, entry: 'ci', claims: { sub: 'job', branch: 'main' } },
  });
  expect(formatExplanation(explanation)).toContain(`Let in by "ci", as ${issuer.url} says:\n    sub: job`);
});

describe('what publishing is answered', () => {
  const exists =
    'Version Error: The version you are attempting to upload (1.1.0) is duplicated with an existing version (1.1.0). Please select a different version to publish.';

  test('the same bytes again are welcome, others are not, and a hotfix of an old major is', async () => {
    const { registry, publish } = await serveHosting();
    const ok = { status: 200, body: { status: 'ok' } };
    expect(await publish('company/tool@1.1.0')).toEqual(ok);
    const state = await registry.stateCommit();
    expect(await publish('company/tool@1.1.0')).toEqual(ok);
    expect(await publish('company/tool@1.1.0', { text: 'other' })).toEqual({
      status: 409,
      body: { detail: exists },
    });
    expect(await publish('company/tool@1.0.9')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('is not higher than an existing version (1.1.0)') },
    });
    expect(await registry.stateCommit()).toBe(state);
    expect(await publish('company/tool@2.0.0')).toEqual(ok);
    expect(await publish('company/tool@1.1.1')).toEqual(ok);
  });

  test('of ten at once of one version with other bytes each, one is published', async () => {
    const { registry, publish } = await serveHosting();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => publish('company/tool@1.0.0', { text: `let n = ${i}\n` })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, ...Array(9).fill(409)]);
    const won = archiveOf('company/tool@1.0.0', { text: `let n = ${statuses.indexOf(200)}\n` });
    expect((await readServed(registry))['company/tool@1.0.0']).toBe(sha256(won));
  });

  test('a dry run finds out, however it is marked, and changes nothing', async () => {
    const { registry, url, token } = await serveHosting();
    const state = await registry.stateCommit();
    const archive = archiveOf('company/tool@1.0.0');
    const dry = {
      status: 202,
      body: {
        detail:
          'Dry run completed successfully. No changes were made. The dry-run was made for package company/tool version 1.0.0.',
      },
    };
    const file = new Blob([new Uint8Array(archive)]);
    const form = () => {
      const data = new FormData();
      data.append('file', file, 'a.zip');
      return data;
    };
    const bearer = { Authorization: `Bearer ${token}` };
    for (const name of ['dry_run', 'dry-run', 'dryrun']) {
      expect(await publishTo(url, token, archive, { [name]: 'true' })).toEqual(dry);
      expect(await sendForm(url, form(), bearer, `?${name}`)).toEqual(dry);
      expect(await sendForm(url, form(), { ...bearer, [name]: '1' })).toEqual(dry);
    }
    expect(await registry.stateCommit()).toBe(state);
    expect(await readdir(join(registry.config.registry.dataDir, 'packages')).catch(() => [])).toEqual([]);
    expect(await publishTo(url, token, archive, { dry_run: 'maybe' })).toMatchObject({ status: 400 });
    expect(await sendForm(url, form(), bearer)).toMatchObject({ status: 200 });
  });

  test('whoever may not hears why in the official words, and nothing is left of it', async () => {
    const { registry, url, publish } = await serveHosting();
    const archive = archiveOf('company/tool@1.0.0');
    for (const token of [undefined, '', 'mbr_nonsense'])
      expect(await publishTo(url, token, archive)).toEqual({
        status: 401,
        body: { detail: 'Invalid token: log in again, or ask for a new token.' },
      });
    expect(await publish('other/tool@1.0.0')).toEqual({
      status: 403,
      body: {
        detail:
          "User mismatch: The username in the module config file (other) does not match the authenticated user's username (ada).",
      },
    });
    const left = await readdir(registry.config.registry.dataDir);
    expect(left.filter((name) => name.startsWith('upload'))).toEqual([]);
  });

  test.each([
    ['an unknown field', { token: 't', mode: 'x' }, 'has a part "mode", which means nothing here'],
    ['no file', { token: 't' }, 'has no part "file"'],
  ])('%s is a bad request', async (_, fields, reason) => {
    const { url } = await serveHosting();
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    if ('mode' in fields) form.append('file', new Blob(['x']), 'a.zip');
    const { status, body } = await sendForm(url, form);
    expect([status, body.detail?.includes(reason.replaceAll('\\', ''))]).toEqual([400, true]);
  });

  test('what is no form, or breaks off in the middle of one, is a bad request', async () => {
    const { url, registry } = await serveHosting();
    const send = async (type: string, body: string) =>
      (await fetch(`${url}/api/v0/publish`, { method: 'POST', headers: { 'Content-Type': type }, body }))
        .status;
    expect(await send('application/zip', 'PK')).toBe(400);
    expect(await send('multipart/form-data', 'x')).toBe(400);
    const half = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf';
    expect(await send('multipart/form-data; boundary=b', half)).toBe(400);
    const left = await readdir(registry.config.registry.dataDir);
    expect(left.filter((name) => name.startsWith('upload'))).toEqual([]);
  });

  test('an archive larger than may be is refused while it comes', async () => {
    const { url, token } = await serveHosting({ hosting: `${company}\nmax_archive = "1KiB"` });
    expect(await publishTo(url, token, Buffer.alloc(200_000))).toEqual({
      status: 413,
      body: { detail: 'The archive has more than the 1024 bytes that may be published.' },
    });
  });

  test('where nothing is hosted there is nothing to publish to', async () => {
    const { url, token } = await serveHosting({ hosting: 'max_archive = "1MiB"' });
    const form = new FormData();
    form.append('token', token);
    expect(await sendForm(url, form)).toMatchObject({ status: 404 });
  });
});

test('modules published together are there together, and may need each other; or none of them is', async () => {
  const { registry, url, token } = await serveHosting({ hosting: `${company}\nrequire_resolvable = true` });
  const lib = archiveOf('company/lib@1.0.0');
  const app = archiveOf('company/app@1.0.0', { fields: { deps: { 'company/lib': '1.0.0' } } });
  expect(await publishTo(url, token, app)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('no module "company/lib" is listed here') },
  });
  const foreign = archiveOf('alice/json@2.0.0');
  expect(await publishTo(url, token, [app, lib, foreign])).toMatchObject({ status: 403 });
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0']);
  const before = await registry.stateCommit();
  expect(await publishTo(url, token, [app, lib])).toMatchObject({ status: 200 });
  expect(Object.keys(await readServed(registry))).toEqual([
    'alice/json@1.0.0',
    'company/app@1.0.0',
    'company/lib@1.0.0',
  ]);
  const commits = await git([
    '--git-dir',
    registry.indexDirectory,
    'rev-list',
    '--first-parent',
    `${before}..refs/registry/state`,
  ]);
  expect(commits.trim().split('\n').length).toBe(1);
});

test('a token for one version and its bytes publishes these alone', async () => {
  const { registry, url } = await serveHosting();
  const archive = archiveOf('company/tool@1.0.0');
  const only = {
    module: moduleName('company/tool'),
    version: version('1.0.0'),
    checksum: sha256(archive) as Checksum,
  };
  const grants = { publish: ['company/*'] };
  const { text } = await registry.tokens.create({
    name: 'release',
    owner: 'ada',
    grants,
    only,
    lifetimeMs: 60_000,
  });
  await expect
    .poll(async () => (await publishTo(url, text, archiveOf('company/tool@1.1.0'))).body.detail, {
      timeout: 5000,
    })
    .toContain('This token may publish company/tool@1.0.0 alone');
  expect(await publishTo(url, text, archiveOf('company/tool@1.0.0', { text: 'other' }))).toMatchObject({
    status: 403,
  });
  expect(await publishTo(url, text, archive)).toMatchObject({ status: 200 });
  expect(await registry.explain(only.module, only.version)).toMatchObject({
    published: { token: 'release', owner: 'ada' },
    because: 'it is published here: no source says what the name means',
  });
});

describe('names', () => {
  test('that a source is recorded for stay its, and cannot be published', async () => {
    const { registry, publish, upstream } = await serveHosting({ published: ['company/old@1.0.0'] });
    await writeSettings(registry.config.directory, { sources: [{ name: 'public', upstream }] });
    await registry.reload();
    await registry.sync();
    await writeSettings(registry.config.directory, {
      sources: [{ name: 'public', upstream }],
      hosting: company,
    });
    await registry.reload();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/old@1.0.0']);
    expect(await publish('company/old@1.1.0')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('is served from another registry so far') },
    });
    // Nothing new of it comes from there any more.
    await upstream.publish('company/old@1.2.0');
    await upstream.publish('company/new@1.0.0');
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/old@1.0.0']);
    expect(await download(registry, 'company/old@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  });

  test('that look like another one, or are blocked, are refused before anything is written', async () => {
    const { registry, publish } = await serveHosting({
      hosting: 'namespaces = ["company/*", "alice/*"]',
      published: ['alice/json@1.0.0'],
    });
    await registry.ruleOnBlock({
      action: 'block',
      module: moduleName('company/bad'),
      version: undefined,
      reason: 'CVE-1',
    });
    expect(await publish('company/bad@1.0.0')).toMatchObject({
      status: 403,
      body: { detail: 'company/bad is blocked here: CVE-1.' },
    });
    expect(await publish('company/tool@1.0.0')).toMatchObject({ status: 200 });
    const state = await registry.stateCommit();
    expect(await publish('company/Tool@1.0.0')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('looks like company/tool') },
    });
    expect(await registry.stateCommit()).toBe(state);
  });

  test('that were published stay, though the source names them, and though nothing is hosted any more', async () => {
    const { registry, publish, upstream } = await serveHosting();
    await publish('company/tool@1.0.0');
    const served = await readServed(registry);
    await upstream.publish('company/tool@1.0.0');
    await upstream.publish('company/tool@9.0.0');
    await registry.sync();
    expect(await readServed(registry)).toEqual(served);
    await writeSettings(registry.config.directory, { sources: [{ name: 'public', upstream }] });
    await registry.reload();
    await registry.sync();
    expect(await readServed(registry)).toEqual(served);
    expect(await registry.status()).toMatchObject({ health: 'ok' });
  });
});

test('publications that wait together become one commit, and what cannot be served takes nobody along', async () => {
  const { registry, publish } = await serveHosting();
  await registry.ruleOnBlock({
    action: 'block',
    module: moduleName('company/m3'),
    version: undefined,
    reason: 'no',
  });
  const before = await registry.stateCommit();
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => publish(`company/m${i}@1.0.0`)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map((_, i) => (i === 3 ? 403 : 200)));
  const served = Object.keys(await readServed(registry));
  expect(served.length).toBe(12);
  const commits = await git([
    '--git-dir',
    registry.indexDirectory,
    'rev-list',
    '--first-parent',
    `${before}..refs/registry/state`,
  ]);
  expect(commits.trim().split('\n').length).toBeLessThan(8);
});

test('nobody who publishes waits for a plan that takes long, which then rests on what was published', async () => {
  const { registry, publish } = await serveHosting();
  const parts = await openParts({ directory: registry.config.directory, env: {}, actor: tester });
  onTestFinished(async () => {
    await parts.connections.close();
    parts.index.close();
  });
  const planning = createGate();
  const gate = createGate();
  // It asks for the time once for each plan, and once when it makes one real.
  let asked = 0;
  const now = () => {
    asked += 1;
    return new Date();
  };
  const index = {
    ...parts.index,
    async identify(treeish: string, path: string) {
      planning.open();
      await gate.gate;
      return parts.index.identify(treeish, path);
    },
  };
  const slow = aggregate({ ...parts.context(), index, now }, { touched: [moduleName('alice/json')] });
  await planning.gate;
  expect(await publish('company/tool@1.0.0')).toMatchObject({ status: 200 });
  gate.open();
  const { state } = await slow;
  expect(asked).toBe(2 + 1);
  expect(state.commit).toBe(await registry.stateCommit());
  expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'company/tool@1.0.0']);
});

test('data with something published here go back to no older format, and nothing has changed then', async () => {
  const { registry, publish } = await serveHosting();
  await publish('company/tool@1.0.0');
  const state = await registry.stateCommit();
  for (const format of [1, 2] as const)
    await expect(registry.downgrade(format)).rejects.toThrow('modules are published here');
  expect(await registry.stateCommit()).toBe(state);
});
