/** Bad input from outside: said clearly with source and place, nothing outside the data folder, nothing lost. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import type { Faults } from '../worlds/faults.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import {
  type CliRegistry,
  cliRegistryIn,
  createCliRegistry,
  downloadFrom,
  listFiles,
} from './cli-registry.ts';

describe('registry.toml', () => {
  async function withConfig(text: string): Promise<CliRegistry> {
    const registry = cliRegistryIn(temporaryDirectory(), 'registry');
    await mkdir(registry.directory);
    await writeFile(join(registry.directory, 'registry.toml'), text);
    return registry;
  }

  test.each([[['source', 'remove', 'partner']], [['mirror', 'a/*']], [['serve', '--port', '0']]])(
    'that is not TOML stops %j with line and column, and nothing is written',
    async (words) => {
      const registry = await withConfig('[registry]\nname = "x"\n\n[[sources]]\nurl = https://x.example\n');
      const before = await listFiles(registry.surroundings);
      const { code, stdout, stderr } = await registry.run(...words);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^error: registry\.toml /);
      expect(stderr).toMatch(/^ {2}registry\.toml:5:7: /m);
      expect(await listFiles(registry.surroundings)).toEqual(before);
    },
  );

  test('with many problems tells all of them at once, each with its place and what was expected', async () => {
    const registry = await withConfig(
      [
        'default_source = "intrenal"',
        '[server]',
        'port = "8080"',
        'hots = "0.0.0.0"',
        'refresh_interval = "soon"',
        '[[sources]]',
        'name = "internal"',
        'url = "ftp://internal.example"',
        'index_url = "https://internal.example/git/index"',
        'priority = 2.5',
        '[sources.auth]',
        'type = "bearer"',
        `token = "\${NOT_SET_ANYWHERE}"`,
        '[[sources]]',
        'name = "internal"',
        'url = "https://other.example"',
      ].join('\n'),
    );
    const before = await listFiles(registry.surroundings);
    const { code, stderr } = await registry.run('sync');
    expect(code).toBe(1);
    const places = stderr
      .split('\n')
      .flatMap((line) => /^ {2}registry\.toml:(\S+: \S+): ./.exec(line)?.[1] ?? []);
    expect(places).toEqual([
      '1:18: default_source',
      '3:8: server.port',
      '4:1: server.hots',
      '5:20: server.refresh_interval',
      '8:7: sources[0].url',
      '10:12: sources[0].priority',
      '14:3: sources[1]',
      '15:8: sources[1].name',
    ]);
    for (const expectation of [
      'did you mean "internal"?',
      'an integer from 0 to 65535',
      'did you mean "host"?',
      '"60s"',
    ])
      expect(stderr).toContain(expectation);
    expect(await listFiles(registry.surroundings)).toEqual(before);
  });

  test('is not touched by a source that may not be added', async () => {
    const registry = await withConfig(
      '# mine\n[[sources]]\nname = "a"\nurl = "https://a.example"\nindex_url = "https://a.example/i"\nnamespaces = ["a/*"]\n',
    );
    const before = await listFiles(registry.surroundings);
    const add = (name: string, url: string, ...rest: string[]) =>
      registry.run('source', 'add', name, '--url', url, '--index-url', 'https://b.example/i', ...rest);
    for (const [code, outcome, message] of [
      [2, await add('b', 'b.example'), /^error: --url: .*http/],
      [2, await add('b', 'https://me:secret@b.example'), /^error: --url: .*credentials/],
      [2, await add('../b', 'https://b.example'), /^error: the name: /],
      [1, await add('a', 'https://b.example'), /"a" already/],
      [2, await add('b', 'https://b.example', '--namespace', 'a/x*'), /^error: --namespace: .*claimed twice/],
      [2, await add('b', 'https://b.example', '--include', 'a/*'), /^error: --include: .*can never match/],
    ] as const) {
      expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
      expect(outcome.stderr).not.toContain('secret');
    }
    expect((await add('b', 'https://b.example', '--priority', 'high')).code).toBe(2);
    expect(await listFiles(registry.surroundings)).toEqual(before);
  });
});

describe('the disk', () => {
  test('that holds something else where the registry wants to write is named, and left as it is', async () => {
    const registry = cliRegistryIn(temporaryDirectory(), 'registry');
    const from = { cwd: registry.surroundings };
    const file = join(registry.surroundings, 'file');
    await writeFile(file, 'mine');
    const { directory } = registry;
    expect((await registry.runWith(from, 'init', 'registry')).code).toBe(0);
    const take = async (place: string, content: Record<string, string>) => {
      await rm(join(directory, 'data'), { recursive: true });
      for (const [name, text] of Object.entries(content)) {
        await mkdir(dirname(join(directory, name)), { recursive: true });
        await writeFile(join(directory, name), text);
      }
      expect(await registry.run('status')).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`${place}`),
      });
    };
    await take(join(directory, 'data'), { data: 'mine' });
    await take(join(directory, 'data', 'index'), { 'data/index/notes.txt': 'mine' });
    expect(await readFile(join(directory, 'data', 'index', 'notes.txt'), 'utf8')).toBe('mine');
    for (const folder of ['file', 'file/below'])
      expect(await registry.runWith(from, 'init', folder)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .*file.*\nhint: .*move it away\n$/),
      });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });
});

test('a project file that moon could not read either is named with line and column', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'partner', upstream }] });
  const file = join(registry.surroundings, 'moon.mod');
  await writeFile(file, 'name = "me/app"\nimport {\n  "alice/json"\n}\n');
  const { code, stdout, stderr } = await registry.run('mirror', '--from', file);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^error: .*moon\.mod: line 3, column 3: expected "OWNER\/NAME@VERSION", but found "alice\/json"\n$/,
  );
});

/** A registry that has synced and mirrored `alice/json@1.0.0`, and how everything looked then. */
async function settledRegistry() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/text@0.1.0']);
  const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'partner', upstream }] });
  expect((await registry.run('mirror', 'alice/json')).code).toBe(0);
  const served = await registry.served();
  expect(Object.keys(served)).toEqual(['alice/json@1.0.0', 'alice/text@0.1.0']);
  const data = join(registry.directory, 'data');
  const outside = () => listFiles(registry.surroundings, data);
  return {
    upstream,
    registry,
    served,
    outside,
    before: await outside(),
    archives: () => listFiles(join(data, 'packages')),
  };
}

