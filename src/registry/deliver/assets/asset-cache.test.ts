import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { sha256, startUpstream } from '../../../../test/support/worlds.ts';
import { openFileArchiveStore } from '../../../archives/file-archive-store.ts';
import { createVerifyingStore } from '../../../archives/verifying-store.ts';
import { defaultSourceLimits } from '../../../config/normalise.ts';
import { connectSources } from '../../../sources/connect.ts';
import { type AssetCache, createAssetCache } from './asset-cache.ts';
import { openAssetPins } from './asset-pins.ts';

const path = 'alice/app@1.0.0+1/cli/cli.wasm';
const wasm = Buffer.from('\0asm and so on');
const kept = { checksum: sha256(wasm), sizeBytes: wasm.length };
const key = createHash('sha256').update(path).digest('hex');

async function createWorld() {
  const root = temporaryDirectory();
  const directory = join(root, 'assets');
  const upstream = await startUpstream();
  const connected = connectSources(
    [
      {
        name: 'public',
        type: 'custom',
        url: upstream.url,
        indexUrl: upstream.indexUrl,
        indexType: 'git',
        enabled: true,
        priority: 50,
        namespaces: [],
        include: [],
        exclude: [],
        downloadUrl: upstream.url,
        packageUrlPattern: undefined,
        allowedRedirects: [],
        maxConcurrency: 32,
        maxRequestsPerSecond: undefined,
        auth: undefined,
        deletedUpstream: 'keep',
        holdsNewNames: 'all',
        limits: { ...defaultSourceLimits(), assetBytes: 1_000_000 },
      },
    ],
    {
      objectDirectory: join(root, 'objects'),
      treeOf: async () => undefined,
      workDirectory: join(root, 'work'),
      env: {},
      http: { retry: { sleep: async () => {} } },
    },
  );
  onTestFinished(() => connected.close());
  const source = connected.sources.get('public');
  if (!source) throw new Error('it is connected');
  const files = async (): Promise<string[]> => {
    const found = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  };
  const damaged: string[] = [];
  const open = () => {
    const store = createVerifyingStore(openFileArchiveStore(directory, { suffix: '.wasm' }), {
      onDamage: ({ damage }) => void damaged.push(damage),
    });
    return createAssetCache(openAssetPins(directory), store);
  };
  const asked = () => upstream.requests.map(({ url }) => url.slice(url.lastIndexOf('.')));
  return { directory, upstream, source, cache: open(), open, files, asked, damaged };
}

/** The bytes that the cache has for a path, whole. */
async function read(cache: AssetCache, wasmPath: string): Promise<Buffer | undefined> {
  const asset = await cache.find(wasmPath);
  const stream = asset && (await cache.open(asset.checksum as never));
  return stream && buffer(stream);
}

