/**
 * The commands as their user meets them: streams, exit codes, files on disk. The built program runs where streams, a terminal or
 * another program are what matters, the same code within the test elsewhere.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { ListedModule } from '../../src/registry/deliver/served-modules.ts';
import type { SourceCheck } from '../../src/registry/sync/check-source.ts';
import type { Explanation } from '../../src/registry/sync/explain.ts';
import type { StatusReport } from '../../src/registry/upkeep/status.ts';
import { clone } from '../support/git-client.ts';
import { runCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256, startUpstream } from '../support/worlds.ts';
import { cliRegistryIn, createCliRegistry, listFiles, type Runner } from './cli-registry.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = join(root, 'dist', 'main.js');
const escapeCode = '\u001b';
const execute = promisify(execFile);
const canOpenTerminal = await execute('script', ['-qec', 'true', '/dev/null']).then(
  () => true,
  () => false,
);

/** `alice/json` from a partner and `moonbitlang/x` from a public source, synced; nothing is cached. */
async function createSynced(runner: Runner = 'here') {
  const main = await startUpstream(['alice/json@1.0.0', 'moonbitlang/x@0.4.0', 'moonbitlang/x@0.4.1']);
  const partner = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0']);
  const registry = await createCliRegistry({
    runner,
    sources: [
      { name: 'main', upstream: main, priority: 100 },
      { name: 'partner', upstream: partner, priority: 25 },
    ],
  });
  expect((await registry.run('sync')).code).toBe(0);
  return { main, partner, registry };
}

