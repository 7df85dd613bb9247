/** Mirroring by name decides undecided names, and nothing else. */
import { appendFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  writeSettings,
} from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { Registry } from '../registry.ts';

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
  const { rule, because, decidedBy, origin, pin } = await registry.explain(
    moduleName('moonbitlang/x'),
    '0.4.0' as never,
  );
  expect({ rule, origin, pinned: pin?.source }).toEqual({
    ...{ rule: 'priority', origin: 'mooncakes', pinned: 'mooncakes' },
  });
  expect(because).toContain('until the operator mirrored "moonbitlang/*" from it (');
  expect(decidedBy).toBe('tester');

  internal.clearFaults();
  await internal.publish('moonbitlang/x@9.0.0');
  await registry.sync();
  expect(await registry.originOf(moduleName('moonbitlang/x'))).toBe('mooncakes');
  expect((await registry.mirror({ patterns: ['moonbitlang/*'] })).decided).toEqual([]);
});

test('what is required besides is downloaded from that listing, decides nothing, and is listed later without another download', async () => {
  const { registry, archives } = await createWorld();
  const first = await registry.mirror({ patterns: ['moonbitlang/*'] });
  expect(first.undecided).toEqual([
    {
      ...{ source: 'mooncakes', owner: 'alice', versions: 1 },
      ...{ modules: ['alice/json'], requiredBy: ['moonbitlang/x'] },
    },
  ]);
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
  const partner = await startUpstream(['bob/other@1.0.0']);
  await partner.publish('moonbitlang/x@0.4.0', { sizeBytes: 3000 });
  await writeSettings(registry.config.directory, {
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'partner', upstream: partner, priority: 50 },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  await registry.reload();
  const report = await registry.mirror({ patterns: ['moonbitlang/*', 'bob/other'] });
  expect(report.skipped).toMatchObject([
    { module: 'moonbitlang/x', kind: 'contradicted', reason: expect.stringContaining('"partner"') },
  ]);
  // Who lists the very same keeps nobody from deciding.
  expect(report.decided).toEqual([{ module: 'bob/other', source: 'mooncakes' }]);
  expect(await ids(registry)).toEqual(['bob/other@1.0.0']);
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

/** `mooncakes` (100), `internal` (25), which is read and lists the name too, and a third source (10) that is down. */
async function createContested(publish: {
  readonly mooncakes: (upstream: Upstream) => Promise<unknown>;
  readonly internal: (upstream: Upstream) => Promise<unknown>;
}) {
  const [mooncakes, internal, third] = [
    await startUpstream(),
    await startUpstream(),
    await startUpstream(['zed/z@1.0.0']),
  ];
  third.faults.status = 503;
  await publish.mooncakes(mooncakes);
  await publish.internal(internal);
  const registry = await createRegistry({
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100 },
      { name: 'internal', upstream: internal, priority: 25 },
      { name: 'third', upstream: third, priority: 10 },
    ],
  });
  return { registry, mooncakes, internal };
}

type Upstream = Awaited<ReturnType<typeof startUpstream>>;

test.each<[string, (upstream: Upstream) => Promise<unknown>]>([
  ['other versions alone', (internal) => internal.publish('company/tool@1.0.0')],
  [
    'a version more',
    async (internal) => {
      await internal.publish('company/tool@9.9.9');
      await internal.publish('company/tool@10.0.0');
    },
  ],
  [
    'other requirements of the same bytes',
    async (internal) => {
      const { checksum } = await internal.publish('company/tool@9.9.9');
      await internal.writeIndexFile(
        'user/company/tool.index',
        `${JSON.stringify({ name: 'company/tool', version: '9.9.9', checksum, deps: { 'evil/dep': '1.0.0' } })}\n`,
      );
    },
  ],
  [
    'a line that cannot be read',
    async (internal) => {
      await internal.publish('company/tool@9.9.9');
      await internal.writeIndexFile('user/company/tool.index', '{"version":"9.9.9","checksum"\n');
    },
  ],
])(
  'a source of more trust that was read, and lists the name with %s, keeps it from being given away',
  async (_, list) => {
    const { registry } = await createContested({
      mooncakes: (upstream) => upstream.publish('company/tool@9.9.9'),
      internal: list,
    });
    const { decided, skipped } = await registry.mirror({ patterns: ['company/*'] });
    expect({ decided, skipped }).toMatchObject({
      decided: [],
      skipped: [
        { kind: 'contradicted', reason: '"internal", which is trusted more, lists it too, and not the same' },
      ],
    });
    expect(await registry.originOf(moduleName('company/tool'))).toBeUndefined();
  },
);

test('a source that could not be read now is given no name', async () => {
  const { registry, mooncakes } = await createWorld();
  await registry.sync();
  mooncakes.faults.status = 503;
  const { decided, skipped } = await registry.mirror({ patterns: ['moonbitlang/*'] });
  expect({ decided, skipped }).toMatchObject({
    decided: [],
    skipped: [{ module: 'moonbitlang/x', reason: '"mooncakes" could not be read now' }],
  });
});

test('a name that looks like one of another origin is not decided, and running it again says the same', async () => {
  const { registry, mooncakes, internal } = await createWorld();
  internal.clearFaults();
  await registry.sync();
  internal.faults.status = 503;
  await mooncakes.publish('Company/tool@1.0.0');
  for (let run = 0; run < 2; run++) {
    const { decided, skipped, undecided } = await registry.mirror({ patterns: ['Company/*'] });
    expect({ decided, undecided }).toEqual({ decided: [], undecided: [] });
    expect(skipped).toMatchObject([
      { module: 'Company/tool', reason: 'it looks like company/tool, which comes from "internal"' },
    ]);
  }
});

test.each([[['alice/json@9.9.9']], [['bob/other']]])(
  'of %j nothing comes, so nothing is decided',
  async (patterns) => {
    const { registry, mooncakes } = await createWorld();
    mooncakes.withdrawArchive('bob/other@1.0.0');
    const { decided, skipped, failed } = await registry.mirror({ patterns });
    expect(decided).toEqual([]);
    expect(skipped.length + failed.length).toBe(1);
    expect(await ids(registry)).toEqual([]);
  },
);
