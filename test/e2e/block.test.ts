/** Blocking with the built command, beside a server of two processes that has the archive ready to send. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Block } from '../../src/model/block.ts';
import { startCli } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import { createCliRegistry } from './cli-registry.ts';

async function createWorld() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'alice/json@1.2.0']);
  const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.run('mirror', '*');
  return registry;
}

test('block refuses at once what is served, says where caches hold it, and unblock brings it back', async () => {
  const registry = await createWorld();
  const server = await startCli(['serve', '--port', '0', '--workers', '2'], { cwd: registry.directory });
  onTestFinished(async () => void (await server.stop()));
  const address = `${server.baseUrl}/user/alice/json/1.1.0.zip`;
  const moon = () => fetch(address, { headers: { 'User-Agent': 'mooncake/0.1.0', Connection: 'close' } });
  for (let i = 0; i < 6; i++) expect((await moon()).status).toBe(200);

  const blocked = await registry.run('block', 'alice/json@1.1.0', '--reason', 'CVE-2026-1: use 1.2.0');
  expect(blocked).toMatchObject({
    code: 0,
    stderr: 'Lift it with: moonbit-registry unblock alice/json@1.1.0\n',
  });
  for (let i = 0; i < 6; i++) {
    const refused = await moon();
    expect([refused.status, refused.statusText, refused.url]).toEqual([
      403,
      'Blocked: CVE-2026-1: use 1.2.0',
      `${server.baseUrl}/why/blocked/alice/json@1.1.0`,
    ]);
  }
  expect(blocked.stdout).toBe(`Blocked: alice/json@1.1.0: CVE-2026-1: use 1.2.0
Served index: 1 module (unchanged).
Stays listed: 1.1.0. Builds that require it fail; moon prints the reason and an address (/why/blocked/…).
Caches in front of the registry may give out what they have; purge there:
  http://localhost:8080/user/alice%2Fjson%2F1.1.0.zip
  http://localhost:8080/user/alice/json/1.1.0.zip
`);

  const listed = await registry.run('block', '--list');
  expect(listed.stdout).toMatch(
    /^Blocked: alice\/json@1\.1\.0: CVE-2026-1: use 1\.2\.0 \(since 20\d\d-\S+Z by \S+\)\n$/,
  );
  expect((await registry.report<Block[]>('block', '--list')).json).toMatchObject([
    { module: 'alice/json', version: '1.1.0', reason: 'CVE-2026-1: use 1.2.0' },
  ]);
  expect((await registry.run('explain', 'alice/json@1.1.0')).stdout).toContain(listed.stdout);
  expect((await registry.run('status')).stdout).toContain('Blocked:   1 (moonbit-registry block --list)');
  expect(await registry.run('path', 'alice/json@1.1.0')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('hint: moonbit-registry unblock alice/json@1.1.0'),
  });

  expect(await registry.run('unblock', 'alice/json@1.1.0')).toMatchObject({
    code: 0,
    stdout: 'Unblocked: alice/json@1.1.0.\nServed index: 1 module (unchanged).\n',
  });
  expect((await moon()).status).toBe(200);
  expect((await registry.run('block', '--list')).stdout).toBe('Nothing is blocked.\n');
  const audit = await readFile(join(registry.directory, 'data', 'audit.jsonl'), 'utf8');
  expect(audit).toMatch(
    /"event":"blocked","actor":"\S+: block","module":"alice\/json","version":"1.1.0","reason":"CVE/,
  );
  expect(audit).toMatch(
    /"event":"unblocked","actor":"\S+: unblock","module":"alice\/json","version":"1.1.0"/,
  );
});