describe('an asset', () => {
  test('is kept once its bytes are what its checksum says', async () => {
    const { upstream, source, cache, open } = await createWorld();
    upstream.setAsset(path, wasm);
    expect(await cache.find(path)).toBeUndefined();
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
    await upstream.close();
    expect(await read(cache, path)).toEqual(wasm);
    expect(await read(open(), path)).toEqual(wasm);
    expect(await cache.find('alice/app@1.0.0+1/cli/other.wasm')).toBeUndefined();
  });

  test('has a file that no name can lead anywhere else', async () => {
    const { upstream, source, cache, files } = await createWorld();
    for (const odd of [path, path.replace('alice', 'Alice'), 'CAIMEOX/原来@0.1.0/原来.wasm']) {
      upstream.setAsset(odd, wasm);
      expect((await cache.fetch(odd, source)).kind).toBe('found');
    }
    const names = (await files()).map((file) => file.split('/').slice(-2).join('/'));
    expect(names).toHaveLength(4);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{2}\/[0-9a-f]{64}\.(wasm|sha256)$/);
  });

  test.each([
    ['alone', sha256(wasm)],
    ['in capitals', sha256(wasm).toUpperCase()],
    ['as sha256sum prints it', `${sha256(wasm)}  cli.wasm\n`],
    ['after white space', `\n ${sha256(wasm)}\n`],
  ])('may have its checksum %s', async (_, text) => {
    const { upstream, source, cache } = await createWorld();
    upstream.setAsset(path, wasm);
    upstream.setAsset(`${path}.sha256`, Buffer.from(text));
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
  });

  test.each([
    ['a page', '<!doctype html>', 'bad-answer'],
    ['nothing', '', 'bad-answer'],
    ['a short one', sha256(wasm).slice(1), 'bad-answer'],
    ['far too much', `${sha256(wasm)}${' '.repeat(5000)}`, 'bad-answer'],
    ['that of other bytes', sha256(Buffer.from('other')), 'wrong-bytes'],
  ])('is not kept with %s for a checksum', async (_, text, reason) => {
    const { upstream, source, cache, files } = await createWorld();
    upstream.setAsset(path, wasm);
    upstream.setAsset(`${path}.sha256`, Buffer.from(text));
    expect(await cache.fetch(path, source)).toMatchObject({ kind: 'unavailable', cause: { reason } });
    expect(await files()).toEqual([]);
  });

  test('that is not there is absent, one that cannot be read is not', async () => {
    const { upstream, source, cache, files } = await createWorld();
    expect(await cache.fetch('alice/app@1.0.0/other.wasm', source)).toMatchObject({ kind: 'absent' });
    upstream.setAsset(path, wasm);
    upstream.faults.status = 503;
    expect(await cache.fetch(path, source)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'server-error' },
    });
    expect(await files()).toEqual([]);
  });

  test('that is larger than the source may send is refused, and nothing of it is kept', async () => {
    const { upstream, source, cache, files } = await createWorld();
    upstream.setAsset(path, Buffer.alloc(1_000_001));
    const detail = expect.stringMatching(/1000000 bytes allowed \(limits\.asset/);
    expect(await cache.fetch(path, source)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'bad-answer', detail },
    });
    expect(await files()).toEqual([]);
  });

  test('has its checksum told without being fetched, and then stays what was told', async () => {
    const { upstream, source, cache, open, asked } = await createWorld();
    upstream.setAsset(path, wasm);
    expect(await cache.checksum(path)).toBeUndefined();
    expect(await cache.learnChecksum(path, source)).toEqual({ kind: 'found', value: kept.checksum });
    upstream.setAsset(path, Buffer.from('\0asm other bytes'));
    expect(await open().checksum(path)).toBe(kept.checksum);
    expect(await cache.learnChecksum(path, source)).toEqual({ kind: 'found', value: kept.checksum });
    expect(asked()).not.toContain('.wasm');
    expect(await cache.fetch(path, source)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'wrong-bytes' },
    });
    upstream.setAsset(path, wasm);
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
  });

  test('is what the quicker of two processes pinned', async () => {
    const { directory } = await createWorld();
    const pins = openAssetPins(directory);
    const checksums = Array.from({ length: 8 }, (_, i) => sha256(Buffer.from([i])) as never);
    const told = await Promise.all(checksums.map((checksum) => openAssetPins(directory).pin(path, checksum)));
    expect(new Set(told)).toEqual(new Set([await pins.find(path)]));
    expect((await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.tmp'))).toEqual(
      [],
    );
  });

  test('never changes: what is here is what the path was pinned to, whatever the source says later', async () => {
    const { upstream, source, cache } = await createWorld();
    upstream.setAsset(path, wasm);
    await cache.fetch(path, source);
    upstream.setAsset(path, Buffer.from('\0asm other bytes'));
    expect(await cache.fetch(path, source)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'wrong-bytes' },
    });
    expect(await read(cache, path)).toEqual(wasm);
  });

  test('whose pin is damaged on our disk is pinned again', async () => {
    const { upstream, source, cache, files } = await createWorld();
    upstream.setAsset(path, wasm);
    await cache.fetch(path, source);
    for (const file of await files()) if (file.endsWith('.sha256')) await writeFile(file, 'not a checksum');
    expect(await cache.find(path)).toBeUndefined();
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
    expect(await read(cache, path)).toEqual(wasm);
  });

  test.each([
    ['is changed', (file: string) => writeFile(file, 'changed'), 1],
    ['is cut short', (file: string) => truncate(file, 3), 1],
    ['is gone', (file: string) => rm(file), 0],
  ])(
    'whose file %s on our disk is fetched again, and kept for people to look at',
    async (_, damage, told) => {
      const { upstream, source, cache, open, files, damaged } = await createWorld();
      upstream.setAsset(path, wasm);
      await cache.fetch(path, source);
      for (const file of await files()) if (file.endsWith('.wasm')) await damage(file);
      const next = open();
      expect(await next.find(path)).toBeUndefined();
      expect(damaged).toHaveLength(told);
      expect(await next.fetch(path, source)).toEqual({ kind: 'found', value: kept });
      expect(await read(next, path)).toEqual(wasm);
    },
  );

  test.each([
    ['sound', wasm, true],
    ['damaged', Buffer.from('bad'), false],
  ])(
    'that an older version kept under the hash of its path, %s, is found as it should be',
    async (_, bytes, isHere) => {
      const { directory, cache, files } = await createWorld();
      const place = join(directory, key.slice(0, 2), key);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(`${place}.wasm`, bytes);
      await writeFile(`${place}.sha256`, `${kept.checksum}\n`);
      expect(await cache.find(path)).toEqual(isHere ? kept : undefined);
      expect(await read(cache, path)).toEqual(isHere ? wasm : undefined);
      expect((await files()).map((file) => file.slice(file.lastIndexOf('/') + 1)).sort()).toEqual(
        [`${key}.sha256`, ...(isHere ? [`${kept.checksum}.wasm`] : [])].sort(),
      );
    },
  );
});
