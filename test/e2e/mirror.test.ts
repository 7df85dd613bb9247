/** `mirror` as its user meets it: what is taken, what is said about the rest, and what a second run does. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MirrorReport } from '../../src/registry/mirror/mirror-report.ts';
import { shallowClone } from '../support/git-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import { zipOf } from '../support/zip-bytes.ts';
import type { Publication } from '../worlds/publisher.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import {
  type CliRegistry,
  createCliRegistry,
  downloadFrom,
  listFiles,
  type Runner,
  readServedIndex,
} from './cli-registry.ts';

/** A public source (the default) and an internal one of more trust. */
async function createWorld(
  publicModules: readonly Publication[],
  internalModules: readonly Publication[] = [],
  runner: Runner = 'here',
) {
  const mooncakes = await startUpstream();
  await mooncakes.publishMany(publicModules);
  const internal = await startUpstream();
  await internal.publishMany(
    internalModules.length > 0 ? internalModules : [{ module: 'company/base', version: '1.0.0' }],
  );
  const registry = await createCliRegistry({
    runner,
    sources: [
      { name: 'mooncakes', upstream: mooncakes, priority: 100, lines: 'allowed_redirects = ["127.0.0.1"]' },
      { name: 'internal', upstream: internal, priority: 25 },
    ],
  });
  const mirror = (...words: string[]) => registry.report<MirrorReport>('mirror', ...words);
  return { mooncakes, internal, registry, mirror };
}

/** What is in the store, by name: each file is checked to be what it is called. */
async function cachedIds(registry: CliRegistry): Promise<string[]> {
  const ids = new Map(Object.entries(await registry.served()).map(([id, checksum]) => [checksum, id]));
  const files = await listFiles(join(registry.directory, 'data', 'packages'));
  return Object.entries(files)
    .map(([path, checksum]) => {
      expect(path).toBe(join(checksum.slice(0, 2), `${checksum}.zip`));
      return ids.get(checksum) ?? checksum;
    })
    .sort();
}

function archiveRequests(upstream: UpstreamRegistry): number {
  return upstream.count('/user/');
}

