import { expect, test } from 'vitest';
import { createRegistry } from '../../../test/support/registry-world.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { formatStatus } from '../../cli/commands/status.ts';

test('served are the modules that clients see, whatever else is recorded of a source', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0', 'bob/x@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }], upstreamFallback: false });
  await registry.mirror({ patterns: ['bob/x'] });
  const { modules, sources } = await registry.status();
  expect({ modules, sources }).toMatchObject({ modules: 1, sources: [{ listed: 3, served: 1 }] });
});

test('names what of credentials is missing before a source was ever asked, and of enabled ones only', async () => {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const auth = `type = "bearer"\ntoken = "\${PARTNER_TOKEN}"`;
  const sources = [
    { name: 'partner', upstream, auth },
    { name: 'off', upstream, auth, enabled: false },
  ];
  const registry = await createRegistry({ sources });
  const report = await registry.status();
  expect(report.sources).toMatchObject([
    { name: 'partner', failure: undefined, missingCredentials: expect.stringContaining('PARTNER_TOKEN') },
    { name: 'off', missingCredentials: undefined },
  ]);
  expect(formatStatus(report, 0)).toMatch(/^ {2}partner: its credentials cannot be sent: .*PARTNER_TOKEN/m);
  await registry.sync();
  expect(formatStatus(await registry.status(), 0).match(/PARTNER_TOKEN/g)).toHaveLength(1);
});