/** The line of `alice/json@1.0.0`, with other values. */
function lineLike(upstream: UpstreamRegistry, changes: Record<string, unknown>): string {
  const good = upstream.index.read('user/alice/json.index')?.toString() ?? '';
  return JSON.stringify({ ...JSON.parse(good), ...changes });
}

describe('an index file', () => {
  test('with lines no client could use loses only these, each named with source, module and line', async () => {
    const { upstream, registry, served, outside, before } = await settledRegistry();
    const checksum = 'ab'.repeat(32);
    const lines = [
      '{"version": "1.1.0", "checksum": ',
      '',
      '<!doctype html>',
      lineLike(upstream, { version: 'one', checksum }),
      lineLike(upstream, { version: '1.2', checksum }),
      lineLike(upstream, { version: '1.2.0', checksum: checksum.toUpperCase() }),
      lineLike(upstream, { version: '1.3.0', checksum: undefined }),
      lineLike(upstream, { version: '1.4.0', checksum: checksum.slice(1) }),
      lineLike(upstream, { version: '../../x', checksum }),
      lineLike(upstream, { version: '1.5.0/../../x', checksum }),
      '["1.6.0"]',
    ];
    const good = upstream.index.read('user/alice/json.index')?.toString() ?? '';
    await upstream.writeIndexFile('user/alice/json.index', `${good}${lines.join('\n')}\n`);
    const { code, stdout } = await registry.run('sync');
    expect(code).toBe(0);
    expect(stdout).toContain('11 defects of sources');
    for (const [position, reason] of [
      'it is not JSON that a client can read',
      'it is blank',
      'it is not a JSON object',
      '"one" is not a semantic version',
      '"1.2" is not a semantic version',
      'version 1.2.0 is not 64 lowercase hexadecimal digits',
      'version 1.3.0 has no "checksum"',
      'version 1.4.0 is not 64 lowercase hexadecimal digits',
      '"../../x" is not a semantic version',
      '"1.5.0/../../x" is not a semantic version',
      'it is not a JSON object',
    ].entries())
      expect(stdout).toMatch(
        new RegExp(`alice/json \\(partner, line ${position + 2}\\): .*${reason.replaceAll('.', '\\.')}`),
      );
    expect(await registry.served()).toEqual(served);
    expect((await registry.run('mirror', '--full')).code).toBe(0);
    expect(await registry.served()).toEqual(served);
    expect(await outside()).toEqual(before);
  });

  const hostilePaths = [
    'user/a/b:c.index',
    'user/a/b\\c.index',
    'user/a/b\nc.index',
    'user/a/\u001b[2J.index',
    'user/a/.GIT.index',
    'user/a/git~1.index',
    'user/a/b.index/c.index',
    'user/x.index',
  ];

  test('whose name could leave its place, or break a checkout, is refused by name and never served', async () => {
    const { upstream, registry, served, outside, before } = await settledRegistry();
    const line = upstream.index.read('user/alice/json.index') ?? '';
    for (const path of hostilePaths) await upstream.writeIndexFile(path, line);
    await upstream.writeIndexFile('user/a/readme.txt', '#!/bin/sh\n');
    const refused = hostilePaths.map((path) => path.slice('user/'.length, -'.index'.length));
    const { code, json } = await registry.report<SyncReport>('sync');
    expect([code, json.sources]).toMatchObject([0, [{ outcome: 'fresh' }]]);
    expect(
      json.findings.map(({ kind, source, module }: Finding) => `${kind} ${source} ${module}`).sort(),
    ).toEqual(refused.map((name) => `refused-name partner ${name}`).sort());
    expect((await registry.run('mirror', '--full')).code).toBe(0);
    const { stdout } = await registry.run('status');
    expect(stdout).toContain('refused-name a/b:c (partner): "a/b:c" is not a module name: it contains');
    expect([...stdout].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    expect(await registry.served()).toEqual(served);
    expect(await outside()).toEqual(before);
  });

  test.each([
    'user/../x.index',
    'user/../../x.index',
    'user/./x.index',
    'user/a/../../../x.index',
    'user/.git/x.index',
    '.git/hooks/post-checkout',
    '../escape',
  ])(
    'at %j makes a repository that git itself would not take, and nothing new is read of it',
    async (path) => {
      const { upstream, registry, served, outside, before } = await settledRegistry();
      await upstream.publish('alice/json@1.1.0');
      await upstream.writeIndexFile(path, upstream.index.read('user/alice/json.index') ?? '');
      const { code, stdout } = await registry.run('sync');
      expect([code, stdout]).toEqual([3, expect.stringContaining('has an entry named')]);
      expect(await registry.served()).toEqual(served);
      expect(await outside()).toEqual(before);
    },
  );

  test('whose path needs a folder where another index file stood is refused, and says which', async () => {
    const { upstream, registry, outside, before } = await settledRegistry();
    const line = upstream.index.read('user/alice/json.index') ?? '';
    await upstream.removeIndexFile('user/alice/json.index');
    await upstream.writeIndexFile('user/alice/json.index/c.index', line);
    // Twice: a module may vanish from a source's index by mistake, so one reading need not be believed.
    await registry.run('sync');
    const { json } = await registry.report<SyncReport>('sync');
    expect(json.findings).toMatchObject([
      { kind: 'refused-name', module: 'alice/json.index/c', source: 'partner' },
    ]);
    // The module is gone from the source, and what is cached of it stays.
    expect(Object.keys(await registry.served())).toEqual(['alice/json@1.0.0', 'alice/text@0.1.0']);
    expect(await outside()).toEqual(before);
  });
});

describe('an index repository', () => {
  const cases: readonly (readonly [string, Faults, RegExp])[] = [
    ['answers with a web page', { only: 'index', html: true }, /web page/],
    ['is gone', { only: 'index', status: 404 }, /HTTP 404/],
    ['wants credentials', { only: 'index', status: 401 }, /HTTP 401/],
    ['breaks off', { only: isPack, truncate: true }, /partner: .*git/],
    ['sends other bytes', { only: isPack, wrongBytes: true }, /partner: .*git/],
  ];

  test.each(cases)('that %s leaves the last good index as it was', async (_, fault, message) => {
    const { upstream, registry, served, outside, before } = await settledRegistry();
    await upstream.publish('alice/json@2.0.0');
    Object.assign(upstream.faults, fault);
    const { code, stdout } = await registry.run('sync');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^ {2}partner: .*; its last good index stays in use$/m);
    expect(stdout).toMatch(message);
    expect(await registry.served()).toEqual(served);
    expect(await outside()).toEqual(before);
  });

  test('that could not be read is marked stale until it can be', async () => {
    const { upstream, registry } = await settledRegistry();
    await upstream.publish('alice/json@2.0.0');
    upstream.faults.down = true;
    expect((await registry.run('mirror', 'alice/json')).code).toBe(3);
    const status = await registry.run('status');
    expect(status).toMatchObject({ code: 3, stdout: expect.stringMatching(/partner \(default\).*STALE/) });
    upstream.clearFaults();
    expect((await registry.run('sync')).code).toBe(0);
    expect(Object.keys(await registry.served())).toContain('alice/json@2.0.0');
    expect((await registry.run('status')).stdout).not.toContain('STALE');
  });

  test('that was never readable is said to be so, and other sources are served', async () => {
    const page = await startUpstream(['page/x@1.0.0']);
    page.faults.html = true;
    const empty = await startUpstream();
    const good = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [
        { name: 'page', upstream: page, priority: 60 },
        { name: 'empty', upstream: empty, priority: 70 },
        { name: 'good', upstream: good, priority: 10 },
      ],
    });
    const { code, stdout } = await registry.run('sync');
    expect(code).toBe(3);
    expect(stdout).toContain('2 sources could not be read:');
    expect(stdout).toMatch(/^ {2}page: .*web page.*; it was never read before$/m);
    expect(stdout).toMatch(/^ {2}empty: .*no commit.*; it was never read before$/m);
    expect(Object.keys(await registry.served())).toEqual(['alice/json@1.0.0']);
    const mirror = await registry.run('mirror', '-s', 'empty', '--full');
    expect(mirror).toMatchObject({ code: 1, stdout: '' });
    expect(mirror.stderr).toMatch(
      /^error: cannot read the index of source "empty": .*\nhint: .*source check empty/,
    );
  });

  test('without any index file is named by mirror and by source check', async () => {
    const upstream = await startUpstream();
    await upstream.writeIndexFile('README.md', 'coming soon\n');
    await upstream.writeIndexFile('alice/json.index', '{}\n');
    const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'partner', upstream }] });
    const mirror = await registry.run('mirror', '--full');
    expect(mirror).toMatchObject({ code: 1, stdout: '' });
    expect(mirror.stderr).toMatch(
      /^error: cannot read the index of source "partner": .*no \.index file below user\//,
    );
    const check = await registry.run('source', 'check', 'partner');
    expect(check.code).toBe(1);
    expect(check.stdout).toMatch(/FAILED index: .*no \.index file below user\//);
    expect(await registry.served()).toEqual({});
  });

  test('that loses all its files is taken as damaged, and nothing leaves the served index', async () => {
    const { upstream, registry, served } = await settledRegistry();
    for (const module of ['json', 'text']) await upstream.removeIndexFile(`user/alice/${module}.index`);
    await upstream.writeIndexFile('README.md', 'gone\n');
    const { code, stdout } = await registry.run('sync');
    expect(code).toBe(3);
    expect(stdout).toMatch(/partner: .*no \.index file below user\/; its last good index stays in use/);
    expect(await registry.served()).toEqual(served);
  });
});

