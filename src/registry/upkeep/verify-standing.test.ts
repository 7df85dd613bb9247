import { readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { verifyRegistry } from '../verify.ts';

test('a pack that lost its .idx is seen again after a repair, and nothing is lost', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.sync();
  await registry.close();
  const { directory } = registry.config;
  const folder = join(directory, 'data', 'index', 'objects', 'pack');
  const names = await readdir(folder);
  for (const name of names.filter((each) => each.endsWith('.idx'))) await rm(join(folder, name));
  for (const name of names.filter((each) => each.endsWith('.pack'))) await utimes(join(folder, name), 1, 1);
  const verify = (repair: boolean) => verifyRegistry({ directory, env: {}, actor: tester }, { repair });
  const before = await verify(false);
  expect(before.isSound).toBe(false);
  expect(before.steps[0]?.findings[0]).toMatchObject({
    severity: 'note',
    detail: expect.stringContaining('--repair writes that anew'),
  });
  expect((await verify(true)).isSound).toBe(true);
  expect((await verify(false)).steps[0]?.findings).toEqual([]);
});
