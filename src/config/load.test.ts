import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError, type ConfigProblem } from '../errors.ts';
import type { Config } from './config.ts';
import { loadConfig, parseConfig } from './load.ts';
import { defaultSourceLimits } from './normalise.ts';
import { renderNewConfig } from './template.ts';

const read = (text: string): Config => parseConfig(text, { directory: '/srv/registry' });

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const summaryOf = (text: string): string[] =>
  problemsOf(text).map(({ path, line, column, message }) => `${line}:${column} ${path}: ${message}`);

const source = (name: string, ...lines: string[]): string =>
  [
    '[[sources]]',
    `name = "${name}"`,
    `url = "https://${name}.example"`,
    `index_url = "https://${name}.example/index"`,
    ...lines,
    '',
  ].join('\n');

// As published, default_source last.
const publishedExample = `[[sources]]
name = "mooncakes"
type = "mooncakes"            # mooncakes | moonbit-registry | custom
url = "https://mooncakes.io"
index_url = "https://mooncakes.io/git/index"
index_type = "git"
enabled = true
priority = 100

[[sources]]
name = "partner"
type = "moonbit-registry"
url = "https://partner.example.com/registry"
index_url = "https://partner.example.com/registry/git/index"
index_type = "git"
enabled = true
priority = 50

[[sources]]
name = "internal"
type = "custom"
url = "https://internal.company.com/moonbit"
index_url = "https://internal.company.com/moonbit/git/index"
index_type = "git"
enabled = true
priority = 25

default_source = "mooncakes"
`;

