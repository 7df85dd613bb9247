import { describe, expect, test } from 'vitest';
import { allowedHosts, judgeHost } from './allowed-hosts.ts';

const settings = { allowedHosts: [], baseUrl: undefined };
const onLoopback = { host: '127.0.0.1', address: '127.0.0.1' };
const everywhere = { host: '0.0.0.0', address: '0.0.0.0' };

function judge(
  allowed: ReturnType<typeof allowedHosts>,
  host: string | readonly string[] | undefined,
  { url = '/', httpVersion = '1.1', localAddress = '127.0.0.1' } = {},
): string {
  const hosts = host === undefined ? [] : [host].flat();
  const rawHeaders = ['Accept', '*/*', ...hosts.flatMap((text) => ['hOsT', text])];
  return judgeHost(allowed, { rawHeaders, url, httpVersion, socket: { localAddress } }).kind;
}

describe('on loopback', () => {
  const allowed = allowedHosts(settings, onLoopback);

  test.each([
    'localhost',
    'localhost:8080',
    'LocalHost.',
    'localhost:',
    '127.0.0.1',
    '127.255.0.3:1',
    '[::1]',
    '[::1]:8080',
    '[0:0:0:0:0:0:0:1]',
  ])('%s is this machine', (host) => {
    expect(judge(allowed, host)).toBe('allowed');
  });

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.localhost',
    '127.0.0.256',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '128.0.0.1',
    '0.0.0.0',
    '[::]',
    '[::2]',
    'localhost..',
  ])('%s is not', (host) => {
    expect(judge(allowed, host)).not.toBe('allowed');
  });

  test.each([
    '',
    ' ',
    'evil.example@localhost',
    'localhost/',
    'localhost#evil',
    'localhost, evil.example',
    'localhost:99999',
    'localhost:80:80',
    'localhost\u00e9',
    '[::1',
    '::1',
    '[::1%25lo]',
    '[evil]',
    '.',
    'a'.repeat(300),
  ])('%j is malformed', (host) => {
    expect(judge(allowed, host)).toBe('malformed');
  });

  test('several headers are malformed, though all of them are allowed', () => {
    expect(judge(allowed, ['localhost', 'localhost'])).toBe('malformed');
  });

  test('none is malformed, but for HTTP/1.0, in which no browser asks', () => {
    expect(judge(allowed, undefined)).toBe('malformed');
    expect(judge(allowed, undefined, { httpVersion: '1.0' })).toBe('allowed');
    expect(judge(allowed, 'evil.example', { httpVersion: '1.0' })).toBe('refused');
  });

  test.each([
    ['http://evil.example/health', 'localhost', 'refused'],
    ['HTTP://EVIL.example', 'localhost', 'refused'],
    ['ws://evil.example/', 'localhost', 'refused'],
    ['http://localhost/health', 'evil.example', 'refused'],
    ['http://localhost:8080/health', 'localhost', 'allowed'],
    ['http://localhost@evil.example/', 'localhost', 'malformed'],
    ['http:///health', 'localhost', 'malformed'],
    ['/http://evil.example/', 'localhost', 'allowed'],
  ])('the absolute target %s with the host %s is %s', (url, host, verdict) => {
    expect(judge(allowed, host, { url })).toBe(verdict);
  });
});

test("base_url's host and the names of allowed_hosts count beside those of loopback", () => {
  const allowed = allowedHosts(
    { allowedHosts: ['alias.example', '[2001:db8::1]'], baseUrl: 'https://Registry.example:8443/moon' },
    onLoopback,
  );
  const hosts = [
    'registry.example',
    'REGISTRY.example:80',
    'alias.example.',
    '[2001:DB8:0::1]',
    'localhost',
    'evil',
  ];
  expect(hosts.map((host) => judge(allowed, host))).toEqual([
    ...['allowed', 'allowed', 'allowed', 'allowed', 'allowed'],
    'refused',
  ]);
});

describe('beyond loopback', () => {
  test('any is allowed where none is set, but for what cannot be one', () => {
    const allowed = allowedHosts(settings, everywhere);
    expect(['packages', 'evil.example'].map((host) => judge(allowed, host))).toEqual(['allowed', 'allowed']);
    expect(judge(allowed, 'a@b')).toBe('malformed');
  });

  test('only those, the address itself and this machine for itself are allowed where one is', () => {
    const allowed = allowedHosts({ ...settings, baseUrl: 'http://packages' }, everywhere);
    const ask = (host: string) => judge(allowed, host, { localAddress: '::ffff:10.1.2.3' });
    expect(['packages', '10.1.2.3', 'localhost', '10.1.2.4', 'evil'].map(ask)).toEqual([
      ...['allowed', 'allowed', 'allowed'],
      ...['refused', 'refused'],
    ]);
  });

  test('names of loopback are not allowed where it does not listen there', () => {
    const listening = { host: 'packages.example', address: '192.0.2.1' };
    const allowed = allowedHosts({ ...settings, allowedHosts: ['other'] }, listening);
    const ask = (host: string) => judge(allowed, host, { localAddress: '192.0.2.1' });
    expect(['localhost', '127.0.0.1', 'packages.example', '192.0.2.1', 'other'].map(ask)).toEqual([
      ...['refused', 'refused'],
      ...['allowed', 'allowed', 'allowed'],
    ]);
  });
});

test('* allows any, also on loopback', () => {
  expect(judge(allowedHosts({ ...settings, allowedHosts: ['*'] }, onLoopback), 'evil.example')).toBe(
    'allowed',
  );
});

test('a name that leads to loopback counts as loopback', () => {
  const allowed = allowedHosts(settings, { host: 'mybox', address: '127.0.1.1' });
  expect(['mybox', 'localhost', 'evil'].map((host) => judge(allowed, host))).toEqual([
    'allowed',
    'allowed',
    'refused',
  ]);
});
