/** A name is given to nobody by accident, and what was served stays where it was: whatever sources and settings do meanwhile. */
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isOpenConflict } from '../src/model/finding.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { SyncReport } from '../src/registry/sync/sync-report.ts';
import { createManualClock } from '../src/support/flow/monotonic-clock.fixture.ts';
import { git } from './support/git-client.ts';
import {
  createRegistry,
  download,
  moduleName,
  type RegistrySettings,
  readServed,
  renderSettings,
  writeSettings,
} from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';
import type { Faults, UpstreamRequest } from './worlds/faults.ts';

type Sources = RegistrySettings['sources'];
type Upstream = Awaited<ReturnType<typeof startUpstream>>;

const unreachable = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
const tool = moduleName('company/tool');
const fresh = moduleName('company/fresh');

/** A public registry and an internal one that is trusted more. */
const two = (open: Upstream, internal: Upstream, more: Partial<Sources[number]> = {}): Sources => [
  { name: 'public', upstream: open, priority: 100 },
  { name: 'internal', upstream: internal, priority: 10, ...more },
];

/** Edits `registry.toml`; returns what the sync that follows reports. */
async function edit(registry: Registry, sources: Sources) {
  await writeSettings(registry.config.directory, { sources });
  await registry.reload();
  return registry.sync();
}

const listed = async (registry: Registry) => Object.keys(await readServed(registry));

async function countStates(registry: Registry): Promise<number> {
  return Number(
    await git(['--git-dir', registry.indexDirectory, 'rev-list', '--count', 'refs/registry/state']),
  );
}

/** These names wait for the internal source, and for nobody's decision. */
function expectHeldBack({ findings, heldBack }: SyncReport, names: readonly string[]): void {
  expect(findings).toEqual([]);
  expect(heldBack).toMatchObject([
    { kind: 'new', names: names.length, examples: names, waitsFor: [{ source: 'internal' }] },
  ]);
}

/** Publishes under a new name what was under an old one, as renaming a module does. */
async function rename(upstream: Upstream, from: string, to: string): Promise<void> {
  await upstream.publish(`${to}@1.0.0`);
  await upstream.removeIndexFile(`user/${from}.index`);
}

