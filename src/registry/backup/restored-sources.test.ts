import { expect, test } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import { leadsOutOf, listRestoredSources } from './restored-sources.ts';

const source = (name: string, more: string) =>
  `[[sources]]\nname = "${name}"\nurl = "https://${name}.example"\nindex_url = "https://${name}.example/index"\n${more}\n`;
const bearer = (token: string) => `auth = { type = "bearer", token = "${token}" }`;

test('restored settings say what is sent where, and which files do not come with the folder', () => {
  const text = [
    source('plain', 'enabled = false'),
    source('variable', bearer(`key-\${TOKEN}`)),
    source('inside', bearer(`\${file:secrets/token}`)),
    source('above', bearer(`\${file:secrets/../../token}`)),
    source('absolute', bearer(`\${file:/r/token}`)),
    source('basic', `auth = { type = "basic", username = "ann", password = "\${file:/etc/passwd}" }`),
  ].join('');
  const listed = listRestoredSources(parseConfig(text, { directory: '/r' }));
  const credential = (kind: string, name: string, isOutside: boolean) => [{ kind, name, isOutside }];
  expect(listed.map(({ name, credentials }) => [name, credentials])).toEqual([
    ['plain', []],
    ['variable', credential('variable', 'TOKEN', false)],
    ['inside', credential('file', 'secrets/token', false)],
    ['above', credential('file', 'secrets/../../token', true)],
    ['absolute', credential('file', '/r/token', true)],
    ['basic', credential('file', '/etc/passwd', true)],
  ]);
  expect(listed[0]).toEqual({
    ...{ name: 'plain', enabled: false, credentials: [] },
    addresses: ['https://plain.example', 'https://plain.example/index'],
  });
});

test.each([
  ['/r/a', false],
  ['/r', false],
  ['/r/..a', false],
  ['/', true],
  ['/ra', true],
  ['/x/r', true],
])('%s leads out of /r: %s', (path, expected) => {
  expect(leadsOutOf('/r', path)).toBe(expected);
});
