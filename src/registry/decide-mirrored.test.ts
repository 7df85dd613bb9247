/** Mirroring by name decides undecided names, and nothing else. */
import { appendFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  writeSettings,
} from '../../test/support/registry-world.ts';
import { startUpstream } from '../../test/support/worlds.ts';
import type { Registry } from './registry.ts';

/** The default source and one of more trust that does not answer. */
async function createWorld(lines = '') {
  const mooncakes = await startUpstream();
  await mooncakes.publishMany([
    { module: 'moonbitlang/x', version: '0.4.0' },
    { module: 'moonbitlang/x', version: '0.5.0', deps: { 'alice/json': '1.0.0' } },
    { module: 'alice/json', version: '1.0.0' },
    { module: 'alice/json', version: '1.1.0' },
    { module: 'bob/other', version: '1.0.0' },
  ]);
  const internal = await startUpstream(['company/tool@1.0.0']);
  internal.faults.status = 503;
  const sources = [
    { name: 'mooncakes', upstream: mooncakes, priority: 100 },
    { name: 'internal', upstream: internal, priority: 25, lines },
  ];
  const registry = await createRegistry({ sources });
  const archives = () => mooncakes.count('/user/');
  return { registry, mooncakes, internal, sources, archives };
}

const ids = async (registry: Registry) => Object.keys(await readServed(registry));

test('names that match a pattern with an owner belong to the source they are mirrored from, at once and for good', async () => {
  const { registry, internal } = await createWorld();
  const report = await registry.mirror({ patterns: ['moonbitlang/*'] });
  expect(report.decided).toEqual([{ module: 'moonbitlang/x', source: 'mooncakes' }]);
  expect(report.refresh).toMatchObject([{ outcome: 'fresh' }, { outcome: 'never-read' }]);
  expect(await ids(registry)).toEqual(['moonbitlang/x@0.4.0', 'moonbitlang/x@0.5.0']);
  expect(await download(registry, 'moonbitlang/x@0.4.0')).toMatch(/^[0-9a-f]{64}$/);
  const { rule, because, origin, pin } = await registry.explain(
    moduleName('moonbitlang/x'),
    '0.4.0' as never,
  );
  expect({ rule, origin, pinned: pin?.source }).toEqual({
    ...{ rule: 'priority', origin: 'mooncakes', pinned: 'mooncakes' },
  });
  expect(because).toContain('mirrored "moonbitlang/*" from it');

  internal.clearFaults();
  await internal.publish('moonbitlang/x@9.0.0');
  await registry.sync();
  expect(await registry.originOf(moduleName('moonbitlang/x'))).toBe('mooncakes');
  expect((await registry.mirror({ patterns: ['moonbitlang/*'] })).decided).toEqual([]);
});

test('what is required besides is downloaded from that listing, decides nothing, and is listed later without another download', async () => {
  const { registry, archives } = await createWorld();
  const first = await registry.mirror({ patterns: ['moonbitlang/*'] });
  expect(first.undecided).toEqual([{ source: 'mooncakes', owner: 'alice', modules: 1, versions: 1 }]);
  expect(archives()).toBe(3);
  expect(await registry.originOf(moduleName('alice/json'))).toBeUndefined();
  expect(first.unsatisfied).toEqual([]);

  await registry.mirror({ patterns: ['alice/*'], strict: true });
  expect(await ids(registry)).toContain('alice/json@1.0.0');
  expect(archives()).toBe(4);
});

test.each([[['*']], [['*/json', 'alice*']]])(
  '%j names no owner: everything is here, nothing is decided',
  async (patterns) => {
    const { registry, internal, archives } = await createWorld();
    const report = await registry.mirror({ patterns, strict: true });
    expect({ decided: report.decided, skipped: report.skipped }).toEqual({ decided: [], skipped: [] });
    expect(await ids(registry)).toEqual([]);
    const downloaded = archives();
    expect(downloaded).toBe(report.sources[0]?.downloaded);
    expect(downloaded).toBeGreaterThan(0);

    internal.clearFaults();
    await registry.sync();
    expect(await ids(registry)).toHaveLength(6);
    await registry.mirror({ patterns, strict: true });
    expect(archives()).toBe(downloaded);
  },
);

