import { describe, expect, test } from 'vitest';
import {
  absolutePackageUrlPattern,
  baseUrlProblem,
  indexUrlProblem,
  packageUrlPatternProblem,
  serverUrlProblem,
} from './addresses.ts';

describe('addresses that can be used', () => {
  test.each(['https://mooncakes.io', 'http://127.0.0.1:8080/a/', 'file:///srv/registry', 'https://[::1]/x'])(
    'as url: %s',
    (url) => {
      expect(baseUrlProblem(url)).toBeUndefined();
    },
  );

  test.each([
    'https://mooncakes.io/git/index',
    'http://localhost:1/i.git',
    'file:///srv/index.git',
    'ssh://git@example.com:2222/index.git',
    'ssh://example.com/index',
    'ssh://[::1]/index',
    'git@example.com:team/index.git',
  ])('as index_url: %s', (url) => {
    expect(indexUrlProblem(url)).toBeUndefined();
  });
});

describe('addresses that are refused', () => {
  test.each([
    '',
    'mooncakes.io',
    'ftp://example.com',
    'https:example.com',
    'https:/example.com',
    'https://',
    'https:\\\\example.com',
    'https://exa mple.com',
    'https://example.com/\n',
    ' https://example.com',
    'https://example.com/?token=x',
    'https://example.com/#x',
    'https://user@example.com',
    'https://user:secret@example.com',
    'file://host/path',
    'file:relative',
    'ssh://git@example.com/x',
    `https://\${HOST}/x`,
  ])('as url: %j', (url) => {
    expect(baseUrlProblem(url)).toBeTypeOf('string');
  });

  test.each([
    '',
    'ext::sh -c whoami',
    'ext::sh',
    '--upload-pack=x',
    '-oProxyCommand=x',
    'ssh://-oProxyCommand=x/y',
    'ssh://git@-oProxyCommand=x/y',
    'ssh://git:secret@example.com/x',
    'git@-oProxyCommand=x:y',
    '-git@example.com:y',
    'git@example.com:-x',
    'git@example.com::x',
    'fd::17',
    'git://example.com/index',
    'http::https://example.com/x',
    'https://user:secret@example.com/index',
    '../index',
    '/srv/index',
    'ssh://git@example.com',
  ])('as index_url: %j', (url) => {
    expect(indexUrlProblem(url)).toBeTypeOf('string');
  });

  test.each(['file:///srv', 'https://a@b', 'https://example.com/?x', 'example.com'])(
    'as base_url: %s',
    (url) => {
      expect(serverUrlProblem(url)).toBeTypeOf('string');
    },
  );

  test.each(['https://user:hunter2@example.com', 'ssh://git:hunter2@example.com/x', 'https://x/?t=hunter2'])(
    'the refusal never repeats what may be a secret: %s',
    (url) => {
      expect(`${baseUrlProblem(url)} ${indexUrlProblem(url)}`).not.toContain('hunter2');
    },
  );
});

test('the address of the server has no two slashes in its path, which would name another host', () => {
  const addresses = [
    'https://example.com//evil.example',
    'https://example.com/a//b',
    'https://example.com/.//x',
  ];
  for (const address of addresses) expect(serverUrlProblem(address)).toBe('expected no "//" in its path');
  expect(serverUrlProblem('https://example.com/moon/')).toBeUndefined();
});

describe('package_url_pattern', () => {
  const own = ['https://example.com/registry', 'https://dl.example.com'];

  test.each([
    'archives/{module}/{version}.zip',
    '/user/{owner}/{name}/{version}.zip',
    '{owner}/{name}-{version}.zip',
    'https://example.com/{module}/{version}.zip',
    'https://EXAMPLE.com:443/{module}/{version}.zip',
    'https://dl.example.com/a?m={module}&v={version}',
  ])('may be %s', (pattern) => {
    expect(packageUrlPatternProblem(pattern, own)).toBeUndefined();
  });

  test.each([
    ['without a version', '{module}.zip'],
    ['without a module', '{version}.zip'],
    ['with half a module', '{owner}/{version}.zip'],
    ['with an unknown placeholder', '{module}/{version}/{sum}.zip'],
    ['with an open brace', '{module}/{version}/{.zip'],
    ['elsewhere', 'https://evil.example/{module}/{version}'],
    ['at a host chosen by a module', 'https://{owner}.example.com/{name}/{version}'],
    ['with userinfo that looks like the host', 'https://example.com@evil.example/{module}/{version}'],
    ['with another scheme', 'http://example.com/{module}/{version}'],
    ['at another port', 'https://example.com:8443/{module}/{version}'],
    ['at a host that only begins alike', 'https://example.com.evil.example/{module}/{version}'],
    ['without a scheme', '//evil.example/{module}/{version}'],
    ['with backslashes', '\\\\evil.example\\{module}\\{version}'],
    ['extending the host', '.evil.example/{module}/{version}'],
    ['becoming userinfo', '@evil.example/{module}/{version}'],
    ['with dot segments', '../{module}/{version}.zip'],
    ['with another scheme entirely', 'javascript:{module}{version}'],
    ['with a fragment', '{module}#{version}'],
  ])('may not be %s', (_, pattern) => {
    expect(packageUrlPatternProblem(pattern, own)).toBeTypeOf('string');
  });

  test('a file source may only point below itself', () => {
    const pattern = 'file:///srv/registry/{module}/{version}.zip';
    expect(packageUrlPatternProblem(pattern, ['file:///srv/registry'])).toBeUndefined();
    expect(packageUrlPatternProblem(pattern, ['file:///srv/reg'])).toBeTypeOf('string');
  });

  test.each([
    ['x/{module}', 'https://example.com/a', 'https://example.com/a/x/{module}'],
    ['/x/{module}', 'https://example.com/a', 'https://example.com/x/{module}'],
    ['/x/{module}', 'file:///srv/a', 'file:///x/{module}'],
    ['https://example.com/{module}', 'https://dl.example.com', 'https://example.com/{module}'],
  ])('%s of %s is %s', (pattern, downloadUrl, absolute) => {
    expect(absolutePackageUrlPattern(pattern, downloadUrl)).toBe(absolute);
  });
});