describe('what is mirrored', () => {
  const shelf: readonly Publication[] = [
    { module: 'alice/json', version: '1.0.0' },
    { module: 'alice/json', version: '1.1.0', deps: { 'bob/base': '0.2.0' } },
    { module: 'alice/json', version: '2.0.0-rc.1' },
    { module: 'alice/deep/er/json', version: '0.1.0' },
    { module: 'alicia/json', version: '0.3.0' },
    { module: 'bob/base', version: '0.1.0' },
    { module: 'bob/base', version: '0.2.1' },
    { module: 'bob/base', version: '0.3.0' },
  ];

  test('all versions of what matches, in a pattern that crosses slashes, and the versions clients would select', async () => {
    const { registry, mirror } = await createWorld(shelf);
    const { code, json } = await mirror('alice/*');
    expect(code).toBe(0);
    expect(await cachedIds(registry)).toEqual([
      'alice/deep/er/json@0.1.0',
      'alice/json@1.0.0',
      'alice/json@1.1.0',
      'alice/json@2.0.0-rc.1',
      'bob/base@0.2.1',
    ]);
    expect(json.sources).toMatchObject([
      { source: 'mooncakes', modules: 3, versions: 5, downloaded: 5, present: 0, failed: 0 },
    ]);
    await mirror('*/json', 'bob/ba*');
    expect(await cachedIds(registry)).toEqual(
      shelf.map(({ module, version }) => `${module}@${version}`).sort(),
    );
  });

  test('with --latest and --strict the latest version alone, prereleases included', async () => {
    const { registry, mirror } = await createWorld(shelf);
    await mirror('alice/json', '--latest', '--strict');
    expect(await cachedIds(registry)).toEqual(['alice/json@2.0.0-rc.1']);
    await mirror('alice/json', '--strict');
    expect(await cachedIds(registry)).toEqual([
      'alice/json@1.0.0',
      'alice/json@1.1.0',
      'alice/json@2.0.0-rc.1',
    ]);
    expect((await mirror('--full')).code).toBe(0);
    expect(await cachedIds(registry)).toHaveLength(shelf.length);
  });

  test('with --latest the older versions that the latest of others select as well', async () => {
    const { registry, mirror } = await createWorld([
      { module: 'alice/json', version: '1.0.0' },
      { module: 'alice/json', version: '1.1.0' },
      { module: 'alice/json', version: '1.2.0' },
      { module: 'bob/app', version: '0.1.0' },
      { module: 'bob/app', version: '0.2.0', deps: { 'alice/json': '1.1.0' } },
    ]);
    await mirror('--full', '--latest');
    expect(await cachedIds(registry)).toEqual(['alice/json@1.1.0', 'alice/json@1.2.0', 'bob/app@0.2.0']);
  });

  test('dependencies and binary dependencies come from whichever source they are of', async () => {
    const { registry, mirror, mooncakes, internal } = await createWorld(
      [
        { module: 'alice/json', version: '1.0.0', binDeps: { 'tool/gen': '0.5.0' } },
        { module: 'tool/gen', version: '0.5.0', deps: { 'tool/lib': '1.0.0' } },
        { module: 'tool/lib', version: '1.0.0' },
        { module: 'company/base', version: '99.0.0' },
      ],
      [
        { module: 'company/app', version: '1.0.0', deps: { 'alice/json': '1.0.0', 'company/base': '1.0.0' } },
        { module: 'company/base', version: '1.0.0' },
      ],
    );
    const { code, json } = await mirror('-s', 'internal', 'company/app');
    expect(code).toBe(0);
    expect(await cachedIds(registry)).toEqual([
      'alice/json@1.0.0',
      'company/app@1.0.0',
      'company/base@1.0.0',
      'tool/gen@0.5.0',
      'tool/lib@1.0.0',
    ]);
    expect(json.sources.map(({ source, downloaded }) => `${source} ${downloaded}`).sort()).toEqual([
      'internal 2',
      'mooncakes 3',
    ]);
    expect([archiveRequests(mooncakes), archiveRequests(internal)]).toEqual([3, 2]);
    expect(mooncakes.count('company')).toBe(0);
  });

  test('a module that belongs to another source is skipped, and named with it', async () => {
    const { registry, mooncakes } = await createWorld(
      [
        { module: 'company/tool', version: '99.0.0' },
        { module: 'company/public', version: '1.0.0' },
      ],
      [{ module: 'company/tool', version: '1.0.0' }],
    );
    const { code, stdout } = await registry.run('mirror', 'company/*');
    expect(code).toBe(0);
    expect(stdout).toContain('1 module skipped:\n  company/tool: served from "internal"');
    expect(await cachedIds(registry)).toEqual(['company/public@1.0.0']);
    expect(mooncakes.count('tool')).toBe(0);
  });

  test.each([
    [
      'moon.mod.json',
      '{ "name": "me/app", "deps": { "alice/json": "1.0.0", "bob/http": "1.0.0" }, "bin-deps": { "tool/gen": "0.5.0" } }',
    ],
    [
      'moon.mod',
      'name = "me/app"\nimport {\n  "alice/json@1.0.0",\n  "bob/http@1.0.0",\n}\noptions(\n  "bin-deps": { "tool/gen": "0.5.0" },\n)\n',
    ],
  ])('with --from, exactly what the project of a %s needs', async (fileName, manifest) => {
    const { registry, mirror } = await createWorld([
      { module: 'alice/json', version: '1.0.0', deps: { 'only/old': '1.0.0' } },
      { module: 'alice/json', version: '1.2.0' },
      { module: 'alice/json', version: '1.3.0' },
      { module: 'bob/http', version: '1.0.0', deps: { 'alice/json': '1.1.0', 'company/base': '1.0.0' } },
      { module: 'only/old', version: '1.0.0' },
      { module: 'tool/gen', version: '0.5.1', binDeps: { 'tool/never': '1.0.0' } },
      { module: 'tool/never', version: '1.0.0' },
      { module: 'unrelated/x', version: '1.0.0' },
    ]);
    const project = join(registry.surroundings, 'app');
    await mkdir(project);
    await writeFile(join(project, fileName), manifest);
    const { code } = await mirror('--from', '../app');
    expect(code).toBe(0);
    const needed = [
      'alice/json@1.2.0',
      'bob/http@1.0.0',
      'company/base@1.0.0',
      'only/old@1.0.0',
      'tool/gen@0.5.1',
    ];
    expect(await cachedIds(registry)).toEqual(needed);
    expect(
      (await mirror('--from', join(project, fileName))).json.sources.map(({ downloaded }) => downloaded),
    ).toEqual([0, 0]);
  });

  test('nothing at all with --dry-run, which says what it would be', async () => {
    const { registry, mooncakes } = await createWorld(shelf);
    await registry.run('sync');
    await mooncakes.publish('alice/json@3.0.0');
    const before = await registry.state();
    const { code, stdout } = await registry.run('mirror', 'alice/json', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Would mirror \(nothing was changed\):\n.*\n {2}mooncakes +2 +5 +0 +0 B +0 +0\n\n5 archives would be downloaded:\n {2}alice\/json@1\.0\.0\n/,
    );
    expect(stdout).toContain('  bob/base@0.2.1\n');
    expect(await cachedIds(registry)).toEqual([]);
    expect(await registry.state()).toBe(before);
    expect(archiveRequests(mooncakes)).toBe(0);
  });
});

