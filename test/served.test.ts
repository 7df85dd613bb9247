/** What was served stays what it was, whatever becomes of its file upstream. */
import { describe, expect, test } from 'vitest';
import type { Registry } from '../src/registry/registry.ts';
import { createRegistry, download, moduleName, readServed, version } from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

const parser = moduleName('maria/parser');
const path = 'user/maria/parser.index';

async function createWorld(lines?: string) {
  const upstream = await startUpstream([
    ...['maria/parser@0.1.0', 'maria/parser@0.2.0', 'alice/json@1.0.0', 'bob/x@1.0.0'],
  ]);
  const source = { name: 'main', upstream, ...(lines === undefined ? {} : { lines }) };
  const registry = await createRegistry({ sources: [source] });
  await registry.sync();
  const file = upstream.index.read(path)?.toString() ?? '';
  return { upstream, registry, file, before: await readServed(registry) };
}

/** Until it is believed: a source that loses modules is held back once. */
async function syncTwice(registry: Registry) {
  await registry.sync();
  return registry.sync();
}

const listed = async (registry: Registry) => Object.keys(await readServed(registry));

describe('a file that breaks upstream', () => {
  const half = (file: string) => file.slice(0, 50);
  const broken: readonly [string, (file: string) => string | Buffer][] = [
    ['is empty', () => ''],
    ['has blank lines only', () => '\n \n\n'],
    ['has 125,000 blank lines', () => '\n'.repeat(125_000)],
    ['is a web page', () => '<!doctype html>\n<title>502 Bad Gateway</title>\n'],
    ['is full of NULs', () => Buffer.alloc(400)],
    ['ends in the middle of its first line', half],
    ['is no UTF-8', () => Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
    ['has 5 MiB', (file) => file.repeat(Math.ceil((5 * 1024 * 1024) / file.length))],
    ['has 17 MiB', (file) => file.repeat(Math.ceil((17 * 1024 * 1024) / file.length))],
    ['has too many lines', (file) => file.repeat(5001)],
    ['is a Git LFS pointer', () => 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'],
    ['is nested deeply', () => `${'['.repeat(200_000)}\n`],
  ];

  test.each(broken)(
    'because it %s takes nothing away, and nothing of others is kept back',
    async (_, spoil) => {
      const { upstream, registry, file, before } = await createWorld();
      await upstream.writeIndexFile(path, spoil(file));
      await upstream.publish('alice/json@1.1.0');
      const report = await registry.sync();
      const after = { ...before, 'alice/json@1.1.0': expect.any(String) };
      expect(report.findings).toMatchObject([
        { kind: 'broken-file', module: 'maria/parser', source: 'main' },
      ]);
      expect(await readServed(registry)).toEqual(after);
      // However often it is read so.
      await upstream.publish('bob/x@1.1.0');
      await syncTwice(registry);
      expect(await readServed(registry)).toMatchObject(before);
      await upstream.writeIndexFile(path, file);
      expect((await registry.sync()).findings).toEqual([]);
      expect((await registry.readIndexFile(parser))?.toString()).toBe(file);
      expect(await download(registry, 'maria/parser@0.1.0')).toBe(before['maria/parser@0.1.0']);
    },
  );

  test('leaves what stays listed to be fetched from its origin, though nothing of it is cached', async () => {
    const { upstream, registry, file, before } = await createWorld();
    const [first = '', second = ''] = file.split('\n');
    for (const spoilt of ['<html>\n', `${first.slice(0, 40)}\n${second}\n`]) {
      await upstream.writeIndexFile(path, spoilt);
      await registry.sync();
      expect(await readServed(registry)).toEqual(before);
    }
    expect(await download(registry, 'maria/parser@0.1.0')).toBe(before['maria/parser@0.1.0']);
  });

  test('in one line keeps that line as it was served, if the version was', async () => {
    const { upstream, registry, file, before } = await createWorld();
    const [first = '', second = ''] = file.split('\n');
    await upstream.writeIndexFile(path, `${first.slice(0, 40)}\n${second}\n`);
    const report = await registry.sync();
    expect(report.findings).toMatchObject([{ kind: 'dropped-line', module: 'maria/parser', line: 1 }]);
    expect(await readServed(registry)).toEqual(before);
    // A version that is gone while others are whole is a deletion.
    await upstream.writeIndexFile(path, `${second}\n`);
    expect((await registry.sync()).findings).toEqual([]);
    expect(await listed(registry)).not.toContain('maria/parser@0.1.0');
  });

  test('that is too large for the operator’s own limit takes nothing away either', async () => {
    const { upstream, registry, before } = await createWorld('limits = { index_file = "2KiB" }');
    for (let patch = 3; patch < 30; patch++) await upstream.publish(`maria/parser@0.${patch}.0`);
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'broken-file', message: expect.stringContaining('2,048') }]);
    expect(await readServed(registry)).toEqual(before);
  });

  test('before it was ever served is a finding, and lists nothing', async () => {
    const { upstream, registry } = await createWorld();
    await upstream.writeIndexFile('user/eve/new.index', '<html>\n');
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'broken-file', module: 'eve/new' }]);
    expect(await registry.readIndexFile(moduleName('eve/new'))).toBeUndefined();
    await upstream.publish('eve/new@1.0.0');
  });

  test('with many others is told as often as the limit says, and the rest as a number', async () => {
    const { upstream, registry } = await createWorld('limits = { findings = 5 }');
    for (let number = 0; number < 9; number++)
      await upstream.writeIndexFile(`user/eve/m${number}.index`, '<html>\n');
    const { findings } = await registry.sync();
    const told = findings.filter(({ kind }) => kind === 'broken-file');
    expect(told).toHaveLength(5);
    expect(findings.filter((finding) => !told.includes(finding))).toMatchObject([{ kind: 'more', count: 4 }]);
  });
});

