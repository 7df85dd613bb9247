import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';

const dayMs = 24 * 60 * 60 * 1000;

async function leaveBehind(folder: string, name: string, ageMs: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  await writeFile(file, 'half');
  const time = new Date(Date.now() - ageMs);
  await utimes(file, time, time);
}

async function createWorld() {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
  const { dataDir } = registry.config.registry;
  const [objects, packages] = [join(dataDir, 'index', 'objects', 'ab'), join(dataDir, 'packages', 'ab')];
  await leaveBehind(objects, 'tmp_obj_old', 2 * dayMs);
  await leaveBehind(objects, 'tmp_obj_new', 0);
  await leaveBehind(packages, '.x.1-aaaaaaaaaaaa-0.tmp', dayMs);
  await leaveBehind(packages, '.x.1-aaaaaaaaaaaa-1.tmp', 0);
  const listTemporary = async () =>
    [...(await readdir(objects)), ...(await readdir(packages))].filter((name) => /tmp/.test(name));
  return { upstream, registry, packages, listTemporary };
}

const stillInUse = ['tmp_obj_new', '.x.1-aaaaaaaaaaaa-1.tmp'];

test('a sync removes what killed processes left, and nothing that may be in use', async () => {
  const { registry, listTemporary } = await createWorld();
  await registry.sync();
  expect(await listTemporary()).toEqual(stillInUse);
});

test('so does a mirroring', async () => {
  const { registry, listTemporary } = await createWorld();
  await registry.mirror({ patterns: ['*'] });
  expect(await listTemporary()).toEqual(stillInUse);
});

test('it is done when the work is, also where that fails', async () => {
  const { registry, listTemporary } = await createWorld();
  await expect(registry.mirror({ patterns: ['*'], source: 'unknown' })).rejects.toThrow('unknown');
  expect(await listTemporary()).toEqual(stillInUse);
});

test('a folder that cannot be listed fails no sync', async () => {
  const { registry, packages, listTemporary } = await createWorld();
  await writeFile(join(packages, '..', 'ac'), 'a file where a folder should be');
  expect((await registry.sync()).modules).toBe(1);
  expect(await listTemporary()).toContain('.x.1-aaaaaaaaaaaa-0.tmp');
});
