import { describe, expect, test } from 'vitest';
import { parseAssetPath } from './asset-path.ts';

describe('the path of an asset', () => {
  test.each([
    ['alice/app@1.0.0/app.wasm', 'alice/app', '1.0.0'],
    ['alice/app@1.0.0+build.1/app.wasm', 'alice/app', '1.0.0+build.1'],
    ['alice/app@1.0.0-rc.1/cli/tool/tool.wasm', 'alice/app', '1.0.0-rc.1'],
    ['alice/app/v2@2.0.0/v2.wasm', 'alice/app/v2', '2.0.0'],
    ['CAIMEOX/原来@0.1.0/原来.wasm', 'CAIMEOX/原来', '0.1.0'],
    ['alice/app@1.0.0/.wasm.wasm', 'alice/app', '1.0.0'],
  ])('%s names module, version and file, and so does its checksum', (path, module, version) => {
    expect(parseAssetPath(path)).toEqual({ module, version, wasmPath: path, isChecksum: false });
    expect(parseAssetPath(`${path}.sha256`)).toEqual({ module, version, wasmPath: path, isChecksum: true });
  });

  test.each([
    '',
    'alice/app@1.0.0',
    'alice/app@1.0.0/',
    'alice/app@1.0.0/app',
    'alice/app@1.0.0/app.js',
    'alice/app@1.0.0/app.wasm/',
    'alice/app@1.0.0/app.wasm.sha256.sha256',
    'alice/app@1.0.0/app.WASM',
    'alice/app/app.wasm',
    'app@1.0.0/app.wasm',
    '@1.0.0/app.wasm',
    'alice/app@latest/app.wasm',
    'alice/app@1.0/app.wasm',
    'alice/app@v1.0.0/app.wasm',
    'alice/app@1.0.0@2.0.0/app.wasm',
    'alice/app@1.0.0/a@b/app.wasm',
    '../app@1.0.0/app.wasm',
    'alice/../app@1.0.0/app.wasm',
    'alice/app@1.0.0/../app.wasm',
    'alice/app@1.0.0/cli/../../../app.wasm',
    'alice/app@1.0.0//app.wasm',
    'alice/app@1.0.0/./app.wasm',
    'alice/app@1.0.0/a\\b.wasm',
    'alice/app@1.0.0/a:b.wasm',
    'alice/app@1.0.0/a\0.wasm',
    'alice/app@1.0.0/a b.wasm',
    'alice/app@1.0.0/a%2Fb.wasm',
    'alice/app@1.0.0/a?b.wasm',
    `alice/app@1.0.0/${'a'.repeat(300)}.wasm`,
    '/alice/app@1.0.0/app.wasm',
  ])('is not %j', (path) => {
    expect(parseAssetPath(path)).toBeUndefined();
  });
});