describe('what upstream deletes', () => {
  test('stays while it is cached: a version, and a whole module', async () => {
    const { upstream, registry, file, before } = await createWorld();
    await registry.mirror({ patterns: ['maria/*', 'bob/*'] });
    await upstream.writeIndexFile(path, `${file.split('\n')[1]}\n`);
    await registry.sync();
    expect(await readServed(registry)).toEqual(before);
    await upstream.removeIndexFile(path);
    await upstream.removeIndexFile('user/alice/json.index');
    const report = await syncTwice(registry);
    const { 'alice/json@1.0.0': _, ...kept } = before;
    expect(await readServed(registry)).toEqual(kept);
    expect(report.findings).toEqual([]);
    expect(await download(registry, 'maria/parser@0.1.0')).toBe(before['maria/parser@0.1.0']);
    expect(await registry.originOf(parser)).toBe('main');
    await upstream.writeIndexFile(path, file);
    await registry.sync();
    expect((await registry.readIndexFile(parser))?.toString()).toBe(file);
  });

  test('goes although it is cached where the operator follows deletions', async () => {
    const { upstream, registry, file } = await createWorld('deleted_upstream = "follow"');
    await registry.mirror({ patterns: ['maria/*', 'bob/*'] });
    await upstream.writeIndexFile(path, `${file.split('\n')[1]}\n`);
    await registry.sync();
    expect(await listed(registry)).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0', 'maria/parser@0.2.0']);
    await upstream.removeIndexFile('user/bob/x.index');
    await syncTwice(registry);
    expect(await listed(registry)).toEqual(['alice/json@1.0.0', 'maria/parser@0.2.0']);
  });

  test('and lists again with other bytes is a conflict, cached or not', async () => {
    const { upstream, registry, file, before } = await createWorld();
    await registry.mirror({ patterns: ['maria/parser'] });
    await upstream.writeIndexFile(path, `${file.split('\n')[1]}\n`);
    await registry.sync();
    await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    expect((await registry.sync()).findings).toMatchObject([{ kind: 'checksum-conflict', version: '0.1.0' }]);
    expect(await readServed(registry)).toEqual(before);
  });

  test('and a listed requirement selected is told, with what is selected instead', async () => {
    const upstream = await startUpstream();
    for (const one of ['1.0.0', '1.1.0', '1.2.0']) await upstream.publish(`lib/json@${one}`);
    await upstream.publish('alice/app@1.0.0', { deps: { 'lib/json': '1.1.0' } });
    await upstream.publish('bob/app@1.0.0', { deps: { 'lib/json': '1.0.0' } });
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const lines = upstream.index.read('user/lib/json.index')?.toString().trimEnd().split('\n') ?? [];
    await upstream.writeIndexFile('user/lib/json.index', `${lines[0]}\n${lines[2]}\n`);
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'selection-changed', module: 'lib/json', version: '1.1.0' }]);
    expect(findings[0]?.message).toContain('alice/app@1.0.0');
    expect(findings[0]?.message).toContain('1.2.0');
    // It stands until the version is back.
    expect((await registry.sync()).findings).toHaveLength(1);
    await upstream.writeIndexFile('user/lib/json.index', `${lines.join('\n')}\n`);
    expect((await registry.sync()).findings).toEqual([]);
  });

  test('and nobody selected is no finding', async () => {
    const upstream = await startUpstream();
    for (const one of ['1.0.0', '1.1.0']) await upstream.publish(`lib/json@${one}`);
    await upstream.publish('alice/app@1.0.0', { deps: { 'lib/json': '1.1.0' } });
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const lines = upstream.index.read('user/lib/json.index')?.toString().trimEnd().split('\n') ?? [];
    await upstream.writeIndexFile('user/lib/json.index', `${lines[1]}\n`);
    expect((await registry.sync()).findings).toEqual([]);
    expect(await listed(registry)).toEqual(['alice/app@1.0.0', 'lib/json@1.1.0']);
  });
});

