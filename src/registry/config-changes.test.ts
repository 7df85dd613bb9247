import { expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { describeConfigChanges } from './config-changes.ts';

const source = (name: string, more = '') =>
  `[[sources]]\nname = "${name}"\nurl = "https://${name}.example.com"\nindex_url = "https://${name}.example.com/git"\n${more}\n`;
const auth = `[sources.auth]\ntype = "bearer"\ntoken = "\${TOKEN}"`;
const parse = (text: string, token = 'first-secret') =>
  parseConfig(text, { directory: '/r', env: { TOKEN: token } });

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
      'sources = ["a"] (was ["a","b"])',
      'server.port = 9000 (was 8080)',
      'sources.a.priority = 7 (was 50)',
      'sources.a.namespaces = ["x/*"] (was [])',
      'sources.b.url removed (was "https://b.example.com")',
    ]),
  );
  expect(changes.some((change) => change.startsWith('sources.a.url'))).toBe(false);
});

test('a changed credential is told without its value', () => {
  const changes = (token: string) =>
    describeConfigChanges(parse(source('a', auth)), parse(source('a', auth), token));
  expect(changes('first-secret')).toEqual([]);
  expect(changes('second-secret')).toEqual(['sources.a.auth changed']);
  expect(describeConfigChanges(undefined, parse(source('a', auth))).join()).not.toContain('secret');
});
