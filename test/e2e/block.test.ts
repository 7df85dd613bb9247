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
  expect(blocked).toMatchObject({ code: 0, stderr: '' });
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
Caches in front of the registry may give out what they have; purge there:
  http://localhost:8080/user/alice%2Fjson%2F1.1.0.zip
  http://localhost:8080/user/alice/json/1.1.0.zip
Lift it with: moonbit-registry unblock alice/json@1.1.0
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

test('block says what it does to a tail, to a whole module and to what is not served, and wants a reason', async () => {
  const registry = await createWorld();
  const tail = await registry.run('block', 'alice/json@1.2.0', '--reason', 'broken');
  expect(tail.stdout).toContain('Served index: 1 module (1 changed).');
  expect(Object.keys(await registry.served())).toEqual(['alice/json@1.0.0', 'alice/json@1.1.0']);
  const ahead = await registry.run('block', 'evil/name', '--reason', 'malicious');
  expect(ahead.stdout).toBe(`Blocked: all versions of evil/name: malicious
Served index: 1 module (unchanged).
It was never served here. It is refused from now on, wherever it comes from.
Lift it with: moonbit-registry unblock evil/name
`);
  expect((await registry.run('explain', 'evil/name@1.0.0')).stdout).toContain(
    'evil/name@1.0.0 is blocked: malicious',
  );
  const { code, json } = await registry.report<{ purge: string[] }>('block', 'alice/json', '--reason', 'all');
  expect([code, json.purge.length]).toEqual([0, 6]);
  expect(await registry.run('state', 'downgrade')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is blocked, and the older program would serve it'),
  });

  for (const [words, text] of [
    [['block', 'alice/json'], '--reason "CVE-2026-1: use 1.2.1"'],
    [['block', 'alice/json', '--reason', ' '], 'say why'],
    [['block', 'alice/json', '--reason', 'two\nlines'], 'one line of visible text'],
    [['block', 'json', '--reason', 'x'], 'names no module'],
    [['block'], 'say what to block'],
    [['block', 'alice/json', '--list'], '--list takes nothing else'],
  ] as const)
    expect([words, await registry.run(...words)]).toEqual([
      words,
      expect.objectContaining({ code: 2, stdout: '', stderr: expect.stringContaining(text) }),
    ]);
  expect(await registry.run('unblock', 'nobody/has')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('hint: moonbit-registry block --list'),
  });
});
