import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatIndexLine } from '../../src/demo/index-line.ts';
import { git } from '../support/git-client.ts';
import { realIndexBundle } from '../support/real-index.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';
import { createSizeSpread, replaceChecksum } from './adopt-index.ts';

const bundle = realIndexBundle();

describe('adoptIndex', () => {
  test('changes the checksums and nothing else, and serves an archive for each', async () => {
    const origin = await startUpstream(['alice/json@1.2.0', 'alice/tree/cli@0.1.0+3']);
    await origin.publish('alice/json@1.3.0', { deps: { 'bob/🐫': '0.1.0' }, sizeBytes: 9000 });
    await origin.writeIndexFile('user/bob/odd.index', '{"version": "0.1.0"}\n\nnot json\n{"name": 1}');
    const upstream = await startUpstream();
    const adopted = await upstream.adoptIndex(origin.index.repository, { medianBytes: 0 });
    expect(adopted).toMatchObject({ modules: 3, versions: 3 });
    for (const path of ['user/alice/json.index', 'user/alice/tree/cli.index', 'user/bob/odd.index']) {
      const withoutChecksums = [origin, upstream].map(({ index }) =>
        index
          .read(path)
          ?.toString()
          .replace(/[0-9a-f]{64}/g, 'checksum'),
      );
      expect(withoutChecksums[1]).toBe(withoutChecksums[0]);
    }
    const checksum = readEntries(upstream.index.read('user/alice/json.index'))[1]?.checksum;
    expect(checksum).not.toBe(readEntries(origin.index.read('user/alice/json.index'))[1]?.checksum);
    const archive = await fetch(`${upstream.url}/user/alice/json/1.3.0.zip`);
    expect(sha256(Buffer.from(await archive.arrayBuffer()))).toBe(checksum);
  });

  test.skipIf(!bundle)('takes over the whole official index (skipped without ../shared/data)', async () => {
    const upstream = await startUpstream();
    const adopted = await upstream.adoptIndex(bundle ?? '', { medianBytes: 0 });
    expect(adopted).toMatchObject({ modules: 887, versions: 6548 });
    const bare = join(temporaryDirectory(), 'bare.git');
    await git(['clone', '--quiet', '--bare', '--depth', '1', upstream.indexUrl, bare]);
    const paths = (await git(['-C', bare, 'ls-tree', '-r', '-z', '--name-only', 'main']))
      .split('\0')
      .slice(0, -1);
    expect(paths.length).toBe(887);
    const core = readEntries(await git(['-C', bare, 'show', 'main:user/moonbitlang/core.index'])).at(-1);
    const version = encodeURIComponent(`${core?.version}`);
    const archive = await fetch(`${upstream.url}/user/moonbitlang%2Fcore%2F${version}.zip`);
    expect(sha256(Buffer.from(await archive.arrayBuffer()))).toBe(core?.checksum);
  });
});

describe('createSizeSpread', () => {
  test('has the median and the mean of the official archives, and no more than the maximum', () => {
    const sizeOf = createSizeSpread({});
    const sizes = Array.from({ length: 5000 }, (_, i) => sizeOf(`alice/m${i}@0.1.0`)).sort((a, b) => a - b);
    const median = sizes[2500] ?? 0;
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect([Math.round(median / 2048), Math.round(mean / 6144)]).toEqual([10, 8]);
    expect(sizes.at(-1)).toBe(1024 * 1024);
    expect(sizeOf('alice/json@1.2.0')).toBe(createSizeSpread({})('alice/json@1.2.0'));
  });
});

describe('replaceChecksum', () => {
  test('changes the value of the key and nothing that only looks like it', () => {
    const line = formatIndexLine({
      description: 'the "checksum": "aa" of it',
      checksum: 'aa',
      keywords: ['aa'],
    });
    expect(JSON.parse(replaceChecksum(line, 'aa', 'bb'))).toEqual({
      description: 'the "checksum": "aa" of it',
      checksum: 'bb',
      keywords: ['aa'],
    });
  });
});
