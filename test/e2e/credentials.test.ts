/** Credentials from the first refusal to their rotation, as an operator lives through it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream } from '../support/worlds.ts';
import { createCliRegistry, downloadFrom } from './cli-registry.ts';

test('are asked for by the message, given with one command, rotated by replacing a file, and missed by their source alone', async () => {
  const wanted = { type: 'bearer' as const, token: 'first-secret-value' };
  const open = await startUpstream(['bob/x@1.0.0']);
  const guarded = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0', 'alice/json@1.2.0'], {
    auth: wanted,
  });
  const registry = await createCliRegistry({
    sources: [
      { name: 'open', upstream: open, priority: 10 },
      { name: 'guarded', upstream: guarded },
    ],
  });
  const file = join(registry.directory, 'secrets', 'guarded');
  mkdirSync(join(registry.directory, 'secrets'));
  writeFileSync(file, 'first-secret-value\n', { mode: 0o600 });

  const added = await registry.runWith(
    { env: { LOOK_TOKEN: 'first-secret-value' } },
    ...[
      'source',
      'add',
      'looked-at',
      '--url',
      guarded.url,
      '--index-url',
      guarded.indexUrl,
      '--bearer-env',
      'LOOK_TOKEN',
    ],
  );
  expect(added.stdout).toContain('Looked at it: 1 module');
  expect((await registry.run('source', 'remove', 'looked-at')).code).toBe(0);

  const refused = await registry.run('sync');
  expect(refused.code).toBe(3);
  const advice =
    /HTTP 401, access is refused without credentials; if it wants credentials: moonbit-registry (source login guarded) --bearer-env GUARDED_TOKEN/;
  const command = advice.exec(refused.stdout)?.[1]?.split(' ') ?? [];
  const mirror = await registry.run('mirror', '-s', 'guarded', 'alice/*');
  expect(mirror.stderr).toMatch(/moonbit-registry source login guarded --bearer-env GUARDED_TOKEN\n$/);
  const login = await registry.run(...command, '--bearer-file', file);
  expect(login).toMatchObject({ code: 0, stdout: 'Source "guarded" is asked with a token.\n' });
  expect(readFileSync(join(registry.directory, 'registry.toml'), 'utf8')).toContain(
    `token = "\${file:secrets/guarded}"`,
  );

  const server = await registry.serve();
  await expect.poll(() => downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  wanted.token = 'second-secret-value';
  const download = await fetch(`${server.baseUrl}/user/alice/json/1.1.0.zip`);
  const told = await download.text();
  expect(download.status).toBe(502);
  expect(told).toContain('refuses the credentials');
  expect(told).not.toMatch(/secret|registry\.toml/);
  writeFileSync(file, 'second-secret-value\n');
  expect(await downloadFrom(server, 'alice/json@1.1.0')).toMatch(/^[0-9a-f]{64}$/);

  rmSync(file);
  const asked = guarded.requests.length;
  expect(await downloadFrom(server, 'alice/json@1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  expect(await downloadFrom(server, 'alice/json@1.2.0')).toBe('HTTP 503');
  const sync = await registry.run('sync');
  expect(sync.code).toBe(3);
  expect(sync.stdout).toMatch(
    /guarded: its credentials cannot be sent: the file secrets\/guarded is not there \(registry\.toml:\d+\)/,
  );
  expect(Object.keys(await registry.served())).toContain('bob/x@1.0.0');
  expect((await registry.run('source', 'check', 'guarded')).stdout).toContain('secrets/guarded is not there');
  const health = await (await fetch(`${server.baseUrl}/health`)).text();
  expect(health).toContain('no-credentials');
  expect(health).not.toMatch(/secrets|registry\.toml/);
  expect(guarded.requests.length).toBe(asked);
});

test('that are missing keep no command from its work that asks no source', async () => {
  const guarded = await startUpstream(['alice/json@1.0.0'], {
    auth: { type: 'bearer', token: 'hush-hush-hush' },
  });
  const auth = `type = "bearer"\ntoken = "\${GUARDED_TOKEN}"`;
  const registry = await createCliRegistry({ sources: [{ name: 'guarded', upstream: guarded, auth }] });
  const env = { GUARDED_TOKEN: 'hush-hush-hush' };
  expect((await registry.runWith({ env }, 'mirror', '--full')).code).toBe(0);
  const asked = guarded.requests.length;
  const works = [
    ['status'],
    ['explain', 'alice/json'],
    ['plan'],
    ['config', 'server.port', '9000'],
    ['verify'],
    ['source', 'disable', 'guarded'],
    ['source', 'remove', 'guarded', '--yes'],
  ];
  for (const words of works) {
    const { code, stdout, stderr } = await registry.run(...words);
    expect({ words, code, said: code === 0 ? '' : stdout + stderr }).toEqual({ words, code: 0, said: '' });
    expect(stdout + stderr).not.toContain('hush');
  }
  expect(guarded.requests.length).toBe(asked);
});