describe('init', () => {
  test('makes settings, an index that clones and a place for archives, and implies mooncakes.io', async () => {
    const registry = cliRegistryIn(temporaryDirectory(), 'mine');
    const { code, stdout } = await registry.runWith(
      { cwd: registry.surroundings },
      'init',
      './mine',
      '--name',
      'Ours',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('registry.toml\n');
    const text = await readFile(join(registry.directory, 'registry.toml'), 'utf8');
    expect(text).toContain('name = "Ours"');
    expect(text).not.toContain(registry.directory);
    expect(await readdir(join(registry.directory, 'data', 'packages'))).toEqual([]);
    await clone(join(registry.directory, 'data', 'index'), join(registry.surroundings, 'clone'));
    const list = await registry.run('source', 'list');
    expect(list.stdout).toContain('    URL: https://mooncakes.io\n');
    expect(list.stderr).toBe('No sources configured: the mooncakes preset is implied.\n');
  });

  test('overwrites nothing: neither a registry nor what else is in the folder', async () => {
    const registry = cliRegistryIn(temporaryDirectory(), 'mine', 'here');
    await mkdir(registry.directory);
    await writeFile(join(registry.directory, 'notes.txt'), 'mine');
    expect((await registry.run('init')).code).toBe(0);
    await writeFile(join(registry.directory, 'registry.toml'), '# edited\n');
    const before = await listFiles(registry.directory);
    const { code, stdout, stderr } = await registry.run('init');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*registry\.toml exists already: nothing was changed\nhint: /);
    expect(await listFiles(registry.directory)).toEqual(before);
    expect(await readFile(join(registry.directory, 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('streams and exit codes', () => {
  test('0 when done, 1 when failed, 2 when typed wrongly, 3 when something is left to see to', async () => {
    const { registry, partner } = await createSynced('program');
    expect(await registry.run('sync')).toMatchObject({ code: 0, stderr: '' });
    expect(await registry.run('path', 'alice/json@1.1.0')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: .*not cached\nhint: moonbit-registry mirror alice\/json\n$/),
    });
    Object.assign(partner.faults, { only: 'index', status: 403 });
    expect((await registry.run('sync')).code).toBe(3);
    for (const [words, code, message] of [
      [['mirorr'], 2, 'did you mean mirror?'],
      [['mirror', '--ful'], 2, 'did you mean --full?'],
      [['mirror', '--from', '.', '-s', 'main'], 2, '--from and --source exclude each other'],
      [['source', 'disable', 'partnr'], 1, 'did you mean "partner"?'],
      [['config', 'server.prot'], 1, 'did you mean "server.port"?'],
    ] as const)
      expect(await registry.run(...words)).toMatchObject({
        code,
        stdout: '',
        stderr: expect.stringContaining(message),
      });
  });

  test('with --json every command prints one JSON document, its failures too', async () => {
    const { registry } = await createSynced();
    const lines: readonly (readonly [number, ...string[]])[] = [
      [0, 'source', 'list'],
      [0, 'source', 'check', 'main'],
      [0, 'sync'],
      [0, 'mirror', 'moonbitlang/*'],
      [0, 'status'],
      [0, 'explain', 'alice/json@1.1.0'],
      [0, 'path', 'moonbitlang/x@0.4.0'],
      [0, 'config'],
      [0, 'config', 'server.port', '9000'],
      [0, 'source', 'add', 'more', '--url', 'http://127.0.0.1:9', '--index-url', 'http://127.0.0.1:9/i'],
      [0, 'source', 'disable', 'more'],
      [0, 'source', 'default', 'partner'],
      [0, 'source', 'remove', 'more'],
      [0, 'completion', 'zsh'],
      [1, 'init'],
      [1, 'path', 'nobody/has@1.0.0'],
      [2, 'explain'],
    ];
    for (const [code, ...words] of lines) {
      const outcome = await registry.run(...words, '--json');
      expect([words, outcome.code]).toEqual([words, code]);
      const document = JSON.parse(outcome.stdout);
      expect(outcome.stdout.endsWith('\n')).toBe(true);
      expect('error' in document).toBe(code !== 0);
    }
  });

  test('removing a source tells which of its patterns go with it', async () => {
    const registry = await createCliRegistry({ runner: 'here', sources: [] });
    const address = 'http://127.0.0.1:9';
    const patterns = ['--namespace', 'company/*', '--exclude', 'company/old-*'];
    const added = await registry.run(
      'source',
      'add',
      'more',
      '--url',
      address,
      '--index-url',
      address,
      ...patterns,
    );
    // Whatever a look finds, the source is added.
    expect(added).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('It could not be read: '),
    });
    const { stdout } = await registry.run('source', 'remove', 'more');
    expect(stdout).toContain('Its claim of company/* is gone');
    expect(stdout).toContain('Its exclude of company/old-* is gone');
  });

  test('with -q nothing but results and failures is said', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'main', upstream }] });
    const add = ['source', 'add', 'more', '--url', upstream.url, '--index-url', upstream.indexUrl];
    const looked = await registry.run('-q', ...add);
    expect(looked).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('Looked at it: 1 module'),
    });
    for (const words of [['sync'], ['mirror', 'alice/*'], ['source', 'remove', 'more']])
      expect(await registry.run('-q', ...words)).toMatchObject({ code: 0, stderr: '' });
    expect((await registry.run('mirror', 'nobody/*', '-q')).stderr).toMatch(/^error: /);
  });

  test('a reader who has seen enough ends a command quietly', async () => {
    const upstream = await startUpstream(Array.from({ length: 600 }, (_, n) => `alice/module${n}@1.0.0`));
    const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
    const line = `{ '${process.execPath}' '${entry}' sync --json; echo "exit $?" >&2; } | head -1`;
    const { stdout, stderr } = await execute('sh', ['-c', line], { cwd: registry.directory });
    expect({ stdout, stderr }).toEqual({ stdout: '{\n', stderr: 'exit 0\n' });
  });

  test('no escape code goes anywhere but to a terminal', async () => {
    const { registry } = await createSynced('program');
    for (const words of [['sync'], ['mirror', '--full'], ['mirorr'], ['--help']]) {
      const { stdout, stderr } = await registry.run(...words);
      expect(stdout + stderr).not.toContain(escapeCode);
    }
  });

  test.skipIf(!canOpenTerminal)('on a terminal there is colour, unless NO_COLOR says otherwise', async () => {
    const show = async (env: Record<string, string>) => {
      const line = `'${process.execPath}' '${entry}' mirorr || true`;
      const terminal = { ...process.env, TERM: 'xterm', ...env };
      return (await execute('script', ['-qec', line, '/dev/null'], { env: terminal })).stdout;
    };
    expect(await show({})).toContain(`${escapeCode}[31merror:`);
    const plain = await show({ NO_COLOR: '1' });
    expect(plain).toContain('error: ');
    expect(plain).not.toContain(escapeCode);
  });
});

