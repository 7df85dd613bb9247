import { expect, test } from 'vitest';
import { createRegistry } from '../../test/support/registry-world.ts';
import { startUpstream } from '../../test/support/worlds.ts';

test('served are the modules that clients see, whatever else is recorded of a source', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0', 'bob/x@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], upstreamFallback: false });
  await registry.mirror({ patterns: ['bob/x'] });
  const { modules, sources } = await registry.status();
  expect({ modules, sources }).toMatchObject({ modules: 1, sources: [{ listed: 3, served: 1 }] });
});
