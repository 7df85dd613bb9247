import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { ConfigError } from '../../errors.ts';
import { createConfiguration } from './configuration.ts';

test('a text that does not load throws whoever asks, and keeps the settings until it is mended', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'registry.toml');
  await writeFile(file, '[server]\nport = 1234\n');
  const configuration = await createConfiguration(directory);
  const good = await readFile(file, 'utf8');
  expect(await configuration.reload()).toBe(false);
  await writeFile(file, good.replace('1234', '"high"'));
  for (let asked = 0; asked < 2; asked++) await expect(configuration.reload()).rejects.toThrow(ConfigError);
  expect(configuration.current().server.port).toBe(1234);
  await writeFile(file, good.replace('1234', '4321'));
  expect(await Promise.all([configuration.reload(), configuration.reload()])).toEqual([true, false]);
  expect([await configuration.reload(), configuration.current().server.port]).toEqual([false, 4321]);
  await writeFile(file, 'port =');
  await expect(configuration.reload()).rejects.toThrow(ConfigError);
  await writeFile(file, good.replace('1234', '4321'));
  expect(await configuration.reload()).toBe(false);
});

test('what is open keeps its folder of data, and the settings say so', async () => {
  const directory = temporaryDirectory();
  await writeFile(join(directory, 'registry.toml'), '');
  const configuration = await createConfiguration(directory);
  await writeFile(join(directory, 'registry.toml'), '[registry]\ndata_dir = "elsewhere"\nname = "new"\n');
  expect(await configuration.reload()).toBe(true);
  const { registry, warnings } = configuration.current();
  expect(registry).toEqual({ name: 'new', dataDir: join(directory, 'data') });
  expect(warnings).toEqual([expect.stringContaining('counts when the registry is opened again')]);
});
