/** The rules of the design, each with the world in which breaking it would show. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Checksum } from '../src/model/checksum.ts';
import { isConflict, lineOf } from '../src/model/finding.ts';
import {
  createRegistry,
  download,
  moduleName,
  readServed,
  version,
  writeSettings,
} from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

describe('rule 1: ownership is per module, never per version or line', () => {
  test('a public company/tool@99.0.0 never joins the internal company/tool', async () => {
    const mooncakes = await startUpstream(['moonbitlang/x@0.4.0', 'company/tool@99.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/tool@1.0.0', 'moonbitlang/x@0.4.0']);
    expect(await download(registry, 'company/tool@99.0.0')).toBe('absent');
    expect(mooncakes.requests.filter(({ url }) => url.includes('company'))).toEqual([]);
  });

  test('a claimed name stays unlisted while its source lacks it, is down or is disabled', async () => {
    const mooncakes = await startUpstream(['company/tool@99.0.0', 'moonbitlang/x@0.4.0']);
    const internal = await startUpstream(['company/other@1.0.0']);
    const sources = (enabled: boolean) => [
      { name: 'mooncakes', upstream: mooncakes, priority: 10 },
      { name: 'internal', upstream: internal, priority: 25, namespaces: ['company/*'], enabled },
    ];
    const registry = await createRegistry({ sources: sources(true) });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/other@1.0.0', 'moonbitlang/x@0.4.0']);
    internal.faults.down = true;
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/other@1.0.0', 'moonbitlang/x@0.4.0']);
    await writeSettings(registry.config.directory, { sources: sources(false) });
    await registry.reload();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['moonbitlang/x@0.4.0']);
  });

  test('include and exclude limit what a source may supply', async () => {
    const partner = await startUpstream([
      'partner-org/a@1.0.0',
      'partner-org/secret@1.0.0',
      'moonbitlang/x@9.0.0',
    ]);
    const registry = await createRegistry({
      sources: [
        { name: 'partner', upstream: partner, include: ['partner-org/*'], exclude: ['partner-org/secret'] },
      ],
    });
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['partner-org/a@1.0.0']);
  });
});

describe('rule 2: a module moves only where it is claimed', () => {
  test('a name that vanishes upstairs cannot be taken over from below', async () => {
    const mooncakes = await startUpstream(['company/tool@1.0.0']);
    const internal = await startUpstream();
    await internal.publish('company/tool@1.0.0', { sizeBytes: 3000 });
    await internal.publish('company/keep@1.0.0');
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.sync();
    await internal.removeIndexFile('user/company/tool.index');
    const before = await readServed(registry);
    expect((await registry.sync()).sources).toMatchObject([{ outcome: 'unchanged' }, { outcome: 'held' }]);
    expect(await readServed(registry)).toEqual(before);
    const report = await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['company/keep@1.0.0']);
    expect(report.findings).toMatchObject([
      { kind: 'origin-conflict', module: 'company/tool', source: 'mooncakes' },
    ]);
    expect(await registry.explain(moduleName('company/tool'))).toMatchObject({
      rule: 'held',
      origin: 'internal',
    });
  });

  test('it stays where it is when a source of more trust begins to list it, whatever that adds', async () => {
    const mooncakes = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['company/x@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.sync();
    await internal.publish('alice/json@1.0.0');
    await internal.publish('alice/json@99.0.0');
    const report = await registry.sync();
    expect(report.changes).toEqual([]);
    expect(report.findings).toMatchObject([
      { kind: 'origin-conflict', module: 'alice/json', source: 'internal', origin: 'mooncakes' },
    ]);
    expect(await registry.originOf(moduleName('alice/json'))).toBe('mooncakes');
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'company/x@1.0.0']);
    await mooncakes.publish('alice/json@1.1.0');
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toContain('alice/json@1.1.0');
  });

  test('it moves to a source of more trust that claims it, when every version served so far stays the same', async () => {
    const mooncakes = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0']);
    const open = { name: 'mooncakes', upstream: mooncakes, priority: 100 };
    const registry = await createRegistry({ sources: [open] });
    await registry.sync();
    const before = await readServed(registry);
    const claiming = { name: 'internal', upstream: internal, priority: 25, namespaces: ['alice/*'] };
    await writeSettings(registry.config.directory, { sources: [open, claiming] });
    await registry.reload();
    const report = await registry.sync();
    expect(report.changes).toMatchObject([
      { kind: 'moved', origin: 'internal', previousOrigin: 'mooncakes' },
    ]);
    expect(await registry.originOf(moduleName('alice/json'))).toBe('internal');
    expect(await readServed(registry)).toMatchObject(before);
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
  });

  test('it stays when a served version would change, and the conflict is reported until that ends', async () => {
    const mooncakes = await startUpstream(['alice/json@1.0.0']);
    const internal = await startUpstream(['company/x@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    await registry.sync();
    const before = await readServed(registry);
    await internal.publish('alice/json@1.0.0', { sizeBytes: 5000 });
    expect((await registry.sync()).findings).toMatchObject([{ kind: 'origin-conflict', source: 'internal' }]);
    expect(await readServed(registry)).toEqual(before);
    await internal.removeIndexFile('user/alice/json.index');
    expect((await registry.sync()).findings).toMatchObject([{ kind: 'origin-conflict' }]);
    expect((await registry.sync()).findings).toEqual([]);
  });
});

describe('rule 3: a served version never changes', () => {
  test('a re-published version keeps its old line and its old bytes', async () => {
    const upstream = await startUpstream(['maria/parser@0.1.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.mirror({ patterns: ['maria/*'] });
    const before = await readServed(registry);
    await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    await upstream.publish('maria/parser@0.2.0');
    const report = await registry.sync();
    expect(report.findings).toMatchObject([
      {
        kind: 'checksum-conflict',
        module: 'maria/parser',
        version: '0.1.0',
        pinned: before['maria/parser@0.1.0'],
      },
    ]);
    const after = await readServed(registry);
    expect(after).toMatchObject(before);
    expect(Object.keys(after)).toEqual(['maria/parser@0.1.0', 'maria/parser@0.2.0']);
    expect(await download(registry, 'maria/parser@0.1.0')).toBe(before['maria/parser@0.1.0']);
    expect((await registry.sync()).changes).toEqual([]);
  });

  test('a version that was deleted and comes back with other bytes is refused', async () => {
    const upstream = await startUpstream(['maria/parser@0.1.0', 'maria/parser@0.2.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const line = upstream.index.read('user/maria/parser.index')?.toString().split('\n')[1] ?? '';
    await upstream.writeIndexFile('user/maria/parser.index', `${line}\n`);
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['maria/parser@0.2.0']);
    await upstream.publish('maria/parser@0.1.0', { sizeBytes: 9000 });
    expect((await registry.sync()).findings).toMatchObject([{ kind: 'checksum-conflict', version: '0.1.0' }]);
    expect(Object.keys(await readServed(registry))).toEqual(['maria/parser@0.2.0']);
  });

  test.each([
    ['bytes', { sizeBytes: 7000 }],
    ['requirements', { deps: { 'eve/x': '1.0.0' } }],
  ])(
    'a claim with other %s leaves what was served, and lists nothing new until the operator decides',
    async (_, other) => {
      const mooncakes = await startUpstream(['company/tool@1.0.0', 'company/tool@2.0.0']);
      const internal = await startUpstream(['company/tool@2.0.0']);
      const { checksum } = await internal.publish('company/tool@1.0.0', other);
      await internal.publish('company/tool@1.1.0');
      const open = { name: 'mooncakes', upstream: mooncakes, priority: 100 };
      const registry = await createRegistry({ sources: [open] });
      await registry.sync();
      const before = await readServed(registry);
      const claiming = { name: 'internal', upstream: internal, priority: 25, namespaces: ['company/*'] };
      await writeSettings(registry.config.directory, { sources: [open, claiming] });
      await registry.reload();
      const report = await registry.sync();
      expect(report.findings).toMatchObject([
        {
          kind: 'origin-conflict',
          source: 'internal',
          origin: 'mooncakes',
          changes: [{ version: '1.0.0', offered: checksum }],
        },
      ]);
      await mooncakes.publish('company/tool@99.0.0');
      await registry.sync();
      expect(await readServed(registry)).toEqual(before);

      const tool = moduleName('company/tool');
      await registry.ruleOnConflict({
        ...{ action: 'accept-origin', module: tool, origin: 'internal' },
        checksums: new Map([[version('1.0.0'), checksum as Checksum]]),
        requirements: new Map(),
      });
      const served = await readServed(registry);
      expect(Object.keys(served)).toEqual(['company/tool@2.0.0', 'company/tool@1.0.0', 'company/tool@1.1.0']);
      expect(served['company/tool@1.0.0']).toBe(checksum);
      expect(await registry.originOf(tool)).toBe('internal');
    },
  );

  test('the same bytes with other requirements are a conflict, and clients go on with the old line', async () => {
    const upstream = await startUpstream(['maria/parser@0.1.0', 'eve/evil@1.0.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const parser = moduleName('maria/parser');
    const old = (await registry.readIndexFile(parser))?.toString() ?? '';
    const stated = { ...JSON.parse(old), deps: { 'eve/evil': '1.0.0' } };
    await upstream.writeIndexFile('user/maria/parser.index', `${JSON.stringify(stated)}\n`);
    const report = await registry.sync();
    expect(report.findings).toMatchObject([
      { kind: 'requirements-conflict', module: 'maria/parser', version: '0.1.0' },
    ]);
    expect((await registry.readIndexFile(parser))?.toString()).toBe(old);
    const conflict = report.findings.find((finding) => finding.kind === 'requirements-conflict');
    const requirements = conflict?.requirements?.offered ?? '';
    const ruling = { action: 'accept-requirements', module: parser, version: version('0.1.0') } as const;
    await expect(registry.ruleOnConflict({ ...ruling, requirements: 'none' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(requirements),
    });
    await registry.ruleOnConflict({ ...ruling, requirements });
    expect((await registry.readIndexFile(parser))?.toString()).toBe(`${JSON.stringify(stated)}\n`);
    // The old requirements are the conflict now.
    await upstream.writeIndexFile('user/maria/parser.index', old);
    expect((await registry.sync()).findings).toMatchObject([{ kind: 'requirements-conflict' }]);
    expect((await registry.readIndexFile(parser))?.toString()).toBe(`${JSON.stringify(stated)}\n`);
  });
});

describe('rule 4: absent is not unavailable', () => {
  const faults = [
    ['is down', { down: true }],
    ['answers 503', { status: 503, retryAfter: '0' }],
    ['answers 404 for its index', { status: 404 }],
    ['answers a web page', { html: true }],
    ['refuses our credentials', { status: 401 }],
  ] as const;
  test.each(faults)(
    'a source that %s keeps its modules and its origin, and is marked stale',
    async (_, fault) => {
      const mooncakes = await startUpstream(['company/tool@99.0.0']);
      const internal = await startUpstream(['company/tool@1.0.0']);
      const registry = await createRegistry({
        sources: [
          { name: 'mooncakes', upstream: mooncakes, priority: 100 },
          { name: 'internal', upstream: internal, priority: 25 },
        ],
      });
      await registry.sync();
      const before = await readServed(registry);
      Object.assign(internal.faults, fault);
      const report = await registry.sync();
      expect(await readServed(registry)).toEqual(before);
      expect(report.sources).toMatchObject([
        { outcome: 'unchanged' },
        { source: 'internal', outcome: 'stale' },
      ]);
      expect(await registry.staleSources()).toMatchObject([{ source: 'internal' }]);
    },
  );

  test('while a source of more trust was never read, no new name is taken from below', async () => {
    const mooncakes = await startUpstream(['company/tool@99.0.0']);
    const internal = await startUpstream(['company/tool@1.0.0']);
    internal.faults.down = true;
    const registry = await createRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'internal', upstream: internal, priority: 25 },
      ],
    });
    const report = await registry.sync();
    expect(await readServed(registry)).toEqual({});
    expect(report).toMatchObject({
      findings: [],
      heldBack: [{ examples: ['company/tool'], waitsFor: [{ source: 'internal' }] }],
    });
    internal.faults.down = false;
    expect((await registry.sync()).findings).toEqual([]);
    expect(Object.keys(await readServed(registry))).toEqual(['company/tool@1.0.0']);
  });
});

describe('rule 5: the checksum is the identity', () => {
  test('an archive comes from another source that lists the same bytes, and only such a one is asked', async () => {
    const origin = await startUpstream(['alice/json@1.0.0']);
    const twin = await startUpstream(['alice/json@1.0.0']);
    const other = await startUpstream();
    await other.publish('alice/json@1.0.0', { sizeBytes: 4000 });
    const stranger = await startUpstream(['bob/x@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'origin', upstream: origin, priority: 10 },
        { name: 'stranger', upstream: stranger, priority: 20 },
        { name: 'other', upstream: other, priority: 30 },
        { name: 'twin', upstream: twin, priority: 40 },
      ],
    });
    await registry.sync();
    const { 'alice/json@1.0.0': checksum } = await readServed(registry);
    origin.faults.status = 404;
    expect(await download(registry, 'alice/json@1.0.0')).toBe(checksum);
    const asked = (upstream: typeof origin) =>
      upstream.requests.filter(({ url }) => url.includes('json')).length;
    expect([asked(stranger), asked(other)]).toEqual([0, 0]);
    expect(asked(twin)).toBeGreaterThan(0);
  });
});

describe('rule 6: everything listed can be delivered', () => {
  test('with fallback off only cached versions are listed, and mirroring lists more', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/x@1.0.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }], upstreamFallback: false });
    await registry.sync();
    expect(await readServed(registry)).toEqual({});
    await registry.mirror({ patterns: ['alice/*'], latest: true });
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.1.0']);
    await registry.mirror({ patterns: ['*'] });
    const served = await readServed(registry);
    expect(Object.keys(served)).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/x@1.0.0']);
    upstream.faults.down = true;
    for (const [id, checksum] of Object.entries(served)) expect(await download(registry, id)).toBe(checksum);
  });

  test('a disabled or removed source is never contacted, and keeps what is cached or listed elsewhere', async () => {
    const upstream = await startUpstream([
      'alice/json@1.0.0',
      'bob/x@1.0.0',
      'carol/y@1.0.0',
      'dora/z@1.0.0',
    ]);
    const other = await startUpstream(['bob/x@1.0.0', 'bob/x@1.1.0']);
    await other.publish('carol/y@1.0.0', { sizeBytes: 7000 });
    const main = { name: 'main', upstream, priority: 10 };
    const low = { name: 'low', upstream: other, priority: 90 };
    const registry = await createRegistry({ sources: [main, low] });
    await registry.mirror({ patterns: ['alice/*'] });
    for (const sources of [[{ ...main, enabled: false }, low], [low]]) {
      upstream.resetCounts();
      await writeSettings(registry.config.directory, { sources });
      await registry.reload();
      await registry.sync();
      expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0', 'bob/x@1.0.0']);
      expect(await download(registry, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
      expect(await registry.originOf(moduleName('bob/x'))).toBe('main');
      expect(upstream.requests).toEqual([]);
    }
    const served = await readServed(registry);
    expect(await download(registry, 'bob/x@1.0.0')).toBe(served['bob/x@1.0.0']);
    expect(upstream.requests).toEqual([]);
    await writeSettings(registry.config.directory, { sources: [main, low] });
    await registry.reload();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual([
      ...['alice/json@1.0.0', 'bob/x@1.0.0', 'carol/y@1.0.0', 'dora/z@1.0.0'],
    ]);
  });

  test('with fallback off a removed source keeps only what is cached', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
    const other = await startUpstream(['bob/x@1.0.0']);
    const main = { name: 'main', upstream, priority: 10 };
    const low = { name: 'low', upstream: other, priority: 90 };
    const registry = await createRegistry({ sources: [main, low], upstreamFallback: false });
    await registry.mirror({ patterns: ['alice/*'] });
    await writeSettings(registry.config.directory, { sources: [low], upstreamFallback: false });
    await registry.reload();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.0.0']);
  });
});

describe('rule 7: nothing unverified is visible', () => {
  test.each([
    ['lies about the bytes', { wrongBytes: true }, 'unavailable: wrong-bytes'],
    ['cuts the archive short', { truncate: true }, 'unavailable: connection'],
    ['sends a web page', { html: true }, 'unavailable: bad-answer'],
  ] as const)('a source that %s leaves nothing in the store', async (_, fault, outcome) => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    Object.assign(upstream.faults, fault);
    expect(await download(registry, 'alice/json@1.0.0')).toBe(outcome);
    const packages = join(registry.config.registry.dataDir, 'packages');
    const files = (await readdir(packages, { recursive: true, withFileTypes: true })).filter((e) =>
      e.isFile(),
    );
    expect(files).toEqual([]);
    for (const name of Object.keys(fault)) Object.assign(upstream.faults, { [name]: false });
    expect(await download(registry, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('rule 8: one decision', () => {
  test('index, download, mirror and explain agree for every name of a contested world', async () => {
    const low = await startUpstream(['a/claimed@9.0.0', 'b/shared@9.0.0', 'c/low@1.0.0', 'd/excluded@1.0.0']);
    const high = await startUpstream(['b/shared@1.0.0', 'c/high@1.0.0']);
    const owner = await startUpstream(['a/claimed@1.0.0', 'c/low@2.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'low', upstream: low, priority: 90, exclude: ['d/*'] },
        { name: 'high', upstream: high, priority: 10 },
        { name: 'owner', upstream: owner, priority: 95, namespaces: ['a/*'] },
      ],
    });
    await registry.sync();
    const served = await readServed(registry);
    const names = ['a/claimed', 'b/shared', 'c/low', 'c/high', 'd/excluded'];
    for (const name of names) {
      const explanation = await registry.explain(moduleName(name));
      const listed = Object.keys(served).filter((id) => id.startsWith(`${name}@`));
      expect(explanation.versions.map((v) => `${name}@${v}`)).toEqual(listed);
      expect(explanation.isServed).toBe(listed.length > 0);
      const recorded = await registry.originOf(moduleName(name));
      expect(explanation.origin).toBe(recorded);
      for (const { name: source } of registry.config.sources) {
        const mirrored = await registry
          .mirror({ patterns: [name], source, dryRun: true })
          .catch(() => undefined);
        const isRoot = mirrored !== undefined && mirrored.skipped.length === 0 && mirrored.sources.length > 0;
        expect(isRoot).toBe(recorded === source && listed.length > 0);
      }
    }
    for (const [id, checksum] of Object.entries(served)) expect(await download(registry, id)).toBe(checksum);
    expect(low.requests.filter(({ url }) => /claimed|shared|excluded/.test(url))).toEqual([]);
  });
});

describe('rule 9: bytes pass through', () => {
  test('an untouched index file is the same object, odd lines and all; a bad line alone is dropped', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const good = upstream.index.read('user/alice/json.index')?.toString() ?? '';
    const odd = good.replace('{', '{  "x-unknown": [1, {"\\u00e9": null}],   ');
    await upstream.writeIndexFile(
      'user/alice/json.index',
      `${odd}\n\nnot json\n${good.replace('1.0.0', '1.0.1')}`,
    );
    await upstream.writeIndexFile('user/bob/odd.index', odd);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    const report = await registry.sync();
    expect((await registry.readIndexFile(moduleName('bob/odd')))?.toString()).toBe(odd);
    const kept = (await registry.readIndexFile(moduleName('alice/json')))?.toString();
    expect(kept).toBe(`${odd}${good.replace('1.0.0', '1.0.1')}`);
    expect(report.findings.map((finding) => [finding.kind, lineOf(finding)])).toEqual([
      // A run of blank lines is one finding.
      ['dropped-line', 2],
      ['dropped-line', 4],
    ]);
    expect(report.findings.some(isConflict)).toBe(false);
  });
});

describe('rule 10: secrets stay home', () => {
  test('credentials reach their own source alone, and no file, message or redirect target', async () => {
    const elsewhere = await startUpstream(['alice/json@1.0.0']);
    const secret = 'tok-SECRET-4711';
    const guarded = await startUpstream(['alice/json@1.0.0'], { auth: { type: 'bearer', token: secret } });
    const open = await startUpstream(['bob/x@1.0.0']);
    const messages: string[] = [];
    const write = (message: string, fields?: object) => messages.push(message, JSON.stringify(fields ?? {}));
    const log = { debug: write, info: write, warn: write, error: write };
    const registry = await createRegistry({
      sources: [
        {
          name: 'guarded',
          upstream: guarded,
          lines: 'allowed_redirects = ["127.0.0.1"]',
          auth: `type = "bearer"\ntoken = "$\{TOKEN}"`,
        },
        { name: 'open', upstream: open },
      ],
      env: { TOKEN: secret },
      log,
    });
    await registry.sync();
    guarded.faults.only = 'archives';
    guarded.faults.redirectTo = elsewhere.url;
    expect(await download(registry, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    guarded.faults.redirectTo = undefined;
    guarded.faults.only = undefined;
    guarded.faults.status = 401;
    const report = await registry.sync();
    const reports = JSON.stringify([report, await registry.status(), await registry.checkSources()]);
    expect(guarded.requests.some(({ headers }) => headers.authorization === `Bearer ${secret}`)).toBe(true);
    for (const other of [elsewhere, open]) expect(JSON.stringify(other.requests)).not.toContain(secret);
    expect(elsewhere.requests.length).toBeGreaterThan(0);
    expect(messages.join('') + reports).not.toContain(secret);
    const { dataDir } = registry.config.registry;
    const files = await readdir(dataDir, { recursive: true, withFileTypes: true });
    for (const entry of files.filter((file) => file.isFile()))
      expect((await readFile(join(entry.parentPath, entry.name), 'latin1')).includes(secret)).toBe(false);
  });
});

describe('rule 11: one source harms nobody else', () => {
  test('whatever the least trusted sends, everybody else’s news is served in the same sync, and all of it goes with it', async () => {
    const trusted = await startUpstream(['alice/json@1.0.0']);
    const hostile = await startUpstream(['mallory/x@1.0.0', 'mallory/y@1.0.0']);
    const sources = [
      { name: 'trusted', upstream: trusted, priority: 25 },
      { name: 'hostile', upstream: hostile, priority: 100 },
    ];
    const registry = await createRegistry({ sources });
    await registry.sync();
    const before = await readServed(registry);
    const good = hostile.index.read('user/mallory/x.index')?.toString() ?? '';
    const deep = `{"version":"1.1.0","checksum":"${'a'.repeat(64)}","deps":{"x/y":${'['.repeat(5000)}${']'.repeat(5000)}}}\n`;
    await hostile.writeIndexFile('user/mallory/x.index', `${good}${deep}${'\n'.repeat(125_000)}`);
    await hostile.writeIndexFile('user/mallory/y.index', Buffer.alloc(2 * 1024 * 1024));
    await trusted.publish('alice/json@1.1.0');
    const report = await registry.sync();
    expect(report.sources.map(({ outcome }) => outcome)).toEqual(['fresh', 'fresh']);
    const after = await readServed(registry);
    expect(after).toMatchObject(before);
    expect(Object.keys(after)).toContain('alice/json@1.1.0');
    expect(report.findings.map(({ kind, module }) => [kind, module])).toEqual([
      ['dropped-line', 'mallory/x'],
      ['dropped-line', 'mallory/x'],
      ['broken-file', 'mallory/y'],
    ]);
    await writeSettings(registry.config.directory, { sources: sources.slice(0, 1) });
    await registry.reload();
    expect((await registry.sync()).findings).toEqual([]);
  });
});

describe('rule 12: policy never changes a resolution', () => {
  test('what is blocked is refused, and nobody gets another version for it', async () => {
    const names = ['1.0.0', '1.1.0', '1.2.0'].map((one) => `alice/json@${one}`);
    const upstream = await startUpstream(names);
    const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
    await registry.sync();
    const module = moduleName('alice/json');
    for (const one of ['1.1.0', '1.2.0', '1.0.0'])
      await registry.ruleOnBlock({ action: 'block', module, version: version(one), reason: 'CVE-2026-1' });
    // Each of them was a hole or a tail, until all were blocked: then all are listed, to be refused with the reason.
    expect(Object.keys(await readServed(registry))).toEqual(names);
    await registry.ruleOnBlock({ action: 'unblock', module, version: version('1.1.0') });
    expect(Object.keys(await readServed(registry))).toEqual(names.slice(0, 2));
    expect(await download(registry, 'alice/json@1.0.0')).toBe('blocked');
    expect(await download(registry, 'alice/json@1.1.0')).toMatch(/^[0-9a-f]{64}$/);
    expect(await download(registry, 'alice/json@1.2.0')).toBe('blocked');
  });
});
