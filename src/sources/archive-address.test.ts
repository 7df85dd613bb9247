import { describe, expect, test } from 'vitest';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { archiveAddresses, encodeSegment } from './archive-address.ts';

function urls(module: string, version: string, packageUrlPattern?: string): string[] {
  const config = { downloadUrl: 'https://host/base', packageUrlPattern };
  return archiveAddresses(config, module as ModuleName, version as Version).map(({ url }) => url);
}

describe('archiveAddresses', () => {
  test('tries the form of new clients, then that of old ones', () => {
    expect(urls('alice/json', '1.2.0')).toEqual([
      'https://host/base/user/alice/json/1.2.0.zip',
      'https://host/base/user/alice%2Fjson%2F1.2.0.zip',
    ]);
  });

  test('begins with the form that worked last', () => {
    const config = { downloadUrl: 'https://host', packageUrlPattern: undefined };
    const forms = archiveAddresses(config, 'a/b' as ModuleName, '1.0.0' as Version, 'legacy');
    expect(forms.map(({ form }) => form)).toEqual(['legacy', 'split']);
  });

  test.each([
    ['moonbitlang/core', '0.1.0+a1', 'moonbitlang/core/0.1.0%2Ba1', 'moonbitlang%2Fcore%2F0.1.0%2Ba1'],
    ['a/tree/cli', '1.0.0', 'a/tree%2Fcli/1.0.0', 'a%2Ftree%2Fcli%2F1.0.0'],
    ['x/🐫', '1.0.0', 'x/%F0%9F%90%AB/1.0.0', 'x%2F%F0%9F%90%AB%2F1.0.0'],
    ["x/a!'()*~b", '1.0.0', 'x/a%21%27%28%29%2A~b/1.0.0', 'x%2Fa%21%27%28%29%2A~b%2F1.0.0'],
  ])('encodes %s@%s', (module, version, split, legacy) => {
    expect(urls(module, version)).toEqual([
      `https://host/base/user/${split}.zip`,
      `https://host/base/user/${legacy}.zip`,
    ]);
  });

  test('uses only the pattern where there is one', () => {
    expect(urls('a/b/c', '1.0.0+x', 'https://cdn/{owner}-{name}/{module}@{version}.zip')).toEqual([
      'https://cdn/a-b%2Fc/a%2Fb%2Fc@1.0.0%2Bx.zip',
    ]);
  });

  test('reads a relative pattern as a path under the download address', () => {
    expect(urls('a/b', '1.0.0', 'zips/{owner}/{name}-{version}.zip')).toEqual([
      'https://host/base/zips/a/b-1.0.0.zip',
    ]);
  });

  test('does not take a name for a placeholder or a replacement pattern', () => {
    expect(urls('a/{version}', '1.0.0', '{name}/{version}')).toEqual([
      'https://host/base/%7Bversion%7D/1.0.0',
    ]);
    expect(urls('a/$&', '1.0.0', '{name}')).toEqual(['https://host/base/%24%26']);
  });
});

test('encodeSegment keeps only unreserved characters', () => {
  expect(encodeSegment('AZaz09-._~/+ %')).toBe('AZaz09-._~%2F%2B%20%25');
});
