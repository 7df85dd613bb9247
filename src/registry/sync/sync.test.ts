import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tester } from '../../../test/support/actor.ts';
import { createRegistry, moduleName } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { openParts } from '../parts.ts';
import { aggregate } from './aggregate.ts';
import { readSource } from './read-sources.ts';
import { syncRegistry } from './sync.ts';

test('a source whose reading gives way to one of another process is not current, whatever was in it', async () => {
  const open = await startUpstream(['alice/m@1.0.0']);
  const internal = await startUpstream(['company/keep@1.0.0']);
  const directory = join(temporaryDirectory(), 'registry');
  await createRegistry({
    directory,
    sources: [
      { name: 'public', upstream: open, priority: 100 },
      { name: 'internal', upstream: internal, priority: 10 },
    ],
  });
  const parts = await openParts({ directory, env: {}, actor: tester });
  onTestFinished(async () => {
    await parts.connections.close();
    parts.index.close();
  });
  await syncRegistry(parts.context());
  const known = (await parts.index.state()).snapshots;
  // The other process reads before company/fresh is there, and applies what it has read before this one does.
  await internal.publish('company/other@1.0.0');
  await syncRegistry(parts.context());
  await internal.publish('company/fresh@1.0.0');
  await open.publish('company/fresh@99.0.0');
  const readings = await Promise.all(
    parts.context().config.sources.map(async ({ name, indexUrl }) => ({
      ...(await readSource(
        parts.context(),
        name,
        known.find(({ source }) => source === name)?.commit,
        undefined,
      )),
      indexUrl,
    })),
  );
  await aggregate(parts.context(), { readings });
  expect(await parts.resolver.originOf(moduleName('company/fresh'))).toBeUndefined();
  await syncRegistry(parts.context());
  expect(await parts.resolver.originOf(moduleName('company/fresh'))).toBe('internal');
});
