import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { sha256, startUpstream } from '../../test/support/worlds.ts';
import { defaultSourceLimits } from '../config/normalise.ts';
import { connectSources } from '../sources/connect.ts';
import { createAssetCache } from './asset-cache.ts';

const path = 'alice/app@1.0.0+1/cli/cli.wasm';
const wasm = Buffer.from('\0asm and so on');
const kept = { checksum: sha256(wasm), bytes: wasm };

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
        limits: defaultSourceLimits(),
      },
    ],
    {
      objectDirectory: join(root, 'objects'),
      treeOf: async () => undefined,
      workDirectory: join(root, 'work'),
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
  const open = () => createAssetCache(directory);
  return { upstream, source, cache: open(), open, files };
}

describe('an asset', () => {
  test('is kept once its bytes are what its checksum says', async () => {
    const { upstream, source, cache, open } = await createWorld();
    upstream.setAsset(path, wasm);
    expect(await cache.read(path)).toBeUndefined();
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
    await upstream.close();
    expect(await cache.read(path)).toEqual(kept);
    expect(await open().read(path)).toEqual(kept);
    expect(await cache.read('alice/app@1.0.0+1/cli/other.wasm')).toBeUndefined();
  });

  test('has a file that no name can lead anywhere else', async () => {
    const { upstream, source, cache, files } = await createWorld();
    for (const odd of [path, path.replace('alice', 'Alice'), 'CAIMEOX/原来@0.1.0/原来.wasm']) {
      upstream.setAsset(odd, wasm);
      expect((await cache.fetch(odd, source)).kind).toBe('found');
    }
    const names = (await files()).map((file) => file.split('/').slice(-2).join('/'));
    expect(names).toHaveLength(6);
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

  test('never changes: another checksum than was served before is refused, the kept one stays', async () => {
    const { upstream, source, cache } = await createWorld();
    upstream.setAsset(path, wasm);
    await cache.fetch(path, source);
    upstream.setAsset(path, Buffer.from('\0asm other bytes'));
    expect(await cache.fetch(path, source)).toMatchObject({
      kind: 'unavailable',
      cause: { reason: 'wrong-bytes' },
    });
    expect(await cache.read(path)).toEqual(kept);
  });

  test('whose checksum file is damaged on our disk is fetched again', async () => {
    const { upstream, source, cache, files } = await createWorld();
    upstream.setAsset(path, wasm);
    await cache.fetch(path, source);
    for (const file of await files()) if (file.endsWith('.sha256')) await writeFile(file, 'not a checksum');
    expect(await cache.read(path)).toBeUndefined();
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
    expect(await cache.read(path)).toEqual(kept);
  });

  test.each([
    ['is changed', (file: string) => writeFile(file, 'changed')],
    ['is cut short', (file: string) => truncate(file, 3)],
    ['is gone', (file: string) => rm(file)],
  ])('whose file %s on our disk is fetched again', async (_, damage) => {
    const { upstream, source, cache, files } = await createWorld();
    upstream.setAsset(path, wasm);
    await cache.fetch(path, source);
    for (const file of await files()) if (file.endsWith('.wasm')) await damage(file);
    expect(await cache.read(path)).toBeUndefined();
    expect(await cache.fetch(path, source)).toEqual({ kind: 'found', value: kept });
    expect(await cache.read(path)).toEqual(kept);
  });
});
