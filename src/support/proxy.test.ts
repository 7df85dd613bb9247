import { describe, expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

const kindOf = (url: string, environment: Record<string, string>) => proxyFor(new URL(url), environment).kind;

describe('the way to an address', () => {
  test.each([
    [{}, 'direct'],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, 'proxy'],
    [{ http_proxy: 'http://proxy:3128' }, 'direct'],
    [{ https_proxy: '  ', ALL_PROXY: 'proxy:3128' }, 'proxy'],
    [{ all_proxy: 'proxy:3128', no_proxy: 'localhost, example.com' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: '.example.com:443' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: '*.example.com' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'Moon.Example.Com' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'example.com.' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'example.com:80' }, 'proxy'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: '*' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'ample.com' }, 'proxy'],
  ])('with %j is %s', (environment, kind) => {
    expect(kindOf('https://moon.example.com/x', environment)).toBe(kind);
  });

  test.each([
    ['http://[::1]:8080', '::1', 'direct'],
    ['http://[::1]:8080', '[::1]', 'direct'],
    ['http://[::1]:8080', '[::1]:8080', 'direct'],
    ['http://[::1]:8080', '[::1]:80', 'proxy'],
    ['http://[fd00::7]', 'fd00::/8', 'direct'],
    ['http://10.1.2.3', '10.0.0.0/8', 'direct'],
    ['http://10.1.2.3', '10.0.0.0/99', 'proxy'],
    ['http://10.1.2.3', '2.3', 'proxy'],
    ['http://ten.example', '10.0.0.0/8', 'proxy'],
  ])('of %s with NO_PROXY=%s is %s', (url, noProxy, kind) => {
    expect(kindOf(url, { ALL_PROXY: 'proxy:3128', NO_PROXY: noProxy })).toBe(kind);
  });

  test('is the first proxy that is named, with a scheme', () => {
    const environment = { http_proxy: 'one:1', HTTP_PROXY: 'two:2', all_proxy: 'three:3' };
    expect(proxyFor(new URL('http://x.example'), environment)).toEqual({
      kind: 'proxy',
      url: 'http://one:1',
    });
  });
});

test.each([
  [
    { ALL_PROXY: 'socks5h://me:hush@proxy' },
    /^the environment variable ALL_PROXY names a socks5h proxy that is/,
  ],
  [{ all_proxy: 'socks4://proxy' }, /^the environment variable all_proxy names a socks4 proxy/],
  [
    { http_proxy: 'proxy:3128:x' },
    /^the environment variable http_proxy does not hold the address of a proxy/,
  ],
  [{ http_proxy: 'hush:3128:x@y z' }, /^the environment variable http_proxy does not hold/],
  [{ HTTP_PROXY: 'http://' }, /^the environment variable HTTP_PROXY does not hold/],
  [{ HTTP_PROXY: 'http://proxy:99999' }, /does not hold/],
  [{ HTTP_PROXY: 'hush://proxy' }, /names a kind of proxy that is not supported/],
  [{ HTTP_PROXY: 'http://me:hu%sh@proxy' }, /holds credentials in which a "%"/],
  [{ HTTP_PROXY: 'http://me:hush%ff@proxy' }, /holds credentials in which a "%"/],
  [{ HTTP_PROXY: 'file:///proxy' }, /names a kind of proxy that is not supported/],
])('the unusable proxy of %j is named by its variable, without its value', (environment, problem) => {
  const route = proxyFor(new URL('http://x.example'), environment);
  expect(route).toEqual({ kind: 'unusable', problem: expect.stringMatching(problem) });
  expect(JSON.stringify(route)).not.toMatch(/hu%?sh/);
});

test('an unusable proxy is nobody’s trouble whom NO_PROXY exempts', () => {
  expect(kindOf('http://x.example', { ALL_PROXY: 'socks5h://p', NO_PROXY: 'x.example' })).toBe('direct');
});
