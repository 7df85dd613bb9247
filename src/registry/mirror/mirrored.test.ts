import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import type { UpstreamRegistry } from '../../../test/worlds/upstream-registry.ts';
import type { Registry } from '../registry.ts';
import { readMirrored, requestKey } from './mirrored.ts';

const ids = ['alice/json@1.0.0', 'alice/json@1.1.0', 'bob/x@1.0.0'];
const everything = { patterns: ['*'] };

async function createWorld({
  other,
  ...settings
}: {
  readonly upstreamFallback?: boolean;
  readonly other?: UpstreamRegistry;
} = {}) {
  const upstream = await startUpstream(ids);
  const others = other ? [{ name: 'other', upstream: other, priority: 50 }] : [];
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }, ...others], ...settings });
  return { upstream, registry, file: join(registry.config.registry.dataDir, 'mirrored.txt') };
}

async function countsOf(registry: Registry, options = everything) {
  const { sources, failed } = await registry.mirror(options);
  const [{ versions = 0, downloaded = 0, present = 0 } = {}] = sources;
  return { versions, downloaded, present, failed: failed.length };
}

test('what was mirrored before is only looked for, and reported as the first time', async () => {
  const { registry, file } = await createWorld();
  const first = await registry.mirror(everything);
  const second = await registry.mirror(everything);
  const present = { downloaded: 0, bytes: 0, present: 3 };
  expect(second.sources).toEqual(first.sources.map((summary) => ({ ...summary, ...present })));
  expect({ ...second, sources: [], refresh: [] }).toEqual({ ...first, sources: [], refresh: [] });
  // Nobody but the record says that there were seven.
  await writeFile(file, (await readFile(file, 'utf8')).replace('"versions":3', '"versions":7'));
  expect(await countsOf(registry)).toMatchObject({ versions: 7, present: 7 });
});

test('the record of another request is not looked into', async () => {
  const { registry, file } = await createWorld();
  await registry.mirror(everything);
  const { config } = registry;
  const [same, other] = [everything, { patterns: ['bob/*'] }].map((one) => requestKey(config, one) ?? '');
  expect((await readMirrored(config, same ?? ''))?.checksums.toString()).toMatch(/^(?:[0-9a-f]{64}\n){3}$/);
  expect(await readMirrored(config, other ?? '')).toBeUndefined();
  await registry.mirror({ patterns: ['bob/*'] });
  expect((await readFile(file, 'utf8')).startsWith(`{"request":"${other}","key":"`)).toBe(true);
});

test('a new version is seen', async () => {
  const { upstream, registry } = await createWorld();
  await registry.mirror(everything);
  await upstream.publishMany([{ module: 'bob/x', version: '1.0.1' }]);
  expect(await countsOf(registry)).toEqual({ versions: 4, downloaded: 1, present: 3, failed: 0 });
  expect(await countsOf(registry)).toEqual({ versions: 4, downloaded: 0, present: 4, failed: 0 });
});

test('of what grows, what was there before is not read again', async () => {
  const { upstream, registry, file } = await createWorld();
  await registry.mirror(everything);
  await writeFile(file, (await readFile(file, 'utf8')).replace('"versions":3', '"versions":7'));
  await upstream.publishMany([{ module: 'bob/x', version: '1.0.1', deps: { 'alice/json': '1.0.0' } }]);
  expect(await countsOf(registry)).toMatchObject({ versions: 8, downloaded: 1, present: 7 });
  await upstream.publishMany([{ module: 'bob/new', version: '0.1.0' }]);
  expect(await registry.mirror(everything)).toMatchObject({ sources: [{ modules: 3, versions: 9 }] });
});

