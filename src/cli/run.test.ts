import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cli, recordIo } from './io.fixture.ts';
import { createProgram, fullName, withDescendants } from './program.ts';
import { runCli } from './run.ts';

const recipe = `default_source = "mooncakes"

[[sources]]
name = "mooncakes"
type = "mooncakes"

[[sources]]
name = "partner"
url = "https://partner.example.com/registry"
index_url = "https://partner.example.com/registry/git/index"
auth = { type = "bearer", token = "\${PARTNER_TOKEN}" }
`;
const env = { PARTNER_TOKEN: 'very-secret' };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cli-'));
  await writeFile(join(directory, 'registry.toml'), recipe);
});
afterEach(() => rm(directory, { recursive: true }));

const run = (...words: string[]) => cli(words, { workingDirectory: directory, env });

const commandNames = withDescendants(
  createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined }),
).map((command) => fullName(command).split(' ').slice(1));

describe('help', () => {
  test.each(commandNames.map((words) => [words.join(' '), words] as const))(
    'of "%s" fits into 100 columns and says what it is for',
    async (_, words) => {
      const { exitCode, stdout, stderr } = await cli([...words, '--help'], { columns: 300 });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
      expect(stdout).toMatch(/^Usage: moonbit-registry.*\n\n\S.{20}/);
      expect(stdout).toMatch(/--json/);
      const hasSubcommands = ['', 'source', 'state', 'staged', 'token', 'oidc', 'hosting'].includes(
        words.join(' '),
      );
      expect(stdout.includes('Examples:')).toBe(!hasSubcommands);
    },
  );

  test.each(commandNames.map((words) => [words.join(' '), words] as const))(
    'of "%s" fits into 60 columns but for words that do not, and cuts none of them',
    async (_, words) => {
      const wide = await cli([...words, '--help'], { columns: 100 });
      const { stdout } = await cli([...words, '--help'], { columns: 60 });
      const tooWide = stdout.split('\n').filter((line) => line.length > 60);
      expect(tooWide.filter((line) => !/^ *(?:--?[a-z-]+ )?\S{44,}(?: \\)?$/.test(line))).toEqual([]);
      const wordsIn = (text: string) => text.split(/[\s\\]+/);
      expect(wordsIn(stdout)).toEqual(wordsIn(wide.stdout));
    },
  );

  test('lists every command of the product', async () => {
    const { stdout } = await cli(['--help']);
    for (const name of [
      'init',
      'source',
      'mirror',
      'sync',
      'status',
      'explain',
      'serve',
      'config',
      'path',
      'update',
      'demo',
      'completion',
    ])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).not.toMatch(/^ {2}complete /m);
  });
});

