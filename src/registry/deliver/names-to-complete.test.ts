import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { cli } from '../../cli/io.fixture.ts';

test('modules, their versions and what is blocked are completed, but for names that a shell would obey', async () => {
  const upstream = await startUpstream([
    'alice/json@1.0.0',
    'alice/json@1.1.0+b1',
    'alice/$(reboot)@1.0.0',
    'bob/http@0.1.0',
  ]);
  const directory = join(temporaryDirectory(), 'registry');
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
  await registry.sync();
  await cli(['block', 'alice/json@1.0.0', '--reason', 'no', '-d', directory]);
  expect((await cli(['list', '-d', directory])).stdout).toContain('alice/$(reboot)');
  const complete = async (...words: string[]) =>
    (await cli(['complete', '--', ...words], { workingDirectory: directory })).stdout.trimEnd().split('\n');
  for (const command of ['explain', 'list', 'mirror', 'path', 'block'])
    expect(await complete(command, '')).toEqual(['alice/json', 'bob/http', ':4']);
  expect(await complete('explain', 'b')).toEqual(['bob/http', ':4']);
  expect(await complete('path', 'alice/json@')).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0+b1', ':4']);
  expect(await complete('mirror', 'bob/http', 'alice/json@1.1')).toEqual(['alice/json@1.1.0+b1', ':4']);
  expect(await complete('path', 'no/body@')).toEqual([':4']);
  expect(await complete('path', '@')).toEqual([':4']);
  expect(await complete('unblock', '')).toEqual(['alice/json@1.0.0', ':4']);
});

test('of very many modules, the owners come first', async () => {
  const upstream = await startUpstream(Array.from({ length: 501 }, (_, at) => `owner${at % 3}/m${at}@1.0.0`));
  const directory = join(temporaryDirectory(), 'registry');
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], directory });
  await registry.sync();
  const complete = async (typed: string) =>
    (await cli(['complete', '--', 'explain', typed], { workingDirectory: directory })).stdout.split('\n');
  expect(await complete('o')).toEqual(['owner0/', 'owner1/', 'owner2/', ':6', '']);
  expect(await complete('owner0/m0')).toEqual(['owner0/m0', ':4', '']);
});