test('whatever changes, the same is selected as by reading everything', async () => {
  const other = await startUpstream(['acme/lib@1.0.0', 'acme/lib@1.1.0', 'acme/rest@1.0.0']);
  const { upstream, registry, file } = await createWorld({ other });
  const publish =
    (id: string, deps: Record<string, string> = {}) =>
    () => {
      const [module = '', version = ''] = id.split('@');
      return upstream.publishMany([{ module, version, deps }]);
    };
  const changes = [
    publish('bob/x@1.0.1', { 'alice/json': '1.0.5' }),
    publish('bob/new@0.1.0', { 'bob/x': '1.0.1', 'carol/none': '1.0.0' }),
    publish('carol/none@0.9.0', { 'carol/none': '7.0.0', 'bob/new': '0.2.0' }),
    publish('bob/x@1.0.2', { 'acme/lib': '1.0.5', 'acme/none': '1.0.0' }),
    () => other.publishMany([{ module: 'acme/lib', version: '1.0.7' }]),
    () => other.publishMany([{ module: 'acme/none', version: '1.0.0' }]),
    async () => {
      await upstream.removeIndexFile('user/carol/none.index');
      // What is gone is believed when it is read like this again.
      await registry.sync();
    },
    publish('alice/json@1.0.0', { 'bob/x': '1.0.0' }),
  ];
  await registry.mirror(everything);
  for (const change of changes) {
    await change();
    await registry.mirror(everything);
    const grown = await remembered(file);
    await rm(file);
    await registry.mirror(everything);
    expect(grown).toEqual(await remembered(file));
  }
});

/** All that is remembered, in one order. */
async function remembered(file: string) {
  const [facts = '', ...checksums] = (await readFile(file, 'utf8')).split('\n');
  const sort = (_key: string, value: unknown) =>
    Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort() : value;
  return { facts: JSON.stringify(JSON.parse(facts), sort, 1), checksums };
}

test('a deleted archive is fetched again', async () => {
  const { registry } = await createWorld();
  await registry.mirror(everything);
  const packages = join(registry.config.registry.dataDir, 'packages');
  const [folder = ''] = await readdir(packages);
  await rm(join(packages, folder), { recursive: true });
  expect(await countsOf(registry)).toEqual({ versions: 3, downloaded: 1, present: 2, failed: 0 });
});

test('another selection is made anew', async () => {
  const { registry } = await createWorld();
  await registry.mirror(everything);
  expect(await countsOf(registry, { patterns: ['alice/*'] })).toMatchObject({ versions: 2 });
  const latest = { patterns: ['alice/*'], latest: true };
  expect(await countsOf(registry, latest)).toMatchObject({ versions: 1 });
  expect(await countsOf(registry)).toMatchObject({ versions: 3 });
});

test('what failed is tried again', async () => {
  const { upstream, registry, file } = await createWorld();
  Object.assign(upstream.faults, {
    status: 404,
    only: ({ url }: { url: string }) => url.includes('1.1.0.zip'),
  });
  expect(await countsOf(registry)).toEqual({ versions: 3, downloaded: 2, present: 0, failed: 1 });
  expect(await readFile(file, 'utf8')).toContain('"missing":[{"module":"alice/json","version":"1.1.0"}]');
  expect(await countsOf(registry)).toEqual({ versions: 3, downloaded: 0, present: 2, failed: 1 });
  upstream.faults.status = undefined;
  expect(await countsOf(registry)).toEqual({ versions: 3, downloaded: 1, present: 2, failed: 0 });
  expect(await readFile(file, 'utf8')).toContain('"missing":[]');
});

test('which archives are listed here depends on those that are here: nothing is recorded then', async () => {
  const { registry, file } = await createWorld({ upstreamFallback: false });
  await registry.mirror(everything);
  expect(existsSync(file)).toBe(false);
});

test.each([
  ['nothing', () => ''],
  ['half of it', (text: string) => text.slice(0, text.length / 2)],
  ['no JSON', (text: string) => text.replace('"sources":[', '"sources":')],
  ['a count that is none', (text: string) => text.replace(/"versions":3/, '"versions":"x"')],
  ['names of other files', (text: string) => text.replace(/\n.*\n$/, '\n../../../registry\n')],
])('a record of which there is %s counts for nothing', async (_, damage) => {
  const { registry, file } = await createWorld();
  await registry.mirror(everything);
  const whole = await readFile(file, 'utf8');
  await writeFile(file, damage(whole));
  expect(await countsOf(registry)).toMatchObject({ versions: 3, present: 3 });
  expect(await readFile(file, 'utf8')).toBe(whole);
});
