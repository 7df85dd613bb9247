/** What editors are told agrees with what the program says, as far as JSON Schema has words for it. */
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.ts';
import { mirrorPatternProblem } from '../model/mirror-target.ts';
import { patternProblem } from '../model/pattern.ts';
import { namedDestinationProblem } from '../support/net/destination.ts';
import {
  allowedHostProblem,
  baseUrlProblem,
  indexUrlProblem,
  packageUrlPatternProblem,
  serverUrlProblem,
} from './addresses.ts';
import { durationRangeProblem, parseDuration } from './duration.ts';
import { renderJsonSchema } from './json-schema.ts';
import { parseConfig } from './load.ts';
import * as patterns from './patterns.ts';
import { parseSize, sizeRangeProblem } from './size.ts';
import { renderNewConfig } from './template.ts';

const validate = new Ajv({ strict: true }).compile(JSON.parse(renderJsonSchema()));

/** `accepted` or `refused`, by the program and by the schema. */
function verdicts(text: string): readonly [program: string, schema: string] {
  return [programAccepts(text), validate(parse(text))].map((accepts) =>
    accepts ? 'accepted' : 'refused',
  ) as [string, string];
}

function programAccepts(text: string): boolean {
  try {
    parseConfig(text, { directory: '/srv/registry' });
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

const custom = '[[sources]]\nname = "a"\nurl = "https://a.example"\nindex_url = "https://a.example/index"\n';
const bearer = (token: string) => `${custom}auth = { type = "bearer", token = ${token} }`;
const basic = (rest: string) => `${custom}auth = { type = "basic", ${rest} }`;
const secret = `"\${T}"`;
const withUrl = (url: string) => custom.replace('https://a.example"', `${url}"`);
const withIndex = (url: string) => custom.replace('https://a.example/index', url);
const set = (table: string, line: string) => `[${table}]\n${line}`;

const accepted: readonly string[] = [
  bearer(`"\${file:secrets/partner}"`),
  '',
  renderNewConfig({ name: 'x' }),
  custom,
  `default_source = "a"\n${custom}`,
  `${custom}default_source = "a"`,
  'default_source = "mooncakes"',
  'default_source = "mooncakes"\nsources = []',
  '[[sources]]\nname = "m"\ntype = "mooncakes"',
  '[[sources]]\nname = "m"\ntype = "mooncakes"\nurl = "https://mooncakes.io/"',
  '[[sources]]\nname = "m"\ntype = "mooncakes"\nurl = "HTTPS://Mooncakes.io:443"',
  bearer(secret),
  bearer(`"key-\${T}-$1"`),
  basic(`username = "ci", password = ${secret}`),
  basic(`username = ${secret}, password = ${secret}`),
  bearer(secret).replace('token =', 'token_file =').replace(secret, '"secrets/partner"'),
  bearer('["vault", "read"]').replace('token =', 'token_command ='),
  basic('username = "ci", password_file = "/run/secrets/pw"'),
  `${custom}tls = { certificate = "tls/client.pem", key = "tls/client.key", ca = "/etc/ca.pem" }`,
  `${custom}tls = { ca = "ca.pem" }`,
  `${custom}index_branch = "release/2026.1"\nuser_agent = "git/2.39.5 (ci)"`,
  withUrl('file:///srv/registry'),
  withUrl('http://[::1]:8080/x'),
  withIndex('ssh://git@host.example/index.git'),
  withIndex('git@host.example:index.git'),
  withIndex('file:///srv/index'),
  `${custom}namespaces = ["company/*", "x*", "*"]`,
  `${custom}include = ["alice/json"]\nexclude = ["bob/*"]`,
  `${custom}package_url_pattern = "archives/{module}/{version}.zip"`,
  `${custom}package_url_pattern = "/{owner}/{name}@{version}"`,
  `${custom}package_url_pattern = "https://a.example/{module}/{version}.zip"`,
  `${custom}allowed_redirects = ["files.example.com:443", "10.0.0.0/8", "::1", "[fd00::1]:80", "2001:db8::/32"]`,
  `${custom}priority = 0\n[sources.limits]\nmodules = 1\narchive = "2GiB"`,
  set('server', 'allowed_hosts = ["*", "Registry.example.com.", "[::1]", "::1", "10.0.0.1"]'),
  set('server', 'trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "::ffff:10.0.0.0/104"]'),
  set('server', 'base_url = "https://registry.example.com/x"'),
  set('server', 'refresh_interval = "24d"'),
  set('limits', 'git_timeout = "001ms"'),
  set('limits', 'git_answer = "64KiB"'),
  set('limits', 'git_answer = "65536B"'),
  set('mirror', 'packages = ["moonbitlang/*", "moonbitlang/x@0.4.40+1"]'),
  `${custom}[mirror]\npackages = [{ source = "a", pattern = "company/*" }, { source = "*", pattern = "*" }]`,
];

const refused: readonly string[] = [
  set('server', 'base_url = "https://registry.example.com//evil.example"'),
  bearer(`"\${file:~/secret}"`),
  bearer(`"\${file:}"`),
  'colour = "red"',
  custom.replace('url = "https://a.example"\n', ''),
  custom.replace(/index_url = .*\n/, ''),
  `${custom.replace(/index_url = .*\n/, '')}type = "moonbit-registry"`,
  '[[sources]]\nname = "m"\ntype = "mooncakes"\nurl = "https://elsewhere.example"',
  '[[sources]]\nname = "m"\ntype = "mooncakes"\nurl = "https://mooncakes.io.elsewhere.example"',
  '[[sources]]\nname = "m"\ntype = "mooncakes"\nurl = "https://mooncakes.io:8443"',
  '[[sources]]\ntype = "mooncakes"',
  custom.replace('"a"', '"hosted"'),
  custom.replace('"a"', '"a.lock"'),
  custom.replace('"a"', '"A"'),
  '[sources.a]\nurl = "https://a.example"\nindex_url = "https://a.example/index"',
  'default_source = "partner"',
  `default_source = "not a name"\n${custom}`,
  bearer('"in clear text"'),
  bearer('""'),
  bearer(`"\${A-B}"`),
  bearer(`"\${T} \${"`),
  bearer('7'),
  `${custom}auth = { type = "bearer" }`,
  `${custom}auth = { type = "bearer", token = ${secret}, username = "x" }`,
  `${custom}auth = {}`,
  `${custom}auth = { type = "digest" }`,
  basic(`password = ${secret}`),
  basic('username = "ci"'),
  basic('username = "ci", password = "in clear text"'),
  basic(`username = "a:b", password = ${secret}`),
  basic(`username = "", password = ${secret}`),
  basic(`username = "ci", password = ${secret}, token = ${secret}`),
  bearer(`${secret}, token_file = "x"`),
  bearer('"~/x"').replace('token =', 'token_file ='),
  bearer(`"\${X}/x"`).replace('token =', 'token_file ='),
  bearer('"vault read"').replace('token =', 'token_command ='),
  bearer('[]').replace('token =', 'token_command ='),
  basic(`username = "ci", password = ${secret}, password_file = "x"`),
  basic('username = "ci", token_command = ["x"]'),
  `${custom}tls = { certificate = "tls/client.pem" }`,
  `${custom}tls = { key = "tls/client.key" }`,
  `${custom}tls = { ca = "" }`,
  ...[
    'refs/heads/main',
    '-x',
    'a..b',
    'a b',
    'a.lock',
    '.a',
    'a/',
    'a//b',
    'a@{1}',
    '@',
    'a~1',
    '',
    'a.',
  ].map((name) => `${custom}index_branch = "${name}"`),
  ...['', ' git/2', 'git/2 ', 'g\u00eft/2', 'a\\nb'].map((agent) => `${custom}user_agent = "${agent}"`),
  withUrl('ftp://a.example'),
  withUrl('a.example'),
  withUrl('https://'),
  withUrl('https://user:secret@a.example'),
  withUrl('https://user@a.example'),
  withUrl('https://a.example?x=1'),
  withUrl('https://a.example/#x'),
  withUrl('https://a.example/a b'),
  withUrl(`https://\${T}.example`),
  withUrl('https://a.example:port/'),
  withUrl('file://host/registry'),
  withIndex('ftp://a.example/index'),
  withIndex('ext::sh -c true'),
  withIndex('--upload-pack=x'),
  withIndex('ssh://-oProxyCommand=x/y'),
  withIndex('ssh://git:secret@host/x'),
  `${custom}download_url = "ftp://a.example"`,
  `${custom}namespaces = ["company"]`,
  `${custom}include = [""]`,
  `${custom}exclude = ["a/[bc]"]`,
  `${custom}package_url_pattern = "archives/{module}.zip"`,
  `${custom}package_url_pattern = "{name}/{version}.zip"`,
  `${custom}package_url_pattern = "{module}/{version}/{colour}"`,
  `${custom}package_url_pattern = "../{module}/{version}"`,
  `${custom}package_url_pattern = "{module}/{version"`,
  `${custom}allowed_redirects = ["https://files.example.com"]`,
  `${custom}allowed_redirects = ["*.example.com"]`,
  `${custom}allowed_redirects = ["10.0.0.0/33"]`,
  `${custom}allowed_redirects = ["host:65536"]`,
  `${custom}max_concurrency = 0`,
  `${custom}priority = 1.5`,
  set('mirror', 'packages = ["moonbitlang"]'),
  set('mirror', 'packages = ["moonbitlang/*@1.0.0"]'),
  set('mirror', 'packages = ["moonbitlang/x@latest"]'),
  set('mirror', 'packages = [{ source = "a" }]'),
  set('mirror', 'packages = [{ source = "A", pattern = "x/*" }]'),
  set('registry', 'name = " "'),
  set('registry', 'data_dir = ""'),
  set('server', 'port = 65536'),
  set('server', 'host = "a b"'),
  set('server', 'base_url = "file:///srv"'),
  set('server', 'allowed_hosts = ["https://registry.example.com"]'),
  set('server', 'allowed_hosts = ["registry.example.com:443"]'),
  set('server', 'trusted_proxies = ["proxy.example.com"]'),
  set('server', 'trusted_proxies = ["10.0.0.0/33"]'),
  set('server', 'trusted_proxies = "10.0.0.0/8"'),
  set('server', 'refresh_interval = "25d"'),
  set('server', 'refresh_interval = "0s"'),
  set('server', 'refresh_interval = "1 h"'),
  set('limits', 'git_answer = "65535B"'),
  set('limits', 'git_answer = "1KiB"'),
  set('limits', 'archive_cache = "0MiB"'),
  set('limits', 'archive_cache = "3GiB"'),
];

/** What the program refuses and JSON Schema has no words for: whatever compares two places, or parses. */
const refusedByProgramOnly: readonly string[] = [
  custom + custom,
  `default_source = "b"\n${custom}`,
  `${custom}namespaces = ["x/*"]\nexclude = ["*"]`,
  set('limits', 'request_body = "1GiB"'),
  `${custom}package_url_pattern = "https://b.example/{module}/{version}"`,
  withUrl('https://a.example:99999'),
];

test.each(accepted)('both accept %j', (text) => {
  expect(verdicts(text)).toEqual(['accepted', 'accepted']);
});

test.each(refused)('both refuse %j', (text) => {
  expect(verdicts(text)).toEqual(['refused', 'refused']);
});

test.each(refusedByProgramOnly)('the program alone refuses %j', (text) => {
  expect(verdicts(text)).toEqual(['refused', 'accepted']);
});

describe('the pattern for editors is never stricter than the rule, and for these as strict', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'A',
      '0',
      '9',
      '1',
      '6',
      '/',
      '*',
      '.',
      ':',
      '@',
      '-',
      '_',
      ' ',
      '\u00e9',
      '\u3000',
      '[',
      ']',
      '{',
      '}',
    ],
    ...[
      '://',
      'http',
      'file',
      'ssh',
      'https://a',
      '{version}',
      '{module}',
      '${',
      '?',
      '#',
      '%',
      '::',
      '65535',
      '24d',
    ],
    ...['ms', 's', 'm', 'h', 'd', 'B', 'KiB', 'MiB', 'GiB', '2073600000', '\u0000', '\n', '\\', '\u2028'],
  );
  const texts = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(''));
  const problemOf =
    (parse: (text: string) => number | undefined, rangeProblem: (text: string) => string | undefined) =>
    (text: string) =>
      parse(text) === undefined ? 'malformed' : rangeProblem(text);

  test.each<[string, string, (text: string) => string | undefined, boolean]>([
    ['patterns', patterns.modulePattern, patternProblem, true],
    ['what is mirrored', patterns.mirrorPattern, mirrorPatternProblem, false],
    ['durations', patterns.durationPattern, problemOf(parseDuration, durationRangeProblem), true],
    ['sizes', patterns.sizePattern, problemOf(parseSize, sizeRangeProblem), true],
    ['base addresses', patterns.baseUrlPattern, baseUrlProblem, false],
    ['index addresses', patterns.indexUrlPattern, indexUrlProblem, false],
    ['server addresses', patterns.serverUrlPattern, serverUrlProblem, false],
    ['destinations', patterns.destinationPattern, namedDestinationProblem, false],
    ['hosts', patterns.allowedHostPattern, allowedHostProblem, false],
    [
      'archive addresses',
      patterns.packageUrlPattern,
      (text) => packageUrlPatternProblem(text, ['https://a']),
      false,
    ],
  ])('%s', (_, pattern, problem, isExact) => {
    const form = new RegExp(pattern, 'u');
    fc.assert(
      fc.property(texts, (text) => {
        const isRefused = problem(text) !== undefined;
        if (isExact) expect(form.test(text)).toBe(!isRefused);
        else if (!isRefused) expect(form.test(text)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