describe('an archive', () => {
  const cases: readonly (readonly [string, Faults, RegExp, string])[] = [
    ['is cut short', { truncate: true }, /closed|broke off|ended/, 'HTTP 502'],
    ['is a web page', { html: true }, /web page/, 'HTTP 502'],
    [
      'has other bytes',
      { wrongBytes: true },
      /what was received is (no archive|not what the checksum)/,
      'HTTP 502',
    ],
  ];

  test.each(cases)(
    'that %s reaches neither store nor client, and is named with its source',
    async (_, fault, reason, status) => {
      const { upstream, registry, served, outside, before, archives } = await settledRegistry();
      const cached = await archives();
      Object.assign(upstream.faults, { only: 'archives', ...fault });
      const { code, stdout } = await registry.run('mirror', '--full');
      expect(code).toBe(3);
      expect(/^1 archive failed:\n {2}alice\/text@0\.1\.0 \(partner\): (.*)$/m.exec(stdout)?.[1]).toMatch(
        reason,
      );
      expect(await archives()).toEqual(cached);
      const server = await registry.serve();
      expect(await downloadFrom(server, 'alice/text@0.1.0')).toBe(status);
      expect(await downloadFrom(server, 'alice/json@1.0.0')).toBe(served['alice/json@1.0.0']);
      expect(await archives()).toEqual(cached);
      upstream.clearFaults();
      expect(await downloadFrom(server, 'alice/text@0.1.0')).toBe(served['alice/text@0.1.0']);
      expect(await registry.served()).toEqual(served);
      expect(await outside()).toEqual(before);
    },
  );
});

function isPack({ method }: { readonly method: string }): boolean {
  return method === 'POST';
}
