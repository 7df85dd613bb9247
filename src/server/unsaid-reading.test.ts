import { expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { unsaidReading } from './unsaid-reading.ts';

const hosting = '[hosting]\nnamespaces = ["company/*"]\n';
const config = (toml: string) => parseConfig(toml, { directory: '/srv/registry' });

test.each([
  ['on all addresses', hosting, '0.0.0.0'],
  ['on all addresses of IPv6', hosting, '::'],
  ['on an address of a network', hosting, '10.1.2.3'],
  ['by a name', hosting, 'registry.internal'],
  ['behind a proxy', `${hosting}[server]\nbase_url = "https://moon.company.example"\n`, '127.0.0.1'],
])('a registry that hosts is not served to others before somebody says who may read: %s', (_, toml, host) => {
  expect(unsaidReading(config(toml), host)?.hint).toContain('config access.read token');
});

test.each([
  ['it hosts nothing', '', '0.0.0.0'],
  ['only this machine reaches it', hosting, '127.0.0.1'],
  ['only this machine reaches it, by IPv6', hosting, '::1'],
  ['anyone may, as somebody said', `[access]\nread = "anyone"\n${hosting}`, '0.0.0.0'],
  ['reading needs a token', `[access]\nread = "token"\n${hosting}`, '0.0.0.0'],
])('else it is: %s', (_, toml, host) => {
  expect(unsaidReading(config(toml), host)).toBeUndefined();
});
