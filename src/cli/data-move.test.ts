import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistry } from '../../test/support/registry-world.ts';
import { startUpstream } from '../../test/support/worlds.ts';
import { cli } from './io.fixture.ts';

async function createServing() {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.sync();
  const { directory } = registry.config;
  return {
    directory,
    run: (...words: string[]) => cli(words, { workingDirectory: directory }),
    settings: () => readFile(join(directory, 'registry.toml'), 'utf8'),
  };
}

const move = ['config', 'registry.data_dir', 'elsewhere'];

test('the data folder is not set to an empty place, and is once the data were moved there', async () => {
  const { directory, run, settings } = await createServing();
  const before = await settings();
  for (const words of [move, [...move, '--dry-run']]) {
    const { exitCode, stderr } = await run(...words);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${join(directory, 'elsewhere')} has no data of this registry`);
    expect(stderr).toContain(`mv ${join(directory, 'data')} ${join(directory, 'elsewhere')}`);
  }
  expect(await settings()).toBe(before);
  await rename(join(directory, 'data'), join(directory, 'elsewhere'));
  expect(await run(...move)).toMatchObject({ exitCode: 0 });
  expect((await run('status')).stdout).toContain('1 module at');
});

test('the data folder is set to an empty place with --yes, where the registry begins anew', async () => {
  const { run, settings } = await createServing();
  expect(await run(...move, '--yes')).toMatchObject({ exitCode: 0 });
  expect((await run('status')).stdout).toContain('0 modules at');
  expect((await run('sync')).stdout).toContain('1 module');
  const back = ['config', 'registry.data_dir', 'data'];
  const before = await settings();
  expect(await run(...back)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/holds the data of another registry\nhint: .*--yes/),
  });
  expect(await settings()).toBe(before);
  expect(await run(...back, '--yes')).toMatchObject({ exitCode: 0 });
  expect(await run('sync')).toMatchObject({ exitCode: 0 });
});

test('settings are not edited while the data are gone, but for where they are', async () => {
  const { directory, run, settings } = await createServing();
  const before = await settings();
  await rename(join(directory, 'data'), join(directory, 'elsewhere'));
  expect(await run('source', 'disable', 'main')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('volume may not be mounted'),
  });
  expect(await settings()).toBe(before);
  expect(await run(...move)).toMatchObject({ exitCode: 0 });
});

test('a first registry is put where its settings say', async () => {
  const { directory, run } = await createServing();
  await rm(join(directory, 'data'), { recursive: true });
  await rm(join(directory, '.moonbit-registry'), { recursive: true });
  expect(await run(...move)).toMatchObject({ exitCode: 0 });
  expect((await run('sync')).stdout).toContain('1 module');
});