describe('config', () => {
  test('reads one setting, and changes it between comments that stay', async () => {
    const registry = cliRegistryIn(temporaryDirectory(), 'mine', 'here');
    await registry.runWith({ cwd: registry.surroundings }, 'init', 'mine');
    const file = join(registry.directory, 'registry.toml');
    await writeFile(file, `${await readFile(file, 'utf8')}\n# The end, really\n`);
    const before = await readFile(file, 'utf8');
    expect((await registry.run('config', 'server.port')).stdout).toBe('8080\n');
    expect((await registry.run('config', 'server.port', '9090')).stdout).toBe('server.port = 9090\n');
    expect((await registry.run('config', 'server.port')).stdout).toBe('9090\n');
    expect(await readFile(file, 'utf8')).toBe(before.replace('port = 8080', 'port = 9090'));
    const refused = await registry.run('config', 'server.port', '99999999');
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('from 0 to 65535'),
    });
    expect(await readFile(file, 'utf8')).toBe(before.replace('port = 8080', 'port = 9090'));
  });

  test('a changed setting counts for what is served at once', async () => {
    const { registry } = await createSynced();
    await registry.run('mirror', '-s', 'partner', 'alice/json');
    const all = await registry.served();
    const off = await registry.run('config', 'server.upstream_fallback', 'false', '--yes');
    expect(off.stdout).toBe(
      'server.upstream_fallback = false\nServed index: 1 module (1 removed).\n' +
        'This left the index:\n  removed moonbitlang/x (main)  - 0.4.0, 0.4.1\n',
    );
    expect(Object.keys(await registry.served())).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
    expect((await registry.run('config', 'server.upstream_fallback', 'true')).code).toBe(0);
    expect(await registry.served()).toEqual(all);
  });
});