describe('what is missing', () => {
  test('a dependency that no source lists is named with who needs it, and a failure only where the closure is required', async () => {
    const { registry } = await createWorld([
      { module: 'alice/json', version: '1.0.0', deps: { 'nobody/has': '1.0.0', 'bob/base': '9.0.0' } },
      { module: 'bob/base', version: '0.1.0' },
    ]);
    const { code, stdout } = await registry.run('mirror', 'alice/json');
    expect(code).toBe(0);
    expect((await registry.run('mirror', 'alice/json', '--require-closure')).code).toBe(3);
    expect(stdout).toContain('2 dependencies that nobody can have from here (a remark):');
    expect(stdout).toContain(
      '  nobody/has@1.0.0, required by alice/json@1.0.0: no source lists this module\n',
    );
    expect(stdout).toContain(
      '  bob/base@9.0.0, required by alice/json@1.0.0: no listed version satisfies it',
    );
    expect(await cachedIds(registry)).toEqual(['alice/json@1.0.0']);
  });

  test('an archive that its source does not have is named, and the others are there', async () => {
    const { registry, mooncakes } = await createWorld([
      { module: 'alice/json', version: '1.0.0' },
      { module: 'alice/json', version: '1.1.0' },
    ]);
    mooncakes.withdrawArchive('alice/json@1.0.0');
    const { code, stdout } = await registry.run('mirror', 'alice/json');
    expect(code).toBe(3);
    expect(stdout).toMatch(/1 archive failed:\n {2}alice\/json@1\.0\.0 \(mooncakes\): .*404/);
    expect(await cachedIds(registry)).toEqual(['alice/json@1.1.0']);
  });

  test('a source that cannot be read is said to be stale, and what was known of it is mirrored', async () => {
    const { registry, internal } = await createWorld([{ module: 'alice/json', version: '1.0.0' }]);
    await registry.run('sync');
    Object.assign(internal.faults, { only: 'index', status: 403 });
    const { code, stdout } = await registry.run('mirror', '-s', 'internal', 'company/*');
    expect(code).toBe(3);
    expect(stdout).toMatch(/1 source could not be read:\n {2}internal: .*; its last good index stays in use/);
    expect(await cachedIds(registry)).toEqual(['company/base@1.0.0']);
  });

  test('sources that cannot be reached on the first day: what is mirrored by name is served all the same', async () => {
    const mooncakes = await startUpstream();
    await mooncakes.publishMany([
      { module: 'moonbitlang/x', version: '0.4.38', deps: { 'lantern/markdown': '0.4.0' } },
      { module: 'lantern/markdown', version: '0.4.7' },
      { module: 'tidepool/http', version: '0.2.1' },
    ]);
    const nobody = { url: 'http://127.0.0.1:9/registry', indexUrl: 'http://127.0.0.1:9/registry/git/index' };
    const registry = await createCliRegistry({
      sources: [
        { name: 'mooncakes', upstream: mooncakes, priority: 100 },
        { name: 'partner', upstream: nobody, priority: 50 },
        { name: 'internal', upstream: nobody, priority: 25 },
      ],
    });
    const { code, stdout } = await registry.run('mirror', 'moonbitlang/*');
    expect(code).toBe(3);
    expect(stdout).toMatch(/ {2}mooncakes +2 +2 +2 /);
    expect(stdout).toContain(
      '1 new name decided, since you mirror by name: it comes from "mooncakes":\n  moonbitlang/x\n',
    );
    expect(stdout).toContain(
      'Until then moon cannot resolve what requires that: moonbitlang/x.\nIf it is:\n  $ moonbit-registry mirror --strict lantern/markdown\n',
    );
    expect(Object.keys(await registry.served())).toEqual(['moonbitlang/x@0.4.38']);
    const failed = await registry.run('mirror', '-s', 'partner', 'partner-org/*');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('cannot read the index of source "partner"');

    mooncakes.resetCounts();
    await registry.run('mirror', 'lantern/*');
    expect(archiveRequests(mooncakes)).toBe(0);
    expect(Object.keys(await registry.served())).toEqual(['lantern/markdown@0.4.7', 'moonbitlang/x@0.4.38']);
  });

  test.each([
    [
      ['-s', 'internl', 'company/*'],
      /"internl"/,
      /did you mean "internal"\? configured: mooncakes, internal/,
    ],
    [['-s', 'off', 'x/*'], /source "off" is disabled/, /source enable off/],
    [['nobody/*'], /"nobody\/\*" matches none of the 1 module of source "mooncakes" \(owners: alice\)/, /\*/],
    [['alice/jsn'], /matches none/, /did you mean "alice\/json"\?/],
    [
      ['alice/json', 'company/*'],
      /"company\/\*" matches none/,
      /source "internal" has it: moonbit-registry mirror -s internal "company\/\*"/,
    ],
    [['--from', '.'], /there is no moon\.mod or moon\.mod\.json/, /folder of a project/],
  ])('%j fails with 1 and says what there is', async (words, message, hint) => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [
        { name: 'mooncakes', upstream },
        { name: 'internal', upstream: await startUpstream(['company/base@1.0.0']), priority: 25 },
        { name: 'off', upstream, enabled: false },
      ],
    });
    const { code, stdout, stderr } = await registry.run('mirror', ...words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(/^error: (.*)$/m.exec(stderr)?.[1]).toMatch(message);
    expect(/^hint: (.*)$/m.exec(stderr)?.[1]).toMatch(hint);
    expect(archiveRequests(upstream)).toBe(0);
  });
});