describe('a name that a source of more trust may have', () => {
  test.each([
    ['and claims other names', ['org/*']],
    ['and claims nothing', []],
  ])(
    'is nobody’s while the reading that lists it is held back, also of a source that limits itself %s',
    async (_, namespaces) => {
      const open = await startUpstream(['moonbitlang/x@0.4.0']);
      const internal = await startUpstream(['company/old@1.0.0', 'company/keep@1.0.0']);
      const registry = await createRegistry({ sources: two(open, internal, { namespaces }) });
      await registry.sync();
      await rename(internal, 'company/old', 'company/fresh');
      await open.publish('company/fresh@99.0.0');
      const report = await registry.sync();
      expect(report.sources).toMatchObject([{ outcome: 'fresh' }, { outcome: 'held' }]);
      expect(await listed(registry)).toEqual([
        'company/keep@1.0.0',
        'company/old@1.0.0',
        'moonbitlang/x@0.4.0',
      ]);
      expectHeldBack(report, ['company/fresh']);
      expect(await registry.explain(fresh)).toMatchObject({
        rule: 'undecided',
        origin: undefined,
        isServed: false,
      });
      // The second reading agrees with the first.
      const { findings } = await registry.sync();
      expect(findings).toEqual([]);
      expect(await listed(registry)).toEqual([
        'company/fresh@1.0.0',
        'company/keep@1.0.0',
        'moonbitlang/x@0.4.0',
      ]);
    },
  );

  const faults: readonly [string, Partial<Faults>][] = [
    ['answers 503', { status: 503, retryAfter: '0' }],
    ['is down', { down: true }],
    ['refuses our credentials', { status: 401 }],
    ['sends a web page', { html: true }],
    ['has no repository any more', { status: 404 }],
  ];
  test.each(faults)('is undecided while that source %s, and its own once it answers', async (_, fault) => {
    const open = await startUpstream(['moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    Object.assign(internal.faults, fault);
    const { checksum } = await internal.publish('company/fresh@1.0.0', { sizeBytes: 4000 });
    await open.publish('company/fresh@1.0.0');
    await open.publish('moonbitlang/x@0.4.1');
    const report = await registry.sync();
    expectHeldBack(report, ['company/fresh']);
    expect(await listed(registry)).toEqual([
      'company/keep@1.0.0',
      'moonbitlang/x@0.4.0',
      'moonbitlang/x@0.4.1',
    ]);
    // Nobody can tell is not the same as nobody has it.
    expect(await download(registry, 'company/fresh@1.0.0')).toMatch(/^unavailable: /);
    internal.clearFaults();
    expect((await registry.sync()).findings).toEqual([]);
    expect((await readServed(registry))['company/fresh@1.0.0']).toBe(checksum);
    expect(await registry.originOf(fresh)).toBe('internal');
    expect(await download(registry, 'company/none@1.0.0')).toBe('absent');
  });

  test('is decided as soon as that source turns out not to have it, though nothing changed at either', async () => {
    const open = await startUpstream(['moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    internal.faults.down = true;
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    await registry.sync();
    expect(await listed(registry)).toEqual([]);
    internal.faults.down = false;
    await registry.sync();
    expect(await listed(registry)).toEqual(['company/keep@1.0.0', 'moonbitlang/x@0.4.0']);
    await open.publish('alice/new@1.0.0');
    await registry.sync();
    expect(await listed(registry)).toContain('alice/new@1.0.0');
  });

  test('waits together with all others for one source, and is told of with their number', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `alice/m${String(i).padStart(2, '0')}`);
    const open = await startUpstream(names.map((name) => `${name}@1.0.0`));
    const internal = await startUpstream(['company/keep@1.0.0']);
    internal.faults.down = true;
    const registry = await createRegistry({ sources: two(open, internal) });
    const { findings, heldBack } = await registry.sync();
    expect(findings).toEqual([]);
    expect(heldBack).toMatchObject([
      {
        ...{ kind: 'new', names: 30, owners: [{ owner: 'alice', names: 30 }], examples: names.slice(0, 10) },
        waitsFor: [{ source: 'internal', failureClass: 'connection', claims: false }],
      },
    ]);
    const before = await countStates(registry);
    await registry.sync();
    expect(await countStates(registry)).toBe(before);
  });

  test('is held back by a source that claims names only if it claims it, unless the operator wants more', async () => {
    const open = await startUpstream(['moonbitlang/x@0.4.0', 'company/other@99.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    internal.faults.down = true;
    const namespaces = ['company/*'];
    const registry = await createRegistry({ sources: two(open, internal, { namespaces }) });
    await registry.sync();
    expect(await listed(registry)).toEqual(['moonbitlang/x@0.4.0']);
    await edit(registry, two(open, internal, { namespaces, lines: 'holds_new_names = "all"' }));
    await open.publish('alice/new@1.0.0');
    expectHeldBack(await registry.sync(), ['alice/new']);
    expect(await listed(registry)).toEqual(['moonbitlang/x@0.4.0']);
    internal.faults.down = false;
    await registry.sync();
    expect(await listed(registry)).toEqual(['alice/new@1.0.0', 'company/tool@1.0.0', 'moonbitlang/x@0.4.0']);
  });

  test('is not given away by an edit, only by the sync that follows', async () => {
    const open = await startUpstream(['moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const limited = { include: ['other/*'] };
    const registry = await createRegistry({ sources: two(open, internal, limited) });
    await registry.sync();
    expect(await listed(registry)).toEqual(['moonbitlang/x@0.4.0']);
    await writeSettings(registry.config.directory, { sources: two(open, internal) });
    await registry.reload();
    const report = await registry.reaggregate();
    expect(report.changes).toEqual([]);
    expect(await listed(registry)).toEqual(['moonbitlang/x@0.4.0']);
    await registry.sync();
    expect(await listed(registry)).toEqual(['company/keep@1.0.0', 'moonbitlang/x@0.4.0']);
  });

  test('waits after an edit for nothing but a sync, and nobody is told that a source was not read', async () => {
    const open = await startUpstream(['moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const [low, high] = two(open, internal);
    if (!low || !high) throw new TypeError('there are two');
    const registry = await createRegistry({ sources: [{ ...low, include: ['other/*'] }, high] });
    await registry.sync();
    await writeSettings(registry.config.directory, { sources: [low, high] });
    await registry.reload();
    const report = await registry.reaggregate();
    expect(report.findings).toEqual([]);
    expect(report.heldBack).toMatchObject([{ names: 1, waitsFor: [] }]);
    expect(await listed(registry)).toEqual(['company/keep@1.0.0']);
    await registry.sync();
    expect(await listed(registry)).toEqual(['company/keep@1.0.0', 'moonbitlang/x@0.4.0']);
  });

  test('of a slow source is decided in the same sync, when that source has answered', async () => {
    const open = await startUpstream(['alice/m@1.0.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const clock = createManualClock();
    const connections = { clock, http: { retry: { sleep: async () => {} } } };
    const registry = await createRegistry({ sources: two(open, internal), connections });
    await registry.sync();
    await open.publish('alice/m@1.1.0');
    await open.publish('alice/new@1.0.0');
    await open.publish('company/fresh@99.0.0');
    await internal.publish('company/fresh@1.0.0');
    internal.resetCounts();
    Object.assign(internal.faults, { blackHole: true, times: 1 });
    const syncing = registry.sync();
    await expect.poll(() => internal.count()).toBe(1);
    await clock.advance(15_000);
    await expect.poll(() => listed(registry), { timeout: 20_000 }).toContain('alice/m@1.1.0');
    // What was known goes on; what is new waits.
    expect(await listed(registry)).toEqual(['alice/m@1.0.0', 'alice/m@1.1.0', 'company/keep@1.0.0']);
    await internal.stopListening();
    await internal.listenAgain();
    const report = await syncing;
    expect(report.sources).toMatchObject([{ outcome: 'fresh' }, { outcome: 'fresh' }]);
    expect(report.findings).toEqual([]);
    expect(await listed(registry)).toEqual([
      ...['alice/m@1.0.0', 'alice/m@1.1.0', 'alice/new@1.0.0', 'company/fresh@1.0.0', 'company/keep@1.0.0'],
    ]);
  });

  test('waits on when the address of a source that was read is edited between the rounds of a sync', async () => {
    const open = await startUpstream(['alice/m@1.0.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const clock = createManualClock();
    const connections = { clock, http: { retry: { sleep: async () => {} } } };
    const registry = await createRegistry({ sources: two(open, internal), connections });
    await registry.sync();
    await open.publish('company/fresh@99.0.0');
    await internal.publish('company/keep@1.1.0');
    open.resetCounts();
    Object.assign(open.faults, { blackHole: true, times: 1 });
    const syncing = registry.sync();
    await expect.poll(() => open.count()).toBe(1);
    await clock.advance(15_000);
    await expect.poll(() => listed(registry), { timeout: 20_000 }).toContain('company/keep@1.1.0');
    const sources = two(open, { ...internal, ...unreachable });
    await writeFile(join(registry.config.directory, 'registry.toml'), renderSettings({ sources }));
    await open.stopListening();
    await open.listenAgain();
    expectHeldBack(await syncing, ['company/fresh']);
    expect(await listed(registry)).toEqual(['alice/m@1.0.0', 'company/keep@1.0.0', 'company/keep@1.1.0']);
  });

  test('is decided sooner by the operator, and by nobody else', async () => {
    const open = await startUpstream(['alice/new@1.0.0', 'alice/other@1.0.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    internal.faults.down = true;
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    const { decisions } = await registry.ruleOnConflict({
      ...{ action: 'accept-origin', module: moduleName('alice/new'), origin: 'public' },
      ...{ checksums: new Map(), requirements: new Map() },
    });
    expect(decisions).toMatchObject([{ action: 'accept-origin', module: 'alice/new', to: 'public' }]);
    expect(await listed(registry)).toEqual(['alice/new@1.0.0']);
    expectHeldBack(await registry.sync(), ['alice/other']);
    // What was decided stays decided.
    internal.faults.down = false;
    await internal.publish('alice/new@1.0.0');
    await registry.sync();
    expect(await registry.originOf(moduleName('alice/new'))).toBe('public');
  });
});

test('a source that comes and goes again and again leaves no trace in the history of the state', async () => {
  const open = await startUpstream(['moonbitlang/x@0.4.0']);
  const internal = await startUpstream(['company/tool@1.0.0']);
  const registry = await createRegistry({ sources: two(open, internal) });
  await registry.sync();
  const before = await countStates(registry);
  for (let flap = 0; flap < 20; flap++) {
    internal.faults.down = !internal.faults.down;
    const { sources, findings } = await registry.sync();
    expect(sources[1]?.outcome).toBe(internal.faults.down ? 'stale' : 'unchanged');
    expect(findings).toEqual([]);
  }
  expect(await countStates(registry)).toBe(before);
});

describe('a source whose address changes', () => {
  async function createWorld(more: Partial<Sources[number]> = {}) {
    const open = await startUpstream(['company/tool@99.0.0', 'moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal, more) });
    await registry.sync();
    const at = (upstream: Sources[number]['upstream']) => two(open, { ...internal, ...upstream }, more);
    return { open, internal, registry, at };
  }

  test.each([
    ['edited', false, []],
    ['edited, of a source that claims its names', false, ['company/*']],
    ['removed, and added again', true, []],
  ])('and cannot be read there goes on with what it has given: %s', async (_, isRemoved, namespaces) => {
    const { open, registry, at } = await createWorld({ namespaces });
    const before = await readServed(registry);
    if (isRemoved) {
      await writeSettings(registry.config.directory, { sources: at(unreachable).slice(0, 1) });
      await registry.reload();
      await registry.reaggregate();
    }
    await open.publish('company/fresh@99.0.0');
    const report = await edit(registry, at(unreachable));
    expect(report.sources).toMatchObject([{ outcome: 'fresh' }, { source: 'internal', outcome: 'stale' }]);
    expect(await readServed(registry)).toEqual(before);
    expect(await registry.originOf(tool)).toBe('internal');
    if (namespaces.length > 0) return;
    expectHeldBack(report, ['company/fresh']);
  });

  test('lists from then on what is there, and new names wait for that', async () => {
    const { open, registry, at } = await createWorld();
    const moved = await startUpstream(['company/tool@1.0.0', 'company/tool@1.1.0', 'company/fresh@1.0.0']);
    moved.faults.down = true;
    await open.publish('company/fresh@99.0.0');
    await edit(registry, at(moved));
    expect(await listed(registry)).toEqual(['company/tool@1.0.0', 'moonbitlang/x@0.4.0']);
    moved.faults.down = false;
    expect((await registry.sync()).findings).toEqual([]);
    expect(await listed(registry)).toEqual([
      ...['company/fresh@1.0.0', 'company/tool@1.0.0', 'company/tool@1.1.0', 'moonbitlang/x@0.4.0'],
    ]);
  });

  test('while it is being read was read nowhere: the reading belongs to the old one', async () => {
    const { open, internal, registry, at } = await createWorld();
    await open.publish('company/fresh@99.0.0');
    await internal.publish('company/tool@2.0.0');
    let edits = 0;
    internal.faults.only = (_: UpstreamRequest) => {
      const file = join(registry.config.directory, 'registry.toml');
      if (edits++ === 0) writeFileSync(file, renderSettings({ sources: at(unreachable) }));
      return false;
    };
    const report = await registry.sync();
    expect(edits).toBeGreaterThan(0);
    expect(report.sources).toMatchObject([
      { outcome: 'fresh' },
      { source: 'internal', outcome: 'stale', detail: expect.stringContaining('address was changed') },
    ]);
    expectHeldBack(report, ['company/fresh']);
    expect(await listed(registry)).toEqual(['company/tool@1.0.0', 'moonbitlang/x@0.4.0']);
  });

  test('to what lists other bytes for what was served keeps what was served', async () => {
    const { registry, at } = await createWorld();
    const before = await readServed(registry);
    const other = await startUpstream();
    await other.publish('company/tool@1.0.0', { sizeBytes: 9000 });
    const report = await edit(registry, at(other));
    expect(report.findings).toMatchObject([
      { kind: 'checksum-conflict', module: 'company/tool', version: '1.0.0' },
    ]);
    expect(await readServed(registry)).toEqual(before);
  });
});

describe('a source under another name', () => {
  const named = (name: string, upstream: Upstream, more: Partial<Sources[number]> = {}): Sources[number] => ({
    ...{ name, upstream, priority: 10, ...more },
  });

  test.each([
    ['that answers', false],
    ['that is down just then', true],
  ])('at the same address is the same source: one %s', async (_, isDown) => {
    const open = await startUpstream(['company/tool@99.0.0', 'moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/tool@1.0.0', 'company/b@1.0.0']);
    const low = { name: 'public', upstream: open, priority: 100 };
    const registry = await createRegistry({ sources: [low, named('internal', internal)] });
    await registry.mirror({ patterns: ['company/b'], source: 'internal' });
    const before = await readServed(registry);
    internal.faults.down = isDown;
    const report = await edit(registry, [low, named('company-registry', internal)]);
    expect(report.changes).toEqual([]);
    expect(report.findings).toEqual([]);
    expect(await readServed(registry)).toEqual(before);
    expect(await registry.originOf(tool)).toBe('company-registry');
    expect((await registry.explain(tool)).sources.map(({ source }) => source)).toEqual([
      'company-registry',
      'public',
    ]);
    internal.faults.down = false;
    await internal.publish('company/tool@1.1.0');
    await registry.sync();
    expect(await listed(registry)).toContain('company/tool@1.1.0');
    const verified = await registry.verify({ deep: true });
    expect(verified.filter(({ outcome }) => outcome !== 'sound')).toEqual([]);
  });

  test('takes what waits for a decision along', async () => {
    const open = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const low = { name: 'public', upstream: open, priority: 100 };
    const registry = await createRegistry({ sources: [low, named('internal', internal)] });
    await registry.sync();
    await internal.publish('alice/json@1.0.0');
    await registry.sync();
    const { findings } = await edit(registry, [low, named('renamed', internal)]);
    expect(findings).toMatchObject([{ kind: 'origin-conflict', source: 'renamed', origin: 'public' }]);
  });

  test('leaves kept what the operator keeps', async () => {
    const open = await startUpstream(['bob/x@1.0.0']);
    const internal = await startUpstream(['maria/parser@0.1.0']);
    const low = { name: 'public', upstream: open, priority: 100 };
    const registry = await createRegistry({ sources: [low, named('internal', internal)] });
    await registry.sync();
    await internal.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    await internal.publish('bob/x@1.0.0');
    await registry.sync();
    for (const module of ['maria/parser', 'bob/x'])
      await registry.ruleOnConflict({ action: 'keep', module: moduleName(module), version: undefined });
    const { findings } = await edit(registry, [low, named('renamed', internal)]);
    expect(findings.map(({ kind, module, source }) => [kind, module, source])).toEqual([
      ['origin-conflict', 'bob/x', 'renamed'],
      ['checksum-conflict', 'maria/parser', 'renamed'],
    ]);
    expect(findings.filter(isOpenConflict)).toEqual([]);
  });

  test.each<[string, (open: Upstream, internal: Upstream) => Sources, Record<string, string>]>([
    [
      'as does another one whose name it gets',
      (open, internal) => [
        { name: 'public', upstream: internal, priority: 10 },
        { name: 'internal', upstream: open, priority: 100 },
      ],
      { tool: 'public', json: 'internal' },
    ],
    [
      'while its own is passed on',
      (open, internal) => [
        { name: 'internal', upstream: open, priority: 100 },
        { name: 'acme', upstream: internal, priority: 10 },
      ],
      { tool: 'acme', json: 'internal' },
    ],
    [
      'which it was removed from, and keeps what was served under it',
      (open) => [{ name: 'internal', upstream: open, priority: 100 }],
      { tool: 'internal.former', json: 'internal' },
    ],
  ])('keeps what is recorded for it %s', async (_, sources, origins) => {
    const open = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    for (const source of ['public', 'internal']) await registry.mirror({ patterns: ['*/*'], source });
    const before = await readServed(registry);
    await open.publish('company/tool@9.9.9');
    await edit(registry, sources(open, internal));
    for (let round = 0; round < 2; round++) {
      expect(await readServed(registry)).toEqual(before);
      expect(await registry.originOf(tool)).toBe(origins.tool);
      expect(await registry.originOf(moduleName('alice/json'))).toBe(origins.json);
      await registry.sync();
    }
    const steps = await registry.verify({ deep: true });
    expect(steps.filter(({ outcome }) => outcome !== 'sound')).toEqual([]);
  });

  test('is told from a copy that is added, and from two that share an address', async () => {
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createRegistry({ sources: [named('internal', internal)] });
    await registry.sync();
    await edit(registry, [named('internal', internal), named('copy', internal, { priority: 20 })]);
    expect(await registry.originOf(tool)).toBe('internal');
    // Which of the two is the old one nobody can say: the operator decides.
    await edit(registry, [named('a', internal, { priority: 20 }), named('b', internal, { priority: 30 })]);
    expect(await registry.originOf(tool)).toBe('internal');
  });
});

describe('a partner of more trust that aggregates', () => {
  const names = Array.from({ length: 23 }, (_, i) => `moonbitlang/m${String(i).padStart(2, '0')}`);
  const all = names.map((name) => `${name}@1.0.0`);

  async function createWorld() {
    const open = await startUpstream(all);
    const partner = await startUpstream(['partner/own@1.0.0', ...all]);
    const low = { name: 'public', upstream: open, priority: 100 };
    const high = { name: 'partner', upstream: partner, priority: 50 };
    const registry = await createRegistry({ sources: [low] });
    await registry.sync();
    const report = await edit(registry, [low, high]);
    return { open, partner, low, high, registry, report };
  }

  test('takes no module along, and is one finding with their number', async () => {
    const { registry, partner, report } = await createWorld();
    expect(report.changes).toMatchObject([{ kind: 'added', module: 'partner/own' }]);
    expect(report.findings).toMatchObject([
      {
        kind: 'origin-conflict',
        source: 'partner',
        origin: 'public',
        count: 23,
        module: names[0],
        modules: names.slice(0, 10),
      },
    ]);
    expect(await registry.conflicts()).toHaveLength(1);
    await partner.publish(`${names[3]}@99.0.0`);
    await registry.sync();
    expect(await listed(registry)).toEqual([...all, 'partner/own@1.0.0']);
    for (const name of names) expect(await registry.originOf(moduleName(name))).toBe('public');
  });

  test('keeps what they both have in the index when the origin is disabled or removed, and brings nothing new', async () => {
    const { registry, open, partner, low, high } = await createWorld();
    await open.publish(`${names[0]}@1.1.0`);
    await registry.sync();
    for (const sources of [[{ ...low, enabled: false }, high], [high]]) {
      open.resetCounts();
      await partner.publish(`${names[1]}@99.${sources.length}.0`);
      await edit(registry, sources);
      // The one version that only the origin had cannot be had any more.
      expect(await listed(registry)).toEqual([...all, 'partner/own@1.0.0']);
      expect(await registry.originOf(moduleName(names[0] ?? ''))).toBe('public');
      expect(open.requests).toEqual([]);
    }
    const served = await readServed(registry);
    for (const id of all.slice(0, 3)) expect(await download(registry, id)).toBe(served[id]);
    expect(open.requests).toEqual([]);
    await edit(registry, [low, high]);
    expect(await listed(registry)).toEqual([
      ...[`${names[0]}@1.0.0`, `${names[0]}@1.1.0`, ...all.slice(1)],
      'partner/own@1.0.0',
    ]);
  });

  test('gets what the operator gives it, all that would change nothing, and the others are named', async () => {
    const { registry, partner } = await createWorld();
    await partner.publish(`${names[22]}@1.0.0`, { sizeBytes: 9000 });
    await registry.sync();
    const before = await readServed(registry);
    const { decisions, skipped } = await registry.ruleOnConflict({
      action: 'accept-origins',
      pattern: 'moonbitlang/*',
      origin: 'partner',
    });
    expect(decisions.map(({ module }) => module)).toEqual(names.slice(0, 22));
    expect(skipped).toMatchObject([
      { module: names[22], reason: expect.stringContaining('1 served version') },
    ]);
    expect(await readServed(registry)).toEqual(before);
    expect(await registry.originOf(moduleName(names[0] ?? ''))).toBe('partner');
    expect(await registry.originOf(moduleName(names[22] ?? ''))).toBe('public');
    expect((await registry.sync()).changes).toEqual([]);
  });

  test('is one conflict less for each module that the operator keeps where it is', async () => {
    const { registry } = await createWorld();
    for (const kept of [names[3], names[20]])
      await registry.ruleOnConflict({ action: 'keep', module: moduleName(kept ?? ''), version: undefined });
    const open = (await registry.conflicts()).filter(isOpenConflict);
    expect(open).toMatchObject([{ kind: 'origin-conflict', source: 'partner', count: 21 }]);
    expect(open.flatMap((one) => (one.kind === 'origin-conflict' ? one.modules : []))).not.toContain(
      names[3],
    );
    expect((await registry.sync()).findings.filter(isOpenConflict)).toEqual([
      expect.objectContaining({ count: 21 }),
    ]);
  });

  test('leaves no finding behind when it is removed', async () => {
    const { registry, low, partner } = await createWorld();
    await partner.publish(`${names[22]}@1.0.0`, { sizeBytes: 9000 });
    await partner.writeIndexFile('user/partner/odd.index', 'not JSON\n');
    expect((await registry.sync()).findings.map(({ kind }) => kind).sort()).toEqual([
      ...['broken-file', 'origin-conflict', 'origin-conflict'],
    ]);
    const report = await edit(registry, [low]);
    expect(report.findings).toEqual([]);
    expect(await registry.conflicts()).toEqual([]);
    expect(await listed(registry)).toEqual(all);
  });
});

describe('names that look alike', () => {
  const claiming = { namespaces: ['Company/*'] };

  test.each([
    ['the other letter case', 'company/tool'],
    ['all capitals', 'COMPANY/TOOL'],
    ['a character that nobody sees', 'Comp\u00adany/tool'],
  ])('are those of a claim, too: %s of another source is not listed', async (_, name) => {
    const open = await startUpstream([`${name}@99.0.0`, 'moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['Company/tool@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal, claiming) });
    const report = await registry.sync();
    expect(await listed(registry)).toEqual(['Company/tool@1.0.0', 'moonbitlang/x@0.4.0']);
    expect(report.findings).toMatchObject([{ kind: 'look-alike', module: name, source: 'public' }]);
    expect(await download(registry, `${name}@99.0.0`)).toBe('absent');
  });

  test('give way to the one of more trust, whichever came first, and their pins stay', async () => {
    const open = await startUpstream(['Company/Tool@1.0.0', 'moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    const { 'Company/Tool@1.0.0': checksum } = await readServed(registry);
    await internal.publish('company/tool@1.0.0', { sizeBytes: 6000 });
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'look-alike', module: 'Company/Tool', source: 'public' }]);
    expect(await listed(registry)).toEqual([
      'company/keep@1.0.0',
      'company/tool@1.0.0',
      'moonbitlang/x@0.4.0',
    ]);
    // Whatever it publishes meanwhile, and however often everything is planned again.
    await open.publish('Company/Tool@1.1.0');
    await registry.sync();
    await edit(registry, two(open, internal, { exclude: ['other/*'] }));
    expect(await listed(registry)).toEqual([
      'company/keep@1.0.0',
      'company/tool@1.0.0',
      'moonbitlang/x@0.4.0',
    ]);

    await open.publish('Company/Tool@1.0.0', { sizeBytes: 9000 });
    await registry.sync();
    await registry.ruleOnConflict({ action: 'accept-name', module: moduleName('Company/Tool') });
    await registry.sync();
    // The line that was served is gone, and other bytes never take its place; what is new comes.
    expect(await listed(registry)).toEqual([
      ...['Company/Tool@1.1.0', 'company/keep@1.0.0', 'company/tool@1.0.0', 'moonbitlang/x@0.4.0'],
    ]);
    expect(await registry.conflicts()).toMatchObject([{ kind: 'checksum-conflict', pinned: checksum }]);
  });

  test('of which the lesser one comes later is not listed at all until the operator says so', async () => {
    const open = await startUpstream(['moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['keys/a@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    // The sign for kelvin, which folds to k.
    const name = moduleName('\u212aeys/a');
    await open.publish(`${name}@1.0.0`);
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'look-alike', module: name, source: 'public' }]);
    expect(await listed(registry)).toEqual(['keys/a@1.0.0', 'moonbitlang/x@0.4.0']);
    expect(await registry.originOf(name)).toBeUndefined();
    await registry.ruleOnConflict({ action: 'accept-name', module: name });
    await registry.sync();
    expect(await listed(registry)).toEqual(['keys/a@1.0.0', 'moonbitlang/x@0.4.0', `${name}@1.0.0`]);
    expect(await registry.conflicts()).toEqual([]);
  });

  test('of a claim are listed when the operator says so', async () => {
    const open = await startUpstream(['company/tool@1.0.0']);
    const internal = await startUpstream(['Company/tool@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal, claiming) });
    await registry.sync();
    expect(await listed(registry)).toEqual(['Company/tool@1.0.0']);
    await registry.ruleOnConflict({ action: 'accept-name', module: tool });
    await registry.sync();
    expect(await listed(registry)).toEqual(['Company/tool@1.0.0', 'company/tool@1.0.0']);
    expect(await registry.originOf(tool)).toBe('public');
  });

  test('stay unlisted although more is found than is told', async () => {
    const open = await startUpstream(['Company/A@1.0.0', 'Company/B@1.0.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const [low, high] = two(open, internal);
    if (!low || !high) throw new TypeError('there are two');
    const sources = [{ ...low, lines: 'limits = { findings = 1 }' }, high];
    const registry = await createRegistry({ sources });
    await registry.sync();
    await internal.publish('company/a@1.0.0');
    await internal.publish('company/b@1.0.0');
    await registry.sync();
    const before = ['company/a@1.0.0', 'company/b@1.0.0', 'company/keep@1.0.0'];
    expect(await listed(registry)).toEqual(before);
    await open.publish('Company/A@1.1.0');
    await open.publish('Company/B@1.1.0');
    await registry.sync();
    expect(await listed(registry)).toEqual(before);
  });

  test('stay unlisted although the lesser source was removed, and nothing is told of it any more', async () => {
    const open = await startUpstream(['Company/A@1.0.0', 'bob/x@1.0.0']);
    const internal = await startUpstream(['company/keep@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.mirror({ patterns: ['*'], source: 'public' });
    await internal.publish('company/a@1.0.0');
    await registry.sync();
    await edit(registry, two(open, internal).slice(1));
    const before = ['bob/x@1.0.0', 'company/a@1.0.0', 'company/keep@1.0.0'];
    expect(await listed(registry)).toEqual(before);
    await internal.publish('Company/A@1.0.0');
    await registry.sync();
    expect(await listed(registry)).toEqual(before);
  });

  test('of equally trusted sources give way to the one that was seen first', async () => {
    const open = await startUpstream(['alice/json@1.0.0']);
    const other = await startUpstream(['bob/x@1.0.0']);
    const sources = [
      { name: 'other', upstream: other, priority: 50 },
      { name: 'public', upstream: open, priority: 50 },
    ];
    const registry = await createRegistry({ sources });
    await registry.sync();
    await other.publish('Alice/JSON@1.0.0');
    const { findings } = await registry.sync();
    expect(findings).toMatchObject([{ kind: 'look-alike', module: 'Alice/JSON', source: 'other' }]);
    expect(await listed(registry)).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0']);
  });

  test('of one source pass, as the official index has such a pair', async () => {
    const open = await startUpstream([
      'alice/json@1.0.0',
      'Alice/json@1.0.0',
      'caf\u00e9/x@1.0.0',
      'cafe\u0301/x@1.0.0',
    ]);
    const registry = await createRegistry({ sources: [{ name: 'public', upstream: open }] });
    const { findings } = await registry.sync();
    expect(findings).toEqual([]);
    expect(await listed(registry)).toHaveLength(4);
  });
});

describe('an explanation', () => {
  test('says how a tie of two equal numbers is broken', async () => {
    const [a, b] = [await startUpstream(['alice/json@1.0.0']), await startUpstream(['alice/json@1.0.0'])];
    const registry = await createRegistry({
      sources: [
        { name: 'first', upstream: a, priority: 50 },
        { name: 'second', upstream: b, priority: 50 },
      ],
    });
    await registry.sync();
    const { origin, because } = await registry.explain(moduleName('alice/json'));
    expect(origin).toBe('first');
    expect(because).toContain('stands first in registry.toml');
    expect(because).toContain('"first", "second"');
  });

  test('says nothing of a tie where there is none', async () => {
    const [a, b] = [await startUpstream(['alice/json@1.0.0']), await startUpstream(['alice/json@1.0.0'])];
    const registry = await createRegistry({
      sources: [
        { name: 'first', upstream: a, priority: 50 },
        { name: 'second', upstream: b, priority: 60 },
      ],
    });
    await registry.sync();
    expect((await registry.explain(moduleName('alice/json'))).because).not.toContain('equal');
  });

  test('of a module that others list, too, says that it moves only where it is claimed', async () => {
    const open = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createRegistry({ sources: two(open, internal) });
    await registry.sync();
    await internal.publish('alice/json@1.0.0');
    await registry.sync();
    const { origin, rule, because } = await registry.explain(moduleName('alice/json'));
    expect([origin, rule]).toEqual(['public', 'held']);
    expect(because).toContain('only to a source that claims its name');
    const { decisions } = await registry.ruleOnConflict({
      ...{ action: 'keep', module: moduleName('alice/json'), version: undefined },
    });
    expect(decisions).toHaveLength(1);
    expect((await registry.sync()).findings.filter(isOpenConflict)).toEqual([]);
  });
});

describe('a claim on a module that is served', () => {
  const spoilt: readonly [string, (file: string) => string][] = [
    ['is a web page', () => '<!doctype html>\n'],
    ['is empty', () => ''],
    ['has more lines than it may', (file) => `${file}${'{}\n'.repeat(20_000)}`],
    ['has a line that cannot be read where a served version was', (file) => file.replace('{', '[')],
  ];

  test.each(spoilt)('takes nothing over while the claimant’s file %s', async (_, spoil) => {
    const ids = ['company/tool@1.0.0', 'company/tool@1.1.0'];
    const [open, internal] = [await startUpstream(ids), await startUpstream(ids)];
    const registry = await createRegistry({ sources: two(open, internal).slice(0, 1) });
    await registry.sync();
    const before = await readServed(registry);
    const file = internal.index.read('user/company/tool.index')?.toString() ?? '';
    await internal.writeIndexFile('user/company/tool.index', spoil(file));
    await edit(registry, two(open, internal, { namespaces: ['company/*'] }));
    expect(await readServed(registry)).toEqual(before);
    await internal.writeIndexFile('user/company/tool.index', file);
    await registry.sync();
    expect(await readServed(registry)).toEqual(before);
    expect(await registry.originOf(tool)).toBe('internal');
  });
});

test('what a contender would change is told also of a version that both publish at once', async () => {
  const open = await startUpstream(['alice/json@1.0.0']);
  const internal = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: two(open, internal).slice(0, 1) });
  await registry.sync();
  await edit(registry, two(open, internal));
  await open.publish('alice/json@1.1.0');
  const { checksum } = await internal.publish('alice/json@1.1.0', { sizeBytes: 5000 });
  const { findings } = await registry.sync();
  expect(findings).toMatchObject([
    { kind: 'origin-conflict', source: 'internal', changes: [{ version: '1.1.0', offered: checksum }] },
  ]);
});