describe('what is where, and why', () => {
  test('path prints a file that is what the index says', async () => {
    const { registry } = await createSynced();
    await registry.run('mirror', '-s', 'partner', 'alice/json');
    const { code, stdout } = await registry.run('path', 'alice/json@1.1.0');
    expect(code).toBe(0);
    expect(stdout.endsWith('.zip\n')).toBe(true);
    expect(sha256(await readFile(stdout.trimEnd()))).toBe((await registry.served())['alice/json@1.1.0']);
  });

  test('explain shows every source, the rule that decided, pin and cache', async () => {
    const { registry } = await createSynced();
    await registry.run('mirror', 'moonbitlang/x');
    const { stdout } = await registry.run('explain', 'alice/json@1.1.0');
    expect(stdout).toMatch(
      /^alice\/json@1\.1\.0 is served from "partner"\.\n {2}of the .*\n {2}Rule: priority\n/,
    );
    expect(stdout).toMatch(/^ {2}partner +25 +lists it: 1\.0\.0, 1\.1\.0 +[0-9a-f]{16}$/m);
    expect(stdout).toMatch(/^ {2}main +100 +lists it: 1\.0\.0 *$/m);
    expect(stdout).toMatch(/^Pinned: [0-9a-f]{64} since \S+ from "partner"\nArchive: not cached\n$/m);
    const cached = await registry.report<Explanation>('explain', 'moonbitlang/x@0.4.0');
    expect(cached.json).toMatchObject({ origin: 'main', isServed: true, isCached: true });
    const mistyped = await registry.run('explain', 'alice/jsno');
    expect(mistyped.stdout).toMatch(/^alice\/jsno is not served/);
    expect(mistyped.stdout).toMatch(
      /\n\nDid you mean alice\/json\? \(moonbit-registry explain alice\/json\)\n$/,
    );
    expect(mistyped.code).toBe(1);
    const missing = await registry.run('explain', 'alice/json@9.0.0');
    expect(missing.stdout).toMatch(/\nThere is no such version; the latest is alice\/json@1\.1\.0\.\n$/);
    expect(missing.code).toBe(1);
  });

  test('list shows what is served or cached, and a pattern that matches nothing says so', async () => {
    const { registry } = await createSynced();
    await registry.run('mirror', 'moonbitlang/x');
    expect((await registry.run('list')).stdout).toBe(
      '  MODULE         LATEST  VERSIONS  CACHED  ORIGIN\n' +
        '  alice/json     1.1.0          2       0  partner\n' +
        '  moonbitlang/x  0.4.1          2       2  main\n',
    );
    const cached = await registry.report<ListedModule[]>('list', '--cached');
    expect(cached).toEqual({
      code: 0,
      json: [{ module: 'moonbitlang/x', latest: '0.4.1', versions: 2, origin: 'main', cached: 2 }],
    });
    for (const [words, message, hint] of [
      [['alice/jsno'], 'no module that is served matches "alice/jsno"', 'did you mean "alice/json"?'],
      [['alice/*', '--cached'], 'no archive of "alice/*" is cached', "moonbit-registry mirror 'alice/*'"],
    ] as const)
      expect(await registry.run('list', ...words)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`error: ${message}\nhint: ${hint}`),
      });
  });

  test('status counts what is listed, served and cached, and asks nobody', async () => {
    const { registry, main, partner } = await createSynced();
    await registry.run('mirror', 'moonbitlang/x');
    for (const upstream of [main, partner]) upstream.resetCounts();
    const { code, json } = await registry.report<StatusReport>('status');
    expect(code).toBe(0);
    expect(json).toMatchObject({ modules: 2, archives: { count: 2 }, upstreamFallback: true, findings: [] });
    expect(json.sources).toMatchObject([
      { name: 'partner', priority: 25, listed: 1, served: 1, isStale: false },
      { name: 'main', isDefault: true, priority: 100, listed: 2, served: 1, isStale: false },
    ]);
    expect(main.count() + partner.count()).toBe(0);
  });

  test('sync --dry-run shows what would change, and changes nothing', async () => {
    const { registry, main, partner } = await createSynced();
    const before = await registry.state();
    await main.publish('alice/new@0.1.0');
    await partner.publish('alice/json@2.0.0');
    await partner.publish('moonbitlang/x@0.4.0');
    const dry = await registry.run('sync', '--dry-run');
    expect(dry.code).toBe(3);
    const changes = ['  added alice/new (main)  + 0.1.0', '  changed alice/json (partner)  + 2.0.0'];
    expect(dry.stdout).toMatch(
      `Would serve 3 modules (1 added, 1 changed) from 2 sources.\n${changes.join('\n')}\n1 conflict`,
    );
    expect(dry.stdout).toContain('moonbitlang/x (partner)');
    expect(await registry.state()).toBe(before);
    expect(Object.keys(await registry.served())).not.toContain('alice/new@0.1.0');
    const wet = await registry.run('sync');
    expect(wet.stdout).toContain(changes.join('\n'));
    expect(await registry.state()).not.toBe(before);
  });

  test('source check tells a good source from one that is away, locked, empty or wrong', async () => {
    const good = await startUpstream(['alice/json@1.0.0', 'alice/text@1.0.0']);
    const away = await startUpstream();
    await away.stopListening();
    const locked = await startUpstream(['a/b@1.0.0'], { auth: { type: 'bearer', token: 'let-me-in' } });
    const wrong = await startUpstream(['a/b@1.0.0']);
    Object.assign(wrong.faults, { only: 'archives', wrongBytes: true });
    const registry = await createCliRegistry({
      runner: 'here',
      sources: [
        { name: 'good', upstream: good },
        { name: 'away', upstream: away },
        { name: 'locked', upstream: locked },
        { name: 'unlocked', upstream: locked, auth: `type = "bearer"\ntoken = "\${LOCK_TOKEN}"` },
        { name: 'empty', upstream: await startUpstream() },
        { name: 'wrong', upstream: wrong },
      ],
    });
    const env = { LOCK_TOKEN: 'let-me-in' };
    const { code, stdout } = await registry.runWith({ env }, 'source', 'check', '--json');
    expect(code).toBe(1);
    const checks = JSON.parse(stdout) as SourceCheck[];
    const outcomes = checks.map(({ source, steps }) => [
      source,
      steps.map(({ step, ok }) => `${step} ${ok}`).join(', '),
    ]);
    expect(Object.fromEntries(outcomes)).toEqual({
      good: 'reach true, authenticate true, index true, archive true',
      away: 'reach false',
      locked: 'reach true, authenticate false',
      unlocked: 'reach true, authenticate true, index true, archive true',
      empty: 'reach true, index false',
      wrong: 'reach true, authenticate true, index true, archive false',
    });
    expect(stdout).not.toContain('let-me-in');
    const one = await registry.runWith({ env }, 'source', 'check', 'good');
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(/^good: ok \(2 modules, changed .*, \d+ ms\)\n {2}ok {5}reach: /);
  });
});

