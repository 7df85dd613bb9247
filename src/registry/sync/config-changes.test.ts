import { expect, test } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import { describeConfigChanges } from './config-changes.ts';

const source = (name: string, more = '') =>
  `[[sources]]\nname = "${name}"\nurl = "https://${name}.example.com"\nindex_url = "https://${name}.example.com/git"\n${more}\n`;
const authBy = (reference: string) => `[sources.auth]\ntype = "bearer"\ntoken = "${reference}"`;
const auth = authBy(`\${TOKEN}`);
const parse = (text: string) => parseConfig(text, { directory: '/r' });

test('the same settings differ in nothing, whatever their order', () => {
  const text = `${source('a')}${source('b', auth)}`;
  expect(describeConfigChanges(parse(text), parse(`${text}\n# a comment`))).toEqual([]);
  expect(
    describeConfigChanges(
      parse(`${source('a')}[server]\nport = 1`),
      parse(`[server]\nport = 1\n${source('a')}`),
    ),
  ).toEqual([]);
});

test('what was changed, added and removed is told with both values', () => {
  const before = parse(`${source('a')}${source('b')}`);
  const after = parse(`[server]\nport = 9000\n${source('a', 'priority = 7\nnamespaces = ["x/*"]')}`);
  const changes = describeConfigChanges(before, after);
  expect(changes).toEqual(
    expect.arrayContaining([
      'sources = ["a"] (was ["a", "b"])',
      'server.port = 9000 (was 8080)',
      'sources.a.priority = 7 (was 50)',
      'sources.a.namespaces = ["x/*"] (was [])',
      'sources.b.url removed (was "https://b.example.com")',
    ]),
  );
  expect(changes.some((change) => change.startsWith('sources.a.url'))).toBe(false);
});

test('settings are told as they stand in the file', () => {
  const [before, after] = [
    parse(source('a')),
    parse(
      `[server]\nbase_url = "https://r.example"\nrefresh_interval = "90s"\ntrusted_proxies = ["10.0.0.0/8"]\n[limits]\ngit_answer = "1MiB"\n` +
        source('a', 'user_agent = "git/2"\n[sources.tls]\nca = "ca.pem"\n[sources.limits]\narchive = "1GiB"'),
    ),
  ];
  expect(describeConfigChanges(before, after).sort()).toEqual([
    'limits.git_answer = "1MiB" (was "16MiB")',
    'server.base_url = "https://r.example"',
    'server.refresh_interval = "90s" (was "60s")',
    'server.trusted_proxies = ["10.0.0.0/8"] (was [])',
    'sources.a.limits.archive = "1GiB" (was "256MiB")',
    'sources.a.tls.ca = "ca.pem"',
    'sources.a.user_agent = "git/2"',
  ]);
});

test('of a changed credential it is told that it changed, and not because its line did', () => {
  const changes = (token: string, above = '') =>
    describeConfigChanges(parse(source('a', auth)), parse(above + source('a', authBy(token))));
  expect(changes(`\${TOKEN}`, '# moved\n')).toEqual([]);
  expect(changes(`\${file:secrets/a}`)).toEqual(['sources.a.auth changed']);
  expect(describeConfigChanges(parse(source('a')), parse(source('a', auth)))).toEqual([
    'sources.a.auth changed',
  ]);
});