describe('running it again', () => {
  const many: readonly Publication[] = Array.from({ length: 60 }, (_, number) => ({
    module: `alice/m${number % 12}`,
    version: `0.${number}.0`,
  }));

  const isEveryTenth = ({ url }: { readonly url: string }) => /0\.\d?0\.0\.zip$/.test(url);

  test('completes what failed, asks for nothing else, and then has nothing to do', async () => {
    const { registry, mirror, mooncakes } = await createWorld(many);
    Object.assign(mooncakes.faults, { only: isEveryTenth, status: 404 });
    const first = await mirror('alice/*');
    expect(first.code).toBe(3);
    expect(first.json.failed).toHaveLength(6);
    mooncakes.clearFaults();
    mooncakes.resetCounts();
    const second = await mirror('alice/*');
    expect(second.code).toBe(0);
    expect(second.json.sources).toMatchObject([{ versions: 60, downloaded: 6, present: 54, failed: 0 }]);
    expect(archiveRequests(mooncakes)).toBe(6);
    expect(await cachedIds(registry)).toHaveLength(60);

    mooncakes.resetCounts();
    expect((await mirror('--full')).json.sources).toMatchObject([{ downloaded: 0, present: 60 }]);
    expect(archiveRequests(mooncakes)).toBe(0);
    await mooncakes.publish('alice/m0@1.0.0');
    await mooncakes.publish('alice/fresh@0.1.0');
    expect((await mirror('alice/*')).json.sources).toMatchObject([{ downloaded: 2, present: 60 }]);
    expect(archiveRequests(mooncakes)).toBe(2);
  });

  test('is not needed for answers that fail once', async () => {
    const { registry, mirror, mooncakes } = await createWorld(many.slice(0, 20));
    Object.assign(mooncakes.faults, { only: isEveryTenth, times: 2, status: 503 });
    expect((await mirror('alice/*')).code).toBe(0);
    expect(mooncakes.faults.times).toBe(0);
    expect(await cachedIds(registry)).toHaveLength(20);
  });

  test('completes what a kill cut off, and leaves no temporary file', async () => {
    const { registry, mooncakes, mirror } = await createWorld(many.slice(0, 20));
    await mooncakes.publish('alice/big@1.0.0', { archive: zipOf(randomBytes(3_000_000)) });
    const stalling = await startStallingServer();
    Object.assign(mooncakes.faults, {
      only: ({ url }: { url: string }) => url.includes('big'),
      redirectTo: stalling.url,
    });
    const countByEnding = async () => {
      const paths = Object.keys(await listFiles(join(registry.directory, 'data', 'packages')));
      const count = (ending: string) => paths.filter((path) => path.endsWith(ending)).length;
      return { zip: count('.zip'), tmp: count('.tmp') };
    };
    const killer = new AbortController();
    const killed = registry
      .runWith({ signal: killer.signal }, 'mirror', 'alice/*')
      .catch((error) => error.name);
    await expect.poll(countByEnding, { timeout: 20_000 }).toEqual({ zip: 20, tmp: 1 });
    killer.abort();
    expect(await killed).toBe('AbortError');
    mooncakes.clearFaults();
    mooncakes.resetCounts();
    expect((await mirror('alice/*')).code).toBe(0);
    expect(archiveRequests(mooncakes)).toBe(1);
    expect(await cachedIds(registry)).toHaveLength(21);
  });

  test('at the same time is safe: both end well', async () => {
    const { registry, mirror } = await createWorld(many.slice(0, 30), [], 'program');
    const outcomes = await Promise.all([
      mirror('alice/*'),
      mirror('alice/*'),
      mirror('-s', 'internal', '--full'),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await cachedIds(registry)).toHaveLength(31);
    expect((await registry.run('sync')).stdout).toContain('(unchanged)');
  });
});

/** Sends most of an archive and then nothing, for ever. */
async function startStallingServer(): Promise<{ readonly url: string }> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': 3_000_000 });
    response.write(zipOf(randomBytes(2_500_000)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('while a server runs', () => {
  async function cloneIds(baseUrl: string): Promise<string[]> {
    const clone = join(temporaryDirectory(), 'index');
    await shallowClone(`${baseUrl}/git/index`, clone);
    return Object.keys(await readServedIndex(clone));
  }

  test('what is mirrored is served without a restart', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/text@1.0.0']);
    const registry = await createCliRegistry({
      sources: [{ name: 'main', upstream }],
      upstreamFallback: false,
    });
    await registry.run('sync');
    const server = await registry.serve();
    expect(await cloneIds(server.baseUrl)).toEqual([]);
    expect((await registry.run('mirror', 'alice/json')).code).toBe(0);
    expect(await cloneIds(server.baseUrl)).toEqual(['alice/json@1.0.0']);
    expect(await downloadFrom(server, 'alice/json@1.0.0')).toBe(
      (await registry.served())['alice/json@1.0.0'],
    );
    expect(await downloadFrom(server, 'alice/text@1.0.0')).toBe('HTTP 404');
  });

  test('a source that is disabled is left alone at once; what is cached of it stays', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/text@1.0.0']);
    const other = await startUpstream(['bob/base@1.0.0']);
    const registry = await createCliRegistry({
      sources: [
        { name: 'main', upstream },
        { name: 'other', upstream: other, priority: 60 },
      ],
    });
    await registry.run('mirror', 'alice/json');
    const server = await registry.serve();
    expect(await cloneIds(server.baseUrl)).toEqual([
      'alice/json@1.0.0',
      'alice/text@1.0.0',
      'bob/base@1.0.0',
    ]);
    expect((await registry.run('source', 'disable', 'main', '--yes')).code).toBe(0);
    upstream.resetCounts();
    expect(await cloneIds(server.baseUrl)).toEqual(['alice/json@1.0.0', 'bob/base@1.0.0']);
    expect(await downloadFrom(server, 'alice/text@1.0.0')).toBe('HTTP 503');
    expect(await downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    expect(upstream.requests).toEqual([]);
  });
});