test('a dry run says what would be decided and downloaded, and changes nothing', async () => {
  const { registry, archives } = await createWorld();
  const before = await registry.servedCommit();
  const { decided, toDownload } = await registry.mirror({ patterns: ['moonbitlang/*'], dryRun: true });
  expect(decided).toEqual([{ module: 'moonbitlang/x', source: 'mooncakes' }]);
  expect(toDownload).toEqual(['alice/json@1.0.0', 'moonbitlang/x@0.4.0', 'moonbitlang/x@0.5.0']);
  expect([await registry.servedCommit(), archives()]).toEqual([before, 0]);
  expect((await registry.status()).sources.map(({ readAt }) => readAt)).toEqual([undefined, undefined]);
});

test('a claim is never overruled', async () => {
  const { registry } = await createWorld();
  const { directory } = registry.config;
  const claimed = await createWorld();
  await writeSettings(directory, {
    sources: [
      ...claimed.sources.filter(({ name }) => name === 'mooncakes'),
      {
        ...{ name: 'internal', upstream: claimed.internal, priority: 25 },
        namespaces: ['moonbitlang/*'],
      },
    ],
  });
  await registry.reload();
  const { decided, skipped } = await registry.mirror({ patterns: ['moonbitlang/*'] });
  expect(decided).toEqual([]);
  expect(skipped).toMatchObject([{ module: 'moonbitlang/x', kind: 'other-origin', origin: 'internal' }]);
  expect(await ids(registry)).not.toContain('moonbitlang/x@0.4.0');
});

test('other bytes at a source of more trust leave the name open: nothing is decided, nothing is taken', async () => {
  const { registry, mooncakes, internal } = await createWorld();
  const partner = await startUpstream(['alice/json@3.0.0']);
  await partner.publish('moonbitlang/x@0.4.0', { sizeBytes: 3000 });
  await writeSettings(registry.config.directory, {
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'partner', upstream: partner, priority: 50 },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  await registry.reload();
  const report = await registry.mirror({ patterns: ['moonbitlang/*', 'alice/json'] });
  expect(report.skipped).toMatchObject([
    { module: 'moonbitlang/x', kind: 'contradicted', reason: expect.stringContaining('"partner"') },
  ]);
  expect(report.decided).toEqual([{ module: 'alice/json', source: 'mooncakes' }]);
  expect(await ids(registry)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
});

test('a reading that is held back and lists the name is not overruled', async () => {
  const { registry, mooncakes, internal } = await createWorld();
  internal.clearFaults();
  await registry.sync();
  await internal.publish('carol/new@1.0.0');
  await internal.removeIndexFile('user/company/tool.index');
  await mooncakes.publish('carol/new@1.0.0');
  const { refresh, decided } = await registry.mirror({ patterns: ['carol/*'], strict: true });
  expect(refresh.find(({ source }) => source === 'internal')?.outcome).toBe('held');
  expect(decided).toEqual([]);
  expect(await ids(registry)).not.toContain('carol/new@1.0.0');
});

test('what the settings mirror by name is decided as well; of any source, or from another that lacks it, nothing', async () => {
  const { registry, mooncakes } = await createWorld();
  await appendFile(
    registry.config.file,
    `\n[mirror]\npackages = ["moonbitlang/*", { source = "*", pattern = "alice/*" }, "nobody/*", { source = "internal", pattern = "company/*" }]\n`,
  );
  await registry.reload();
  const report = await registry.mirror({ patterns: [] });
  expect(report.decided).toEqual([{ module: 'moonbitlang/x', source: 'mooncakes' }]);
  expect(report.unmatched.map(({ source, pattern }) => `${source} ${pattern}`)).toEqual([
    'mooncakes nobody/*',
    'internal company/*',
  ]);
  expect(report.skipped).toMatchObject([{ module: 'alice/json', kind: 'undecided' }]);
  expect(mooncakes.count('/user/')).toBe(3);
});