describe('requirements of a served version', () => {
  test('that upstream changes, adds or takes away reach nobody, and the same in other words passes', async () => {
    const upstream = await startUpstream();
    await upstream.publish('maria/parser@0.1.0', { deps: { 'alice/json': '1.0.0' } });
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const file = upstream.index.read(path)?.toString() ?? '';
    const stated = JSON.parse(file);
    const write = (entry: object) => upstream.writeIndexFile(path, `${JSON.stringify(entry)}\n`);
    const { deps: _, ...without } = stated;
    for (const changed of [
      { ...stated, deps: { 'eve/evil': '1.0.0' } },
      { ...stated, deps: { ...stated.deps, 'eve/evil': '1.0.0' } },
      { ...stated, deps: { 'alice/json': '1.0.1' } },
      { ...stated, 'bin-deps': { 'eve/evil': '1.0.0' } },
      without,
      { ...stated, deps: {} },
    ]) {
      await write(changed);
      const { findings } = await registry.sync();
      expect(findings).toMatchObject([{ kind: 'requirements-conflict', version: '0.1.0' }]);
      expect((await registry.readIndexFile(parser))?.toString()).toBe(file);
    }
    for (const same of [
      Object.fromEntries(Object.entries(stated).reverse()),
      { ...stated, deps: { 'alice/json': { version: '1.0.0' } } },
      { ...stated, 'bin-deps': {} },
      { ...stated, yanked: true },
    ]) {
      await write(same);
      expect((await registry.sync()).findings).toEqual([]);
      expect((await registry.readIndexFile(parser))?.toString()).toBe(`${JSON.stringify(same)}\n`);
    }
  });

  test('count for a claim: one that would change them takes nothing over', async () => {
    const open = await startUpstream();
    await open.publish('company/tool@1.0.0', { deps: { 'alice/json': '1.0.0' } });
    const internal = await startUpstream();
    await internal.publish('company/tool@1.0.0', { deps: { 'alice/json': '1.0.0' } });
    const file = internal.index.read('user/company/tool.index')?.toString() ?? '';
    await internal.writeIndexFile('user/company/tool.index', file.replace('alice/json', 'eve/evil'));
    const low = { name: 'public', upstream: open, priority: 100 };
    const registry = await createRegistry({
      sources: [low, { name: 'internal', upstream: internal, priority: 10, namespaces: ['other/*'] }],
    });
    internal.faults.down = true;
    await registry.sync();
    internal.faults.down = false;
    expect(await registry.originOf(moduleName('company/tool'))).toBe('public');
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([
      {
        kind: 'origin-conflict',
        source: 'internal',
        changes: [
          { version: '1.0.0', requirements: { pinned: expect.any(String), offered: expect.any(String) } },
        ],
      },
    ]);
    const [change] = findings.flatMap((one) => (one.kind === 'origin-conflict' ? (one.changes ?? []) : []));
    expect(change?.pinned).toBe(change?.offered);
    const ruling = {
      action: 'accept-origin',
      module: moduleName('company/tool'),
      origin: 'internal',
    } as const;
    const none = { checksums: new Map(), requirements: new Map() };
    await expect(registry.ruleOnConflict({ ...ruling, ...none })).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('--requirements VERSION=DIGEST'),
    });
    const requirements = new Map([[version('1.0.0'), change?.requirements?.offered ?? '']]);
    await registry.ruleOnConflict({ ...ruling, ...none, requirements });
    expect((await registry.readIndexFile(moduleName('company/tool')))?.toString()).toContain('eve/evil');
    expect(await registry.originOf(moduleName('company/tool'))).toBe('internal');
  });
});