describe('the word help', () => {
  test.each([
    [['help'], 'Usage: moonbit-registry COMMAND'],
    [['help', 'help'], 'Usage: moonbit-registry COMMAND'],
    [['help', 'serve'], 'Usage: moonbit-registry serve'],
    [['help', 'source'], 'Usage: moonbit-registry source COMMAND'],
    [['help', 'source', 'add'], 'Usage: moonbit-registry source add NAME'],
    [['source', 'help'], 'Usage: moonbit-registry source COMMAND'],
    [['source', 'help', 'add'], 'Usage: moonbit-registry source add NAME'],
    [['-q', 'help', 'state'], 'Usage: moonbit-registry state COMMAND'],
  ])('%j shows what --help does', async (words, usage) => {
    const { exitCode, stdout, stderr } = await run(...words);
    expect(stdout.startsWith(usage)).toBe(true);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

describe('a result that cannot be written', () => {
  const writeTo = async (code: string, ...words: string[]) => {
    const io = recordIo({ workingDirectory: directory, env });
    const settled = () => Promise.reject(Object.assign(new Error(code), { code }));
    const exitCode = await runCli(words, { ...io, stdout: { ...io.stdout, settled } });
    return { exitCode, stderr: io.written.stderr };
  };

  test.each(['ENOSPC', 'EIO', 'EBADF', 'EDQUOT', 'ESTALE', 'EAGAIN'])(
    'for %s is one line and a failure, of every command',
    async (code) => {
      for (const words of [
        ['source', 'list'],
        ['help'],
        ['--version'],
        ['config', '--json'],
        ['help', 'sync'],
      ]) {
        const { exitCode, stderr } = await writeTo(code, ...words);
        expect(stderr).toMatch(
          /^error: cannot write the result to standard output: [^\n]*\n(?:hint: [^\n]*\n)?$/,
        );
        expect(stderr).toContain(code);
        expect(exitCode).toBe(1);
      }
    },
  );

  test('is not waited for where nobody is', async () => {
    const io = recordIo({ workingDirectory: directory, env });
    const stdout = { ...io.stdout, settled: () => new Promise<void>(() => {}) };
    expect(await runCli(['source', 'list'], { ...io, stdout, waitsForReaders: () => false })).toBe(0);
  });
});

describe('what was typed wrongly', () => {
  test.each([
    [['help', 'nosuch'], "error: unknown command 'nosuch'", 'hint: moonbit-registry has: init, source, '],
    [['help', 'statsu'], "unknown command 'statsu'", 'did you mean status?'],
    [['help', 'ls'], "unknown command 'ls'", 'did you mean "moonbit-registry list"?'],
    [['help', 'source', 'nosuch'], "unknown command 'nosuch'", 'moonbit-registry source has: add, list'],
    [['help', 'source', 'lst'], "unknown command 'lst'", 'did you mean list?'],
    [['source', 'help', 'rm'], "unknown command 'rm'", 'did you mean "moonbit-registry source remove NAME"?'],
    [
      ['help', 'serve', 'x'],
      'moonbit-registry serve has no commands of its own',
      'see moonbit-registry serve --help',
    ],
    [['help', '--fro'], "unknown option '--fro'", 'usage: moonbit-registry help [COMMAND…]'],
    [['mirorr'], "unknown command 'mirorr'", 'did you mean mirror?'],
    [['source', 'lst'], "unknown command 'lst'", 'did you mean list?'],
    [['ls'], "unknown command 'ls'", 'did you mean "moonbit-registry list"?'],
    [['search', 'json'], "unknown command 'search'", 'did you mean "moonbit-registry list"?'],
    [['run'], "unknown command 'run'", 'did you mean "moonbit-registry serve"?'],
    [['rm', 'partner'], "unknown command 'rm'", 'did you mean "moonbit-registry source remove NAME"?'],
    [['login'], "missing required argument 'url'", 'moonbit-registry login URL'],
    [['version'], "unknown command 'version'", 'did you mean "moonbit-registry --version"?'],
    [['source', 'rm', 'x'], "unknown command 'rm'", 'did you mean "moonbit-registry source remove NAME"?'],
    [['upload'], "unknown command 'upload'", 'did you mean "moonbit-registry publish"?'],
    [['constructor'], "unknown command 'constructor'", 'usage: moonbit-registry COMMAND'],
    [['mirror', '--ful'], "unknown option '--ful'", 'did you mean --full?'],
    [['sync', '--jsn'], "unknown option '--jsn'", 'did you mean --json?'],
    [
      ['explain'],
      "missing required argument 'module[@version]'",
      'usage: moonbit-registry explain MODULE[@VERSION]',
    ],
    [
      ['source', 'add'],
      "missing required argument 'name'",
      'usage: moonbit-registry source add NAME [options]',
    ],
    [['source', 'list', 'x'], 'too many arguments', 'usage: moonbit-registry source list [options]'],
    [['mirror', '-s'], 'argument missing', 'usage: moonbit-registry mirror [PATTERNS…] [options]'],
    [['source'], 'moonbit-registry source needs a command: add, list', 'see moonbit-registry source --help'],
    [[], 'moonbit-registry needs a command: init, source', 'see moonbit-registry --help'],
    [['serve', '--port', 'http'], '--port takes a whole number from 0 to 65535, not "http"', ''],
    [['mirror', '-j', '0', 'a/*'], '--jobs takes a whole number from 1 to 256', ''],
    [['mirror', 'a/*', '--full'], 'patterns and --full exclude each other', ''],
    [['explain', 'a/b@1'], '"1" is not a version: it needs three numbers', 'a/b@1.2.3'],
    [['path', 'a/b'], '"a/b" names no version', 'write a/b@VERSION'],
    [
      ['source', 'add', 'x', '--url', 'http://h'],
      'a source needs --index-url',
      'usage: moonbit-registry source add NAME',
    ],
    ...[['--dry-run'], []].flatMap((more): [string[], string, string][] => [
      [
        ['source', 'add', 'x', '--url', 'ftp://h', '--index-url', 'https://h/i', ...more],
        'error: --url: expected an address such as "https://example.com/registry"',
        '',
      ],
      [
        ['source', 'add', 'x', '--url', 'https://h', '--index-url', 'h', ...more],
        'error: --index-url: expected the address of a git repository',
        '',
      ],
      [
        ['source', 'add', 'x', '--url', 'h h', '--index-url', 'h h', ...more],
        'error: --url: expected no spaces, backslashes or control characters in an address\n--index-url: expected no',
        '',
      ],
      [['source', 'rename', 'partner', 'No Name', ...more], 'error: the new name: expected a name of', ''],
    ]),
    [
      ['source', 'add', 'No Name', '--from-preset', 'mooncakes', '--include', 'a/*', '--exclude', '*'],
      'error: the name: expected a name of at most 64',
      '',
    ],
    [
      ['source', 'add', 'x', '--from-preset', 'mooncakes', '--include', 'a/*', '--exclude', '*'],
      'error: --include: "a/*" can never match: the source\'s own "*" excludes it',
      '',
    ],
    [['update', '--registry', 'ftp://x'], '--registry takes an http or https URL', ''],
  ])('%j is a usage error that helps', async (words, message, hint) => {
    const { exitCode, stdout, stderr } = await run(...words);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  test('with --json, the error is one document on stdout as well', async () => {
    const { exitCode, stdout, stderr } = await run('--json', 'mirorr');
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'usage', message: "unknown command 'mirorr'", hint: 'did you mean mirror?' },
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("error: unknown command 'mirorr'");
  });

  test('a mistyped source is named with the nearest one, and fails with 1', async () => {
    for (const words of [
      ['source', 'default'],
      ['source', 'enable'],
      ['source', 'disable'],
      ['source', 'remove'],
    ]) {
      const { exitCode, stderr } = await run(...words, 'partnr');
      expect(stderr).toBe(
        'error: there is no source "partnr"\nhint: did you mean "partner"? configured: mooncakes, partner\n',
      );
      expect(exitCode).toBe(1);
    }
  });
});

describe('options every command takes', () => {
  test.each([
    [['-d', 'DIR', 'source', 'list']],
    [['source', '--dir', 'DIR', 'list']],
    [['source', 'list', '-d', 'DIR']],
    [['source', 'list', '--dir=DIR', '-qv']],
  ])('%j finds the registry', async (words) => {
    const { exitCode, stdout } = await cli(
      words.map((word) => word.replace('DIR', directory)),
      { env },
    );
    expect(stdout).toContain('Configured sources:');
    expect(exitCode).toBe(0);
  });

  test('a folder without a registry is an error that says how to get one', async () => {
    const { exitCode, stderr } = await cli(['source', 'list', '-d', '/nowhere']);
    expect(stderr).toMatch(/^error: there is no registry.toml in \/nowhere\nhint: .*init/);
    expect(exitCode).toBe(1);
  });

  test('every problem of registry.toml is shown, one per line, and as data', async () => {
    await writeFile(join(directory, 'registry.toml'), '[server]\nport = "x"\nhots = 1\n');
    const { exitCode, stdout, stderr } = await run('--json', 'config');
    expect(stderr).toMatch(/^ {2}registry\.toml:2:\d+: server\.port: /m);
    expect(stderr).toMatch(/^ {2}registry\.toml:3:\d+: server\.hots: /m);
    const { error } = JSON.parse(stdout) as { error: { code: string; problems: string[] } };
    expect(error.code).toBe('config');
    expect(error.problems).toHaveLength(2);
    expect(exitCode).toBe(1);
  });
});

test('a failure does not leave a status line behind', async () => {
  const io = recordIo({ isTTY: true, env, workingDirectory: directory });
  const offline = 'name = "x"\nurl = "http://127.0.0.1:9"\nindex_url = "file:///nowhere/index"\n';
  await writeFile(join(directory, 'registry.toml'), `[[sources]]\n${offline}`);
  await runCli(['mirror', 'a/*'], io);
  expect(io.written.stderr).toContain('Reading indexes');
  expect(io.written.stderr).toMatch(/Reading indexes[^\n]*\r\u001b\[K[^R]*error:/);
});

describe('config', () => {
  test('shows all settings in effect and no credential', async () => {
    const { stdout } = await run('config');
    expect(stdout).toContain('server.port = 8080\n');
    expect(stdout).toContain('server.refresh_interval = "60s"\n');
    expect(stdout).toContain('sources.partner.auth.type = "bearer"\n');
    const json = await run('config', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ 'server.port': 8080, default_source: 'mooncakes' });
    expect(stdout + json.stdout).not.toContain('very-secret');
  });

  test('prints one value alone', async () => {
    expect(await run('config', 'server.port')).toEqual({ exitCode: 0, stdout: '8080\n', stderr: '' });
  });

  test('suggests the key that was meant', async () => {
    const { exitCode, stderr } = await run('config', 'server.prot');
    expect(stderr).toBe(
      'error: there is no setting called "server.prot"\nhint: did you mean "server.port"?\n',
    );
    expect(exitCode).toBe(1);
  });

  test.each([
    ['port', 'did you mean "server.port"?'],
    ['upstream_fallbak', 'did you mean "server.upstream_fallback"?'],
    ['sources.port', 'did you mean "server.port"?'],
    ['priority', 'did you mean "sources.mooncakes.priority" or "sources.partner.priority"?'],
  ])('suggests by the last part of the key: %s', async (key, hint) => {
    expect((await run('config', key, '9000')).stderr).toContain(`hint: ${hint}`);
  });

  test.each(['zzzzzz', 'sources.partner', 'sources'])(
    'names at most ten settings, not all: %s',
    async (key) => {
      const { stderr } = await run('config', key, '1');
      const named = stderr.match(/[a-z_]+(?:\.[a-z_]+)+/g) ?? [];
      expect(named.length).toBeGreaterThan(2);
      expect(named.length).toBeLessThanOrEqual(11);
      expect(stderr).toContain('"moonbit-registry config" shows those in force');
    },
  );

  test('tells a setting without a value from none at all', async () => {
    expect((await run('config', 'server.base_url')).stderr).toBe('error: "server.base_url" is not set\n');
  });
});

test('source list shows credentials to nobody', async () => {
  const json = await run('source', 'list', '--json');
  const text = await run('source', 'list');
  expect(json.stdout + text.stdout).not.toContain('very-secret');
  expect(text.stdout).toContain('  partner [enabled]\n');
  expect(text.stdout).toContain('    Auth: bearer\n');
});

test.each([
  ['source', 'login', 'main', '--token=hunter2'],
  ['source', 'login', 'main', "--token=hunter2'=x"],
  ['token=hunter2'],
  ['source', 'token=hunter2'],
  ['config', 'sources.partner.auth.token=hunter2'],
  ['config', 'sources.partner.auth.token=hunter2', 'x'],
  ['config', 'token=hunter2', 'x', 'token=hunter2', 'y'],
])(
  'what stands behind "=" in a word that is not understood is not repeated: %s %s %s %s',
  async (...words) => {
    for (const more of [[], ['--json'], ['-v']]) {
      const { exitCode, stdout, stderr } = await run(...more, ...words);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('token');
      expect(stdout + stderr).not.toContain('hunter2');
    }
  },
);
