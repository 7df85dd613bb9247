/** The disk fills, and what is left of it is for the index: archives are fetched for whoever asks, and not kept. */
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Log } from '../../src/support/log.ts';
import { createRegistry, download, readServed } from '../support/registry-world.ts';
import { startUpstream } from '../support/worlds.ts';

const small = 'alice/json@1.0.0';
const large = 'alice/large@1.0.0';
/** More than any disk has. */
const all = '[registry]\ncache_reserve = "9000000GiB"\n';

async function createScene() {
  const upstream = await startUpstream([small]);
  await upstream.publish(large, { sizeBytes: 3_000_000 });
  const lines: string[] = [];
  const record = (message: string) => void lines.push(message);
  const log: Log = { debug: () => {}, info: record, warn: record, error: record };
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], log });
  const { file, registry: settings } = registry.config;
  await registry.sync();
  await appendFile(file, all);
  await registry.reload();
  const stored = async () =>
    (await readdir(join(settings.dataDir, 'packages'), { recursive: true })).filter((name) =>
      name.endsWith('.zip'),
    );
  const told = () => lines.filter((line) => line.startsWith('fetched archives'));
  return { registry, file, stored, told, checksums: await readServed(registry), upstream };
}

test('archives of any size are verified and given out, the log tells when that begins and when it ends', async () => {
  const { registry, file, stored, told, checksums } = await createScene();
  for (const id of [small, large, large, small]) expect(await download(registry, id)).toBe(checksums[id]);
  expect(await stored()).toEqual([]);
  expect((await registry.status()).caching).toMatchObject({ isPaused: true });
  expect((await registry.cacheSpace())?.isPaused).toBe(true);
  await expect.poll(told).toEqual([expect.stringContaining('are not cached')]);
  const { sources } = registry.config;
  await writeFile(
    file,
    `[registry]\ncache_reserve = "0B"\n[[sources]]\nname = "main"\nurl = "${sources[0]?.url}"\nindex_url = "${sources[0]?.indexUrl}"\n`,
  );
  await registry.reload();
  expect((await registry.cacheSpace())?.isPaused).toBe(false);
  for (const id of [small, large]) expect(await download(registry, id)).toBe(checksums[id]);
  await expect.poll(stored).toHaveLength(2);
  expect(told()).toEqual([expect.stringContaining('are not cached'), 'fetched archives are stored again']);
});

test('mirroring stops, and says why and what to do', async () => {
  const { registry, stored } = await createScene();
  await expect(registry.mirror({ patterns: ['alice/*'] })).rejects.toMatchObject({
    code: 'storage',
    message: expect.stringContaining('archives are not cached any more'),
    hint: expect.stringContaining('registry.cache_reserve'),
  });
  expect(await stored()).toEqual([]);
});

test('the index goes on being refreshed', async () => {
  const { registry, upstream } = await createScene();
  await upstream.publish('bob/http@0.1.0');
  await registry.sync();
  expect(Object.keys(await readServed(registry))).toContain('bob/http@0.1.0');
});
