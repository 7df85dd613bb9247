import { describe, expect, test } from 'vitest';
import { proxyFor, proxySecrets } from './proxy.ts';

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
    [{ all_proxy: 'proxy:3128', NO_PROXY: '*ample.com' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'moon.*' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: '*.example.com:80' }, 'proxy'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: '*:443' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: 'a.test\n\texample.com ,' }, 'direct'],
    [{ all_proxy: 'proxy:3128', NO_PROXY: ' , ,' }, 'proxy'],
    [{ all_proxy: 'proxy:3128', no_proxy: '', NO_PROXY: '*' }, 'direct'],
    [{ all_proxy: 'proxy:3128', no_proxy: 'a.test', NO_PROXY: '*' }, 'proxy'],
    [{ https_proxy: '', HTTPS_PROXY: 'proxy:3128' }, 'proxy'],
    [{ HTTPS_PROXY: 'proxy:3128', REQUEST_METHOD: 'GET' }, 'proxy'],
    [{ HTTP_PROXY: 'proxy:3128' }, 'direct'],
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
    ['http://10.1.2.3', '10.1.2.3/32', 'direct'],
    ['http://10.1.2.3', '10.1.2.9/24', 'direct'],
    ['http://10.1.2.3', '10.1.2.0/24/1', 'proxy'],
    ['http://10.1.2.3', '10.1.*', 'direct'],
    ['http://10.1.2.3:81', '10.1.2.3:81', 'direct'],
    ['http://127.0.0.1:4000', '127.0.0.0/8', 'direct'],
    ['http://127.1', '127.0.0.1', 'direct'],
    ['http://[::1]', '::1/128', 'direct'],
    ['http://[::1]', '[::1]/128', 'direct'],
    ['http://[::1]', '0:0:0:0:0:0:0:1', 'direct'],
    ['http://[::1]', '::2', 'proxy'],
    ['http://[::ffff:10.1.2.3]', '10.0.0.0/8', 'direct'],
    ['http://ten.example', '10.0.0.0/8', 'proxy'],
    ['http://ten.example', '*.0.0.0/8', 'proxy'],
    ['http://a.corp.test', '*.corp.test', 'direct'],
    ['http://a.b.corp.test', '.corp.test', 'direct'],
    ['http://corp.test', '.corp.test', 'direct'],
    ['http://xcorp.test', '*.corp.test', 'proxy'],
    ['http://a.corp.test:8080', 'a.corp.test:8080', 'direct'],
    ['http://a.corp.test:8080', '.corp.test:80', 'proxy'],
    ['http://a.corp.test', 'A.CORP.TEST.', 'direct'],
    ['http://münchen.test', 'MÜNCHEN.test', 'direct'],
    ['http://10.0.0.8', '0.0.0.8', 'proxy'],
    ['http://corp.test', 'http://corp.test', 'proxy'],
  ])('of %s with NO_PROXY=%s is %s', (url, noProxy, kind) => {
    expect(kindOf(url, { ALL_PROXY: 'proxy:3128', NO_PROXY: noProxy })).toBe(kind);
  });

  test.each([
    ['proxy', 'http://proxy:80'],
    ['http://proxy:80/', 'http://proxy:80'],
    ['https://proxy', 'https://proxy:443'],
    ['HTTP://Proxy.Example:3128/a?b#c', 'http://proxy.example:3128'],
    ['http://[::1]:3128', 'http://[::1]:3128'],
    ['me:p@ss@proxy:3128', 'http://me:p%40ss@proxy:3128'],
    ['http://me@proxy:3128', 'http://me:@proxy:3128'],
  ])('through %s is told to everybody as %s', (value, url) => {
    const route = proxyFor(new URL('http://x.example'), { http_proxy: value });
    expect(route).toEqual({ kind: 'proxy', url, variable: 'http_proxy' });
  });

  test('is not what a client sends to a CGI program', () => {
    const environment = { HTTP_PROXY: 'proxy:3128', REQUEST_METHOD: 'GET' };
    expect(kindOf('http://x.example', environment)).toBe('direct');
    expect(kindOf('http://x.example', { ...environment, ALL_PROXY: 'other:1' })).toBe('proxy');
    expect(kindOf('http://x.example', { ...environment, http_proxy: 'other:1' })).toBe('proxy');
  });

  test('is the first proxy that is named, with a scheme', () => {
    const environment = { http_proxy: 'one:1', HTTP_PROXY: 'two:2', all_proxy: 'three:3' };
    expect(proxyFor(new URL('http://x.example'), environment)).toEqual({
      kind: 'proxy',
      url: 'http://one:1',
      variable: 'http_proxy',
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
  [{ HTTP_PROXY: 'http://hu/sh:x@proxy' }, /has a "\/", "\?" or "#" in its credentials: write %2F/],
  [{ HTTP_PROXY: 'http://me:hu#sh@proxy' }, /does not hold/],
  [{ HTTP_PROXY: 'file:///proxy' }, /names a kind of proxy that is not supported/],
])('the unusable proxy of %j is named by its variable, without its value', (environment, problem) => {
  const route = proxyFor(new URL('http://x.example'), environment);
  expect(route).toEqual({ kind: 'unusable', problem: expect.stringMatching(problem) });
  expect(JSON.stringify(route)).not.toMatch(/hu%?sh/);
});

test('an unusable proxy is nobody’s trouble whom NO_PROXY exempts', () => {
  expect(kindOf('http://x.example', { ALL_PROXY: 'socks5h://p', NO_PROXY: 'x.example' })).toBe('direct');
});

test('passwords of proxies are hidden as they are, as they are written and as they are sent', () => {
  const environment = { http_proxy: 'http://me:hu%2Fsh@p', ALL_PROXY: 'q:1', NO_PROXY: 'http://a:b@c' };
  expect(proxySecrets(environment)).toEqual(['hu/sh', 'hu%2Fsh', Buffer.from('me:hu/sh').toString('base64')]);
});