describe('update', () => {
  /** A folder with a `moon` that notes the registry it was told of. */
  async function installMoon(folder: string): Promise<string> {
    await writeFile(join(folder, 'moon'), `#!/bin/sh\necho "moon $1 from \${MOONCAKES_REGISTRY-nowhere}"\n`);
    await chmod(join(folder, 'moon'), 0o755);
    return `${folder}:${process.env.PATH}`;
  }

  test('runs moon against the registry here, another, or mooncakes.io', async () => {
    const registry = await createCliRegistry({ sources: [] });
    await registry.run('config', 'server.port', '9090');
    const env = { PATH: await installMoon(registry.surroundings), MOONCAKES_REGISTRY: 'http://inherited' };
    for (const [words, stdout] of [
      [['update'], 'moon update from http://localhost:9090\n'],
      [['update', '--registry', 'https://moon.company.com/'], 'moon update from https://moon.company.com\n'],
      [['update', '--mooncakes'], 'moon update from nowhere\n'],
    ] as const)
      expect(await registry.runWith({ env }, ...words)).toEqual({ code: 0, stdout, stderr: '' });
  });

  test('warns of the config.json that makes moon deaf to it, and says what to put there', async () => {
    const registry = await createCliRegistry({ sources: [] });
    const env = { PATH: await installMoon(registry.surroundings) };
    const home = join(registry.surroundings, 'home', '.moon');
    await mkdir(home);
    await writeFile(join(home, 'config.json'), '{}');
    const { code, stderr } = await registry.runWith({ env }, 'update', '--registry', 'http://h:1');
    expect(code).toBe(0);
    expect(stderr).toContain(
      `warning: ${join(home, 'config.json')} exists, so moon ignores MOONCAKES_REGISTRY.`,
    );
    expect(stderr).toContain('"index": "http://h:1/git/index"');
  });

  test('without moon says where to get it', async () => {
    const registry = await createCliRegistry({ runner: 'here', sources: [] });
    const { code, stderr } = await registry.runWith({ env: { PATH: registry.surroundings } }, 'update');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*no "moon" in PATH\nhint: install/);
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])(
    'prints a script for %s, which that shell can read where it is installed',
    async (shell) => {
      const { code, stdout, stderr } = await runCli(['completion', shell]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('moonbit-registry');
      const file = join(temporaryDirectory(), 'script');
      await writeFile(file, stdout);
      await execute(shell, ['-n', file]).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    },
  );

  test('knows commands and the sources of the registry', async () => {
    const { registry } = await createSynced();
    const suggestions = async (...words: string[]) =>
      (await registry.run('complete', '--', ...words)).stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(await suggestions('mir')).toContain('mirror');
    expect(await suggestions('mirror', '-s', 'par')).toContain('partner');
    expect(await suggestions('source', 'disable', '')).toEqual(expect.arrayContaining(['main', 'partner']));
  });
});