describe('a file without problems', () => {
  test('the published example works, with default_source after the last table', () => {
    const config = read(publishedExample);
    expect(config.defaultSource).toBe('mooncakes');
    expect(config.sources.map(({ name, type, priority }) => [name, type, priority])).toEqual([
      ['mooncakes', 'mooncakes', 100],
      ['partner', 'moonbit-registry', 50],
      ['internal', 'custom', 25],
    ]);
    expect(config.sources.map(({ downloadUrl }) => downloadUrl)).toEqual([
      'https://download.mooncakes.io',
      'https://partner.example.com/registry',
      'https://internal.company.com/moonbit',
    ]);
    expect(config.warnings).toEqual([
      'registry.toml:28: default_source stands below a [[sources]] header, which makes it a setting of source ' +
        '"internal"; it is read as the registry\'s, but belongs at the top of the file',
    ]);
  });

  test('whoever hosts modules, and names no source, has none', () => {
    const config = read('[hosting]\nnamespaces = ["company/*"]');
    expect([config.sources, config.sourcesAreImplied]).toEqual([[], false]);
  });

  test('with nothing in it, the mooncakes preset is implied', () => {
    const config = read('');
    expect(config.sourcesAreImplied).toBe(true);
    expect(config.defaultSource).toBe('mooncakes');
    expect(config.sources).toEqual([
      {
        name: 'mooncakes',
        type: 'mooncakes',
        url: 'https://mooncakes.io',
        indexUrl: 'https://mooncakes.io/git/index',
        indexType: 'git',
        enabled: true,
        priority: 100,
        namespaces: [],
        include: [],
        exclude: [],
        downloadUrl: 'https://download.mooncakes.io',
        packageUrlPattern: undefined,
        allowedRedirects: [],
        maxConcurrency: 32,
        maxRequestsPerSecond: undefined,
        holdsNewNames: 'all',
        deletedUpstream: 'keep',
        limits: defaultSourceLimits(),
        auth: undefined,
      },
    ]);
    expect(config).toMatchObject({
      directory: '/srv/registry',
      file: '/srv/registry/registry.toml',
      registry: { name: 'registry', dataDir: '/srv/registry/data' },
      mirror: { packages: [], autoSync: false, syncIntervalMs: 3_600_000 },
      server: {
        host: '127.0.0.1',
        port: 8080,
        baseUrl: undefined,
        allowedHosts: [],
        trustedProxies: [],
        maxConnections: 4096,
        upstreamFallback: true,
        refreshIntervalMs: 60_000,
      },
      warnings: [],
    });
  });

  test('limits are sizes, durations and numbers, each on its own', () => {
    const { limits } = read(`[limits]
request_target = 1000
request_body = "2KiB"
request_bodies = "3MiB"
git_processes = 4
git_queue = 5
git_timeout = "6s"
git_answer = "7MiB"
git_cache = "8MiB"
git_spool = "16MiB"
archive_cache = "9MiB"
first_byte_timeout = "10s"
headers_timeout = "11s"
request_timeout = "12s"
keep_alive_timeout = "13s"
stalled_timeout = "14m"`);
    expect(limits).toEqual({
      targetCharacters: 1000,
      bodyBytes: 2048,
      allBodiesBytes: 3 << 20,
      gitProcesses: 4,
      gitQueue: 5,
      gitTimeoutMs: 6000,
      gitAnswerBytes: 7 << 20,
      gitCacheBytes: 8 << 20,
      gitSpoolBytes: 16 << 20,
      archiveCacheBytes: 9 << 20,
      firstByteMs: 10_000,
      headersMs: 11_000,
      requestMs: 12_000,
      keepAliveMs: 13_000,
      stalledMs: 840_000,
    });
    expect(read('').limits).toMatchObject({
      bodyBytes: 1 << 20,
      archiveCacheBytes: 32 << 20,
      headersMs: 15_000,
    });
  });

  test('what init writes means the same as nothing, but for the name', () => {
    const { registry, ...rest } = read(renderNewConfig({ name: 'acme "x"' }));
    expect(registry.name).toBe('acme "x"');
    expect(rest).toEqual({ ...read(''), registry: undefined, ...rest });
    expect(rest.server).toEqual(read('').server);
    expect(rest.mirror).toEqual(read('').mirror);
    expect(rest.sourcesAreImplied).toBe(true);
  });

  test('the source that init shows in comments works once the comment signs are taken away', () => {
    const example = renderNewConfig({ name: 'x' }).replace(/^# (?=\[|[a-z_]+ = )/gm, '');
    const config = read(example.replace('"mooncakes"', '"internal"'));
    expect(config.sources[0]).toMatchObject({
      name: 'internal',
      namespaces: ['company/*'],
      auth: { type: 'bearer', token: { parts: [{ kind: 'variable', name: 'INTERNAL_TOKEN' }] } },
    });
    expect(config.server.baseUrl).toBe('https://registry.example.com');
  });

  test('every setting can be set', () => {
    const config = read(
      `default_source = "b"
[registry]
name = "acme"
data_dir = "../elsewhere"
${source('a', 'priority = 0', 'enabled = false', 'namespaces = ["acme/*"]', 'include = ["acme/*", "x/*"]', 'exclude = ["acme/old*"]', 'download_url = "https://dl.a.example/"', 'package_url_pattern = "z/{module}/{version}.zip"')}
${source('b', 'url_ = 1').replace('url_ = 1\n', '')}
[mirror]
packages = ["b/*"]
auto_sync = true
sync_interval = "7d"
[server]
host = "0.0.0.0"
port = 0
base_url = "https://registry.acme.example/"
upstream_fallback = false
refresh_interval = "500ms"
`,
    );
    expect(config).toMatchObject({
      registry: { name: 'acme', dataDir: '/srv/elsewhere' },
      defaultSource: 'b',
      mirror: { packages: [{ source: 'b', pattern: 'b/*' }], autoSync: true, syncIntervalMs: 7 * 86_400_000 },
      server: {
        host: '0.0.0.0',
        port: 0,
        baseUrl: 'https://registry.acme.example',
        upstreamFallback: false,
        refreshIntervalMs: 500,
      },
    });
    expect(config.sources[0]).toMatchObject({
      priority: 0,
      enabled: false,
      namespaces: ['acme/*'],
      include: ['acme/*', 'x/*'],
      exclude: ['acme/old*'],
      downloadUrl: 'https://dl.a.example',
      packageUrlPattern: 'https://dl.a.example/z/{module}/{version}.zip',
    });
    expect(config.sources[1]).toMatchObject({
      type: 'custom',
      priority: 50,
      downloadUrl: 'https://b.example',
    });
  });

  test('the official archive host is only for the official address', () => {
    const config = read(
      source('mirror', 'type = "mooncakes"') +
        source('lookalike', 'type = "custom"') +
        '[[sources]]\nname = "m"\ntype = "mooncakes"\n',
    );
    expect(config.sources.map(({ downloadUrl }) => downloadUrl)).toEqual([
      'https://mirror.example',
      'https://lookalike.example',
      'https://download.mooncakes.io',
    ]);
    expect(config.sources.map(({ priority }) => priority)).toEqual([100, 50, 100]);
    const custom = read(source('x').replaceAll('https://x.example', 'https://mooncakes.io'));
    expect(custom.sources[0]?.downloadUrl).toBe('https://mooncakes.io');
  });

  test('the default source is the first, unless named', () => {
    expect(read(source('a') + source('b')).defaultSource).toBe('a');
    expect(read(`default_source = "b"\n${source('a')}${source('b')}`).defaultSource).toBe('b');
  });

  test('both places may name the same default source', () => {
    const config = read(`default_source = "a"\n${source('a', 'default_source = "a"')}`);
    expect(config.defaultSource).toBe('a');
    expect(config.warnings).toHaveLength(1);
  });

  test('a secret is where its references lead, which may be missing; a disabled source keeps it', () => {
    const text =
      source(
        'a',
        'enabled = false',
        '[sources.auth]',
        'type = "bearer"',
        `token = "key-\${A_KEY}-\${file:b/c d}"`,
      ) + source('b', `auth = { type = "basic", username = "ci", password = "\${file:/run/p}" }`);
    expect(read(text).sources.map(({ auth }) => auth)).toEqual([
      {
        type: 'bearer',
        token: {
          setting: 'token',
          line: 8,
          parts: [
            { kind: 'text', text: 'key-' },
            { kind: 'variable', name: 'A_KEY' },
            { kind: 'text', text: '-' },
            { kind: 'file', path: '/srv/registry/b/c d', written: 'b/c d' },
          ],
        },
      },
      {
        type: 'basic',
        username: { setting: 'username', line: 13, parts: [{ kind: 'text', text: 'ci' }] },
        password: {
          setting: 'password',
          line: 13,
          parts: [{ kind: 'file', path: '/run/p', written: '/run/p' }],
        },
      },
    ]);
  });

  test('a package to mirror that another source claims is warned of', () => {
    const config = read(
      `${source('a')}${source('b', 'namespaces = ["acme/*"]')}[mirror]\npackages = ["x/*", "acme/tool"]\n`,
    );
    expect(config.warnings).toEqual([
      'registry.toml:11: mirror.packages: "acme/tool" matches nothing in the default source "a": source "b" claims it',
    ]);
  });

  test('a package may name its source, and a version; a source that is not there is warned of', () => {
    const config = read(
      `${source('a')}${source('b')}[mirror]\npackages = ["x/y@1.0.0", { source = "b", pattern = "b/*" }, { source = "*", pattern = "c/*" }, { source = "c", pattern = "d/*" }]\n`,
    );
    expect(config.mirror.packages).toEqual([
      { source: 'a', pattern: 'x/y', version: '1.0.0' },
      { source: 'b', pattern: 'b/*' },
      { source: '*', pattern: 'c/*' },
      { source: 'c', pattern: 'd/*' },
    ]);
    expect(config.warnings).toEqual(['registry.toml:10: mirror.packages: "d/*": there is no source "c"']);
  });

  test('nothing in it can be changed', () => {
    const config = read(source('a', 'include = ["x/*"]', `auth = { type = "bearer", token = "\${T}" }`));
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(isFrozen(config)).toBe(true);
  });

  test('a byte order mark and CRLF line ends are no problem', () => {
    expect(read(`\ufeff${publishedExample.replaceAll('\n', '\r\n')}`)).toEqual(read(publishedExample));
  });
});

describe('one problem, with its place', () => {
  test.each<[string, string, string]>([
    [
      'names that are published here and that a source claims',
      '[hosting]\nnamespaces = ["company/*"]\n[[sources]]\nname = "internal"\ntype = "mooncakes"\nnamespaces = ["Company/t*"]',
      '2:15 hosting.namespaces[0]: "company/*" is claimed twice: source "internal" claims "Company/t*"; take it out here, and moonbit-registry hosting adopt \'Company/t*\' takes over what the source supplies, and the claim',
    ],
    [
      'two views of one name',
      '[[views]]\nname = "a"\ninclude = ["b/*"]\n[[views]]\nname = "a"\ninclude = ["c/*"]',
      '5:8 views[1].name: another view is called "a" already',
    ],
    [
      'names that need approval and cannot be published here',
      '[hosting]\nnamespaces = ["company/*"]\nrequire_approval = ["Company/core*", "campany/core*"]',
      '3:38 hosting.require_approval[1]: "campany/core*" names nothing that may be published here: hosting.namespaces is company/*',
    ],
    ['an unknown key', '[server]\nprot = 1', '2:1 server.prot: unknown key; did you mean "port"?'],
    ['a key of another table', 'port = 1', '1:1 port: unknown key; it belongs in [server]'],
    [
      'a key that belongs to a source',
      'priority = 1',
      '1:1 priority: unknown key; it belongs in a [[sources]] table',
    ],
    [
      'default_source in the wrong table',
      '[server]\ndefault_source = "mooncakes"',
      '2:1 server.default_source: unknown key; it belongs at the top of the file',
    ],
    [
      'a key like nothing',
      '[mirror]\nzzzzzzzzzz = 1',
      '2:1 mirror.zzzzzzzzzz: unknown key; expected packages, auto_sync, sync_interval',
    ],
    [
      'a prototype key',
      '__proto__ = 1',
      '1:1 __proto__: unknown key; expected registry, sources, mirror, server, access, views, hosting, limits',
    ],
    [
      'an inherited name',
      'isPrototypeOf = 1',
      '1:1 isPrototypeOf: unknown key; expected registry, sources, mirror, server, access, views, hosting, limits',
    ],
    ['a table that is a value', 'server = 1', '1:10 server: expected a table, got 1'],
    [
      'a list that is a table',
      '[sources]\nx = 1',
      '1:2 sources: expected [[sources]] tables: write [[sources]], with two brackets, once for each source',
    ],
    [
      'a source in a table of its name',
      '[sources.partner]\nurl = "https://a"',
      '1:2 sources: expected [[sources]] tables: instead of [sources.partner] write [[sources]], and below it name = "partner"',
    ],
    [
      'settings of a source as `config` takes them',
      'sources.a-b.auth.type = "bearer"',
      '1:1 sources: expected [[sources]] tables: instead of [sources.a-b] write [[sources]], and below it name = "a-b"',
    ],
    [
      'lists of tables of its name',
      '[[sources."a.b"]]\nurl = "https://a"',
      '1:3 sources: expected [[sources]] tables: instead of [sources."a.b"] write [[sources]], and below it name = "a.b"',
    ],
    ['sources that are no tables', 'sources = 1', '1:11 sources: expected [[sources]] tables'],
    [
      'a table of a name after a list',
      `${source('a')}[sources.partner]\nurl = "https://b"`,
      '5:2 sources.a.partner: unknown key; instead of [sources.partner] write [[sources]], and below it name = "partner"',
    ],
    [
      'a part of a source by its name',
      `${source('a')}[sources.a.auth]\ntype = "bearer"`,
      '5:2 sources.a.a: unknown key; write [sources.auth] below the [[sources]] table that it belongs to',
    ],
    ['a source that is no table', 'sources = ["a"]', '1:12 sources[0]: expected a table, got "a"'],
    ['a string that is a number', '[registry]\nname = 1', '2:8 registry.name: expected a string, got 1'],
    ['an empty name', '[registry]\nname = " "', '2:8 registry.name: expected 1 to 100 characters'],
    [
      'an empty data_dir',
      '[registry]\ndata_dir = ""',
      '2:12 registry.data_dir: expected a path, got nothing',
    ],
    [
      'a flag that is text',
      '[mirror]\nauto_sync = "yes"',
      '2:13 mirror.auto_sync: expected true or false, got "yes"',
    ],
    [
      'a port too large',
      '[server]\nport = 65536',
      '2:8 server.port: expected an integer from 0 to 65535, got 65536',
    ],
    [
      'a negative port',
      '[server]\nport = -1',
      '2:8 server.port: expected an integer from 0 to 65535, got -1',
    ],
    [
      'a port that is text',
      '[server]\nport = "80"',
      '2:8 server.port: expected an integer from 0 to 65535, got "80"',
    ],
    ['a host with a space', '[server]\nhost = "a b"', '2:8 server.host: expected a host name or address'],
    [
      'a duration without unit',
      '[mirror]\nsync_interval = "60"',
      '2:17 mirror.sync_interval: expected a duration such as "500ms", "60s", "15m", "1h" or "7d", got "60"',
    ],
    [
      'a duration that is a number',
      '[server]\nrefresh_interval = 60',
      '2:20 server.refresh_interval: expected a duration such as "500ms", "60s", "15m", "1h" or "7d", got 60',
    ],
    [
      'a duration of zero',
      '[server]\nrefresh_interval = "0s"',
      '2:20 server.refresh_interval: expected a duration above zero',
    ],
    [
      'a duration no timer can hold',
      '[server]\nrefresh_interval = "25d"',
      '2:20 server.refresh_interval: expected at most 24 days, got "25d"',
    ],
    [
      'a size without a unit',
      '[limits]\nrequest_body = "1000"',
      '2:16 limits.request_body: expected a size such as "512B", "64KiB", "16MiB" or "1GiB", got "1000"',
    ],
    [
      'a size of nothing',
      '[limits]\narchive_cache = "0MiB"',
      '2:17 limits.archive_cache: expected a size above zero',
    ],
    [
      'a body larger than all bodies',
      '[limits]\nrequest_body = "1GiB"',
      '2:16 limits.request_body: "1GiB" is more than limits.request_bodies, which is "64MiB": lower it, or raise limits.request_bodies',
    ],
    [
      'a head that may take longer than its request',
      '[limits]\nheaders_timeout = "61s"',
      '2:19 limits.headers_timeout: "61s" is more than limits.request_timeout, which is "60s": lower it, or raise limits.request_timeout',
    ],
    [
      'an answer of git smaller than a list of refs',
      '[limits]\ngit_answer = "1KiB"',
      '2:14 limits.git_answer: expected at least "64KiB": lists of refs are kept too',
    ],
    [
      'a client hung up on before it is told to ask again',
      '[limits]\nstalled_timeout = "20s"\ngit_timeout = "10s"',
      '1:2 limits.first_byte_timeout: "25s" is more than limits.stalled_timeout, which is "20s": lower it, or raise limits.stalled_timeout',
    ],
    [
      'a client hung up on while git may still work',
      '[limits]\ngit_timeout = "121s"',
      '2:15 limits.git_timeout: "121s" is more than limits.stalled_timeout, which is "120s": lower it, or raise limits.stalled_timeout',
    ],
    [
      'an answer of git that could never be kept',
      '[limits]\ngit_answer = "65MiB"',
      '2:14 limits.git_answer: "65MiB" is more than limits.git_cache, which is "64MiB": lower it, or raise limits.git_cache',
    ],
    [
      'a date',
      '[server]\nport = 1979-05-27',
      '2:8 server.port: expected an integer from 0 to 65535, got a date',
    ],
    [
      'a pattern without a slash',
      '[mirror]\npackages = ["a/*", "acme"]',
      '2:20 mirror.packages[1]: expected a pattern such as "owner/*": it names no module: write "acme/*" for an owner\'s modules',
    ],
    [
      'a package with another key',
      '[mirror]\npackages = [{ source = "a", patterns = "x/*" }]',
      '2:13 mirror.packages[0]: expected a pattern such as "owner/*", or { source = "partner", pattern = "owner/*" }, got a table',
    ],
    [
      'a version of several modules',
      '[mirror]\npackages = ["a/*@1.0.0"]',
      '2:13 mirror.packages[0]: expected a pattern such as "owner/*": before "@VERSION" stands the whole name of one module, such as "owner/name@1.2.3"',
    ],
    [
      'patterns that are no list',
      '[mirror]\npackages = "a/*"',
      '2:12 mirror.packages: expected a list of patterns such as ["owner/*"], got "a/*"',
    ],
    [
      'a default without sources',
      'default_source = "x"',
      '1:18 default_source: there is no source called "x"; expected one of mooncakes',
    ],
    [
      'a base_url with a query',
      '[server]\nbase_url = "https://x/?a"',
      '2:12 server.base_url: expected no "?" or "#" in an address',
    ],
  ])('%s', (_, text, problem) => {
    expect(summaryOf(text)).toEqual([problem]);
  });

  test.each<[string, string, string]>([
    [
      'a missing name',
      '[[sources]]\nurl = "https://a"\nindex_url = "https://a/i"',
      '1:3 sources[0].name: is missing',
    ],
    [
      'a missing url',
      '[[sources]]\nname = "a"\nindex_url = "https://a/i"',
      '1:3 sources.a: "url" is missing',
    ],
    [
      'a mooncakes source elsewhere without an index',
      '[[sources]]\nname = "a"\ntype = "mooncakes"\nurl = "https://a"',
      '1:3 sources.a: "index_url" is missing',
    ],
    [
      'an unknown type',
      source('a', 'type = "npm"'),
      '5:8 sources.a.type: expected "mooncakes" or "moonbit-registry" or "custom", got "npm"',
    ],
    [
      'an unknown index type',
      source('a', 'index_type = "sparse"'),
      '5:14 sources.a.index_type: expected "git", got "sparse"',
    ],
    [
      'a priority that is no integer',
      source('a', 'priority = 1.5'),
      '5:12 sources.a.priority: expected an integer from 0 to 1000000, got 1.5',
    ],
    [
      'an infinite priority',
      source('a', 'priority = inf'),
      '5:12 sources.a.priority: expected an integer from 0 to 1000000, got Infinity',
    ],
    [
      'a negative priority',
      source('a', 'priority = -1'),
      '5:12 sources.a.priority: expected an integer from 0 to 1000000, got -1',
    ],
    [
      'a name used twice',
      source('a') + source('a'),
      '6:8 sources[1].name: another source is called "a" already',
    ],
    [
      'a near miss of a default',
      `default_source = "partnr"\n${source('partner')}`,
      '1:18 default_source: there is no source called "partnr"; did you mean "partner"?',
    ],
    [
      'a misplaced default that is unknown',
      source('a', 'default_source = "zzzz"'),
      '5:18 sources.a.default_source: there is no source called "zzzz"; expected one of a',
    ],
    [
      'two defaults',
      `default_source = "a"\n${source('a')}${source('b', 'default_source = "b"')}`,
      '10:18 sources.b.default_source: "b" contradicts the other default_source, "a"',
    ],
    [
      'a namespace claimed twice',
      source('a', 'namespaces = ["acme/*"]') + source('b', 'namespaces = ["x/*", "acme/tool*"]'),
      '10:22 sources.b.namespaces[1]: "acme/tool*" is claimed twice: source "a" claims "acme/*"',
    ],
    [
      'an include that another source claims',
      source('a', 'namespaces = ["acme/*"]') + source('b', 'include = ["x/*", "acme/t*"]'),
      '10:19 sources.b.include[1]: "acme/t*" can never match: source "a" claims "acme/*"',
    ],
    [
      'an include that a disabled source claims',
      source('a', 'enabled = false', 'namespaces = ["acme/*"]') + source('b', 'include = ["acme/t*"]'),
      '11:12 sources.b.include[0]: "acme/t*" can never match: source "a" claims "acme/*"',
    ],
    [
      'a namespace the source itself excludes',
      source('a', 'namespaces = ["acme/x"]', 'exclude = ["acme/*"]'),
      '5:15 sources.a.namespaces[0]: "acme/x" can never match: the source\'s own "acme/*" excludes it',
    ],
    [
      'an include the source itself excludes',
      source('a', 'include = ["acme/x"]', 'exclude = ["acme/*"]'),
      '5:12 sources.a.include[0]: "acme/x" can never match: the source\'s own "acme/*" excludes it',
    ],
    [
      'an archive address elsewhere',
      source('a', 'package_url_pattern = "https://b.example/{module}/{version}"'),
      "5:23 sources.a.package_url_pattern: expected an address at this source's own origin, or a relative one",
    ],
    ['auth without a type', source('a', 'auth = {}'), '5:1 sources.a.auth.type: is missing'],
    [
      'an unknown kind of auth',
      source('a', '[sources.auth]', 'type = "digest"'),
      '6:8 sources.a.auth.type: expected "bearer" or "basic", got "digest"',
    ],
    [
      'bearer without token',
      source('a', '[sources.auth]', 'type = "bearer"'),
      '5:2 sources.a.auth: "token" is missing',
    ],
    [
      'a key of the other kind',
      source('a', `auth = { type = "bearer", token = "\${T}", username = "x" }`),
      '5:43 sources.a.auth.username: has no meaning with type "bearer"',
    ],
    [
      'a malformed reference',
      source('a', '[sources.auth]', 'type = "bearer"', `token = "\${A-B}"`),
      `7:9 sources.a.auth.token: expected references of the form \${NAME}, with letters, digits and "_" in the name, or \${file:PATH}`,
    ],
    [
      'a path that only a shell reads',
      source('a', '[sources.auth]', 'type = "bearer"', `token = "\${file:~/token}"`),
      '7:9 sources.a.auth.token: expected a path relative to this file, or an absolute one: "~" means nothing here',
    ],
    [
      'a user name with a colon',
      source('a', `auth = { type = "basic", username = "a:b", password = "\${T}" }`),
      '5:37 sources.a.auth.username: expected no ":" in a user name',
    ],
  ])('%s', (_, text, problem) => {
    expect(summaryOf(text)).toEqual([problem]);
  });

  test.each(['Upper', '-a', '.a', 'a..b', 'a.lock', 'a.', 'hosted', '', 'a b', 'a/b', 'ä', 'x'.repeat(65)])(
    'the source name %j is refused',
    (name) => {
      expect(problemsOf(source('ok').replace('name = "ok"', `name = "${name}"`))).toMatchObject([
        { line: 2, column: 8, message: expect.stringContaining('expected a name of at most 64') },
      ]);
    },
  );

  test.each(['a', '0', 'a.b', 'a-b_c.d', 'hosted2', 'a.locks', 'x'.repeat(64)])(
    'the source name %s is accepted',
    (name) => {
      expect(read(source('ok').replace('name = "ok"', `name = "${name}"`)).sources[0]?.name).toBe(name);
    },
  );

  test.each(['__proto__', 'constructor'])(
    'a source may have the odd key %s, which is just unknown',
    (key) => {
      expect(summaryOf(source('a', `${key} = 1`))[0]).toMatch(`5:1 sources.a.${key}: unknown key`);
    },
  );
});

describe('secrets', () => {
  const secret = 'hunter2';
  test.each([
    ['a literal token', source('a', `auth = { type = "bearer", token = "${secret}" }`)],
    ['a literal password', source('a', `auth = { type = "basic", username = "u", password = "${secret}" }`)],
    ['a url with a password where a name belongs', `default_source = "https://u:${secret}@x"\n`],
    ['a url with a password as a key', `"https://u:${secret}@x" = 1\n`],
    ['a token without quotes', source('a', 'auth = { type = "bearer", token = hunter2 }')],
    ['a token of the wrong type', source('a', `auth = { type = "bearer", token = ["${secret}"] }`)],
    ['a url with a password', source('a').replace('https://a.example"', `https://u:${secret}@a.example"`)],
    ['an index_url with a token', source('a').replace('https://a.example/', `https://${secret}@a.example/`)],
    ['a base_url with a password', `[server]\nbase_url = "https://u:${secret}@x"`],
    [
      'an archive address with a password',
      source('a', `package_url_pattern = "https://u:${secret}@x/{module}{version}"`),
    ],
  ])('%s is refused, and not repeated', (_, text) => {
    const error = (() => {
      try {
        return read(text);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ConfigError);
    const { message, problems, hint, cause } = error as ConfigError;
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify([message, problems, hint, cause, String(cause)])).not.toContain(secret);
  });
});

describe('all problems at once', () => {
  test('unknown keys, wrong types, impossible values and broken rules come together, in the order of the file', () => {
    const text = `nam = "x"
[server]
port = 99999
${source('a', 'priority = "high"', 'namespaces = ["acme/*", 5]', 'colour = "red"')}${source('a', 'namespaces = ["acme/tool"]', `auth = { type = "bearer", token = "in clear text" }`)}`;
    expect(problemsOf(text).map(({ path, line }) => `${line} ${path}`)).toEqual([
      '1 nam',
      '3 server.port',
      '8 sources[0].priority',
      '9 sources[0].namespaces[1]',
      '10 sources[0].colour',
      '12 sources[1].name',
      '15 sources[1].namespaces[0]',
      '16 sources[1].auth.token',
    ]);
  });

  test('the message lists them, one a line', () => {
    const listed = [
      'registry.toml has 2 problems',
      'registry.toml:2:8: server.port: expected an integer from 0 to 65535, got 99999',
      'registry.toml:3:1: server.hots: unknown key; did you mean "host"?',
    ].join('\n');
    expect(() => read('[server]\nport = 99999\nhots = "x"\n')).toThrow(
      expect.objectContaining({ message: listed }),
    );
  });

  test('lines that are not TOML are all reported, as long as each is wrong by itself', () => {
    expect(summaryOf('a = https://x\n[server]\nhost = foo\nport = 1 1\n')).toEqual([
      '1:5 : invalid value: text needs quotes',
      '3:8 : invalid value: text needs quotes',
      expect.stringMatching(/^4:\d+ : /),
    ]);
  });

  test.each([
    ['an open list', 'x = [\n1,\n2\n', 1],
    ['an open string', 'x = """\nabc\n', 1],
    ['a key twice', 'a = 1\na = 2\nb = 1\nb = 2\n', 1],
    ['a table twice', '[server]\n[server]\n', 1],
    ['an integer too large to hold', 'a = 9007199254740993\n', 1],
  ])('%s is one problem', (_, text, count) => {
    expect(problemsOf(text)).toHaveLength(count);
  });

  test('a message without a path has no empty place for it', () => {
    expect(() => read('a = b')).toThrow('registry.toml:1:5: invalid value: text needs quotes');
  });
});

describe('whatever is in the file', () => {
  const pieces = fc.constantFrom(
    ...[
      '[server]',
      '[[sources]]',
      '[sources.auth]',
      '[sources]',
      'sources = [',
      ']',
      '{',
      '}',
      '"',
      "'''",
      '=',
      '.',
      ',',
    ],
    ...[
      'name',
      'port',
      'default_source',
      'auth',
      'type = "bearer"',
      '"a"',
      '1',
      'inf',
      'true',
      '1979-05-27',
      '#',
      '\\u',
    ],
    ...[
      '\n',
      '\r\n',
      '\r',
      ' ',
      '\ufeff',
      '\u0000',
      '\u2028',
      '__proto__',
      `\${X}`,
      'https://u:p@x',
      'é',
      '\ud800',
    ],
  );

  test('the answer is a config or a ConfigError with places inside the text', () => {
    const broken = fc
      .array(fc.record({ at: fc.nat(publishedExample.length), piece: pieces, cut: fc.nat(20) }), {
        maxLength: 5,
      })
      .map((changes) =>
        changes.reduce(
          (text, { at, piece, cut }) => text.slice(0, at) + piece + text.slice(at + cut),
          publishedExample,
        ),
      );
    const scattered = fc.array(pieces, { maxLength: 30 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.oneof(broken, scattered), (text) => {
        const lines = text.split('\n');
        for (const { path, line, column, message } of problemsOf(text)) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
          expect(path + message).not.toContain('u:p@x');
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('loadConfig', () => {
  async function folder(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'config-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    return directory;
  }

  test('reads the file of a folder', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'registry.toml'), publishedExample);
    expect(await loadConfig(directory)).toMatchObject({ directory, defaultSource: 'mooncakes' });
  });

  test('says how to make a registry where there is none', async () => {
    const directory = await folder();
    for (const missing of [directory, join(directory, 'missing')])
      await expect(loadConfig(missing)).rejects.toMatchObject({
        code: 'config',
        message: `there is no registry.toml in ${missing}`,
        hint: expect.stringContaining('moonbit-registry init'),
      });
  });

  test('refuses bytes that are not UTF-8, rather than change them', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'registry.toml'), Uint8Array.from([0x23, 0xe4, 0x0a]));
    await expect(loadConfig(directory)).rejects.toMatchObject({
      code: 'config',
      hint: 'save it as UTF-8',
    });
  });

  test('reports a file it cannot read', async () => {
    const directory = await folder();
    await expect(loadConfig('/dev/null')).rejects.toMatchObject({ code: 'config' });
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(directory, 'registry.toml'));
    await expect(loadConfig(directory)).rejects.toMatchObject({ code: 'storage' });
  });
});

test('a text that is too long for the parser is a problem of the file', () => {
  expect(summaryOf(`\n[registry]\nname = "${'a'.repeat(400_000)}"\n`)).toEqual([
    '3:1 : a line of 400009 characters is too long to be read',
  ]);
});
