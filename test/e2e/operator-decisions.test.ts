/** What an operator decides about origins and names, with the built command. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Conflict } from '../../src/registry/sync/conflict.ts';
import type { Explanation } from '../../src/registry/sync/explain.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import { tryGit } from '../support/git-client.ts';
import { startUpstream } from '../support/worlds.ts';
import { type CliRegistry, createCliRegistry } from './cli-registry.ts';

async function editSettings({ directory }: CliRegistry, edit: (text: string) => string): Promise<void> {
  const file = join(directory, 'registry.toml');
  await writeFile(file, edit(await readFile(file, 'utf8')));
}

describe('a partner of more trust that aggregates', () => {
  async function createWorld() {
    const names = Array.from({ length: 23 }, (_, position) => `owner/m${position}@1.0.0`);
    const mooncakes = await startUpstream(names);
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [{ name: 'mooncakes', upstream: mooncakes, priority: 100 }],
    });
    await registry.run('sync');
    const partner = await startUpstream([...names, 'partner-org/own@1.0.0']);
    await registry.run(
      ...[
        'source',
        'add',
        'partner',
        '--url',
        partner.url,
        '--index-url',
        partner.indexUrl,
        '--priority',
        '50',
      ],
    );
    return { mooncakes, partner, registry };
  }

  test('takes nothing along: one conflict with a count, decided for all at once', async () => {
    const { partner, registry } = await createWorld();
    const before = await registry.served();
    expect((await registry.run('sync')).code).toBe(3);
    const served = await registry.served();
    expect(served).toMatchObject(before);
    expect(Object.keys(served)).toContain('partner-org/own@1.0.0');
    await partner.publish('owner/m1@99.0.0');
    await registry.run('sync');
    expect(Object.keys(await registry.served())).not.toContain('owner/m1@99.0.0');
    const { json } = await registry.report<Conflict[]>('conflicts');
    expect(json).toMatchObject([
      { kind: 'origin-conflict', source: 'partner', origin: 'mooncakes', count: 23, module: 'owner/m0' },
    ]);
    const listed = await registry.run('conflicts');
    expect(listed.stdout).toContain('lists or claims 23 modules too');
    expect(listed.stdout).toContain('$ moonbit-registry conflicts accept "*" --origin partner');

    const accepted = await registry.run('conflicts', 'accept', 'owner/*', '--origin', 'partner');
    expect(accepted.code).toBe(0);
    expect((await registry.run('conflicts')).stdout).toBe('No conflicts.\n');
    expect(Object.keys(await registry.served())).toContain('owner/m1@99.0.0');
    expect((await registry.run('sync')).code).toBe(0);
  });

  test('leaves nothing missing where the origin is disabled or removed, as it lists the same bytes', async () => {
    const { mooncakes, registry } = await createWorld();
    await registry.run('sync');
    const before = await registry.served();
    await mooncakes.publish('only/here@1.0.0');
    await registry.run('sync');
    const dry = await registry.run('source', 'disable', 'mooncakes', '--dry-run');
    expect(dry).toMatchObject({ code: 3, stdout: expect.stringContaining('removed only/here') });
    const refused = await registry.run('source', 'disable', 'mooncakes');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('only/here') });
    expect(refused.stderr).toContain('--yes');
    expect((await registry.run('source', 'list')).stdout).not.toContain('[disabled]');
    expect((await registry.run('source', 'disable', 'mooncakes', '--yes')).code).toBe(0);
    expect(await registry.served()).toEqual(before);
    expect((await registry.run('source', 'remove', 'mooncakes')).code).toBe(0);
    expect(await registry.served()).toEqual(before);
  });
});

describe('a source under another name', () => {
  async function createWorld() {
    const upstream = await startUpstream(['a/x@1.0.0', 'a/y@1.0.0']);
    const other = await startUpstream(['b/z@1.0.0']);
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [
        { name: 'partner', upstream, priority: 50 },
        { name: 'mooncakes', upstream: other, priority: 100 },
      ],
    });
    await registry.run('sync');
    return { upstream, registry, before: await registry.served() };
  }

  test.each(['source rename', 'an edit of registry.toml'])('is the same source: by %s', async (way) => {
    const { upstream, registry, before } = await createWorld();
    if (way === 'source rename')
      expect(await registry.run('source', 'rename', 'partner', 'acme')).toMatchObject({
        code: 0,
        stderr: '',
      });
    else await editSettings(registry, (text) => text.replaceAll('"partner"', '"acme"'));
    expect((await registry.run('sync')).code).toBe(0);
    expect(await registry.served()).toEqual(before);
    await upstream.publish('a/x@1.1.0');
    expect((await registry.run('sync')).code).toBe(0);
    expect(Object.keys(await registry.served())).toContain('a/x@1.1.0');
    expect((await registry.report<Explanation>('explain', 'a/x')).json).toMatchObject({ origin: 'acme' });
    expect((await registry.run('conflicts')).stdout).toBe('No conflicts.\n');
    expect((await registry.run('verify')).code).toBe(0);
  });

  test('changes nothing by itself, which plan says', async () => {
    const { registry } = await createWorld();
    await editSettings(registry, (text) => text.replaceAll('"partner"', '"acme"'));
    const state = await registry.state();
    expect(await registry.run('plan')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('unchanged'),
    });
    expect(await registry.state()).toBe(state);
  });
});

describe('a name that a source of more trust might have', () => {
  async function createWorld() {
    const mooncakes = await startUpstream(['a/x@1.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.run('sync');
    internal.faults.status = 503;
    await Promise.all([mooncakes.publish('company/fresh@1.0.0'), mooncakes.publish('a/new@1.0.0')]);
    return { mooncakes, internal, registry };
  }

  test('waits until that source is read, and is then decided', async () => {
    const { internal, registry } = await createWorld();
    const waiting = await registry.report<SyncReport>('sync');
    expect(waiting).toMatchObject({ code: 3 });
    expect(waiting.json.newlyHeld.map(({ module }) => module).sort()).toEqual(['a/new', 'company/fresh']);
    expect(Object.keys(await registry.served())).toEqual(['a/x@1.0.0', 'company/tool@1.0.0']);
    expect((await registry.run('explain', 'company/fresh')).stdout).toContain('"internal"');
    await internal.publish('company/fresh@1.0.0', { sizeBytes: 5000 });
    internal.faults.status = undefined;
    expect((await registry.run('sync')).code).toBe(0);
    expect((await registry.report<Explanation>('explain', 'company/fresh')).json.origin).toBe('internal');
    expect((await registry.report<Explanation>('explain', 'a/new')).json.origin).toBe('mooncakes');
  });

  test('is decided sooner by the operator alone, name by name or for a pattern', async () => {
    const { registry } = await createWorld();
    await registry.run('sync');
    const accepted = await registry.run('conflicts', 'accept', 'a/new', '--origin', 'mooncakes');
    expect(accepted).toMatchObject({ code: 0, stdout: expect.stringContaining('undecided -> mooncakes') });
    expect(Object.keys(await registry.served())).toContain('a/new@1.0.0');
    expect(Object.keys(await registry.served())).not.toContain('company/fresh@1.0.0');
  });

  test('is 503 for clients while nobody can tell, and 404 once everybody was read', async () => {
    const { internal, registry } = await createWorld();
    await registry.run('sync');
    const server = await registry.serve();
    const ask = (path: string) => fetch(`${server.baseUrl}/user/${path}.zip`);
    const waiting = await ask('company/fresh/1.0.0');
    expect(waiting.status).toBe(503);
    expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await waiting.text()).not.toContain('127.0.0.1');
    internal.faults.status = undefined;
    await registry.run('sync');
    expect((await ask('company/fresh/1.0.0')).status).toBe(200);
    expect((await ask('nobody/has/1.0.0')).status).toBe(404);
  });
});

test('plan shows what an edited file would change, and changes nothing', async () => {
  const upstream = await startUpstream(['a/x@1.0.0', 'b/y@1.0.0']);
  const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'main', upstream }] });
  await registry.run('sync');
  expect(await registry.run('plan')).toMatchObject({ code: 0 });
  const settings = await readFile(join(registry.directory, 'registry.toml'), 'utf8');
  await writeFile(
    join(registry.directory, 'edited.toml'),
    settings.replace('exclude = []', 'exclude = ["b/*"]'),
  );
  const [state, served] = [await registry.state(), await registry.served()];
  const planned = await registry.run('plan', '--config', 'edited.toml');
  expect(planned).toMatchObject({ code: 3, stdout: expect.stringContaining('removed b/y (main)') });
  await upstream.publish('c/z@1.0.0');
  expect(await registry.run('plan')).toMatchObject({ code: 0 });
  expect(await registry.run('plan', '--fresh')).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('added c/z (main)'),
  });
  expect((await registry.run('plan', '--config', 'missing.toml')).code).toBe(1);
  expect([await registry.state(), await registry.served()]).toEqual([state, served]);
});

test('requirements that upstream changes wait for the operator, who types their digest out', async () => {
  const upstream = await startUpstream(['good/base@1.0.0', 'evil/base@1.0.0']);
  await upstream.publish('a/x@1.0.0', { deps: { 'good/base': '1.0.0' } });
  const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'main', upstream }] });
  await registry.run('sync');
  const repository = join(registry.directory, 'data', 'index');
  const { stdout: file } = await tryGit(['-C', repository, 'show', 'main:user/a/x.index']);
  await upstream.writeIndexFile('user/a/x.index', file.replace('good/base', 'evil/base'));
  expect((await registry.run('sync')).code).toBe(3);
  const { json } = await registry.report<Conflict[]>('conflicts');
  expect(json).toMatchObject([{ kind: 'requirements-conflict', module: 'a/x', version: '1.0.0' }]);
  const served = () => tryGit(['-C', repository, 'show', 'main:user/a/x.index']);
  expect((await served()).stdout).toBe(file);
  const [conflict] = json;
  const offered = conflict?.kind === 'requirements-conflict' ? (conflict.requirements?.offered ?? '') : '';
  const accept = (digest: string) =>
    registry.run('conflicts', 'accept', 'a/x@1.0.0', '--requirements', digest);
  expect((await accept('0'.repeat(64))).code).toBe(1);
  expect((await accept(offered)).code).toBe(0);
  expect((await served()).stdout).toContain('evil/base');
  expect((await registry.run('sync')).code).toBe(0);
});

test('the data go back to format 1 for an older program, unless that has no place for something', async () => {
  const mooncakes = await startUpstream(['a/x@1.0.0']);
  const internal = await startUpstream(['company/tool@1.0.0']);
  const registry = await createCliRegistry({
    runner: 'here',
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  await registry.run('sync');
  const downgrade = ['state', 'downgrade', '--format', '1'];
  expect(await registry.run(...downgrade)).toMatchObject({ code: 0, stderr: '' });
  // Whatever opens them next, this program among them, upgrades them again.
  expect((await registry.run('sync')).code).toBe(0);
  internal.faults.down = true;
  await mooncakes.publish('a/new@1.0.0');
  await registry.run('sync');
  const state = await registry.state();
  const refused = await registry.run(...downgrade);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('a/new is undecided') });
  expect(await registry.state()).toBe(state);
});
