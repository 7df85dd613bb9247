/** A token that a command prints, as an operator lives with it. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream } from '../support/worlds.ts';
import { createCliRegistry } from './cli-registry.ts';

const secret = 'first-secret-value';

async function guardedRegistry() {
  const guarded = await startUpstream(['alice/json@1.0.0'], { auth: { type: 'bearer', token: secret } });
  const auth = 'type = "bearer"\ntoken_command = ["./give-token", "--for", "us all"]';
  const registry = await createCliRegistry({
    sources: [{ name: 'guarded', upstream: guarded, auth }],
    runner: 'here',
  });
  const log = join(registry.surroundings, 'runs');
  const script = (lines: string) =>
    writeFileSync(
      join(registry.directory, 'give-token'),
      `#!/bin/sh\necho "$*" >> ${log}\necho hush-of-stderr >&2\n${lines}\n`,
      { mode: 0o755 },
    );
  script(`echo ${secret}`);
  return { guarded, registry, script, runs: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

test('is run without a shell when its source is asked, and its failure is that of its source alone', async () => {
  const { registry, script, runs } = await guardedRegistry();
  expect(await registry.run('sync')).toMatchObject({ code: 0, stderr: '' });
  expect(runs()).toBe('--for us all\n');
  script('exit 4');
  const failed = await registry.run('sync');
  expect(failed.code).toBe(3);
  expect(failed.stdout).toMatch(
    /guarded: its credentials cannot be sent: the command "give-token" of auth\.token_command ended with 4: run it by hand to see why \(registry\.toml:\d+\)/,
  );
  expect(failed.stdout + failed.stderr).not.toMatch(/hush|secret/);
  expect((await registry.run('explain', 'alice/json')).code).toBe(0);
  script('printf "two\\nlines"');
  expect((await registry.run('source', 'check', 'guarded')).stdout).toContain(
    'the command "give-token" of auth.token_command printed a line break',
  );
});

test('is never run for a source that is disabled, nor set by any command', async () => {
  const { registry, runs } = await guardedRegistry();
  const text = () => readFileSync(join(registry.directory, 'registry.toml'), 'utf8');
  const before = text();
  for (const [key, value] of [
    ['sources.guarded.auth.token_command', 'sh -c id'],
    ['sources.guarded.auth', '{ type = "bearer", token_command = ["id"] }'],
  ] as const)
    expect((await registry.run('config', key, value)).code).toBe(1);
  expect((await registry.run('config', 'sources.guarded.auth.token_command', 'id')).stderr).toMatch(
    /is a command, which is written into registry\.toml by hand and set by no other way\nhint: open registry\.toml/,
  );
  expect(text()).toBe(before);
  expect((await registry.run('config', 'sources.guarded.auth.token_command')).stdout).toBe(
    './give-token\n--for\nus all\n',
  );
  expect((await registry.run('source', 'disable', 'guarded', '--yes')).code).toBe(0);
  for (const words of [['sync'], ['source', 'check'], ['doctor'], ['status']]) await registry.run(...words);
  expect(runs()).toBe('');
});

test('is told by restore before anything runs it', async () => {
  const { registry, runs } = await guardedRegistry();
  await registry.run('sync');
  const before = runs();
  appendFileSync(
    join(registry.directory, 'registry.toml'),
    '\n[sources.tls]\ncertificate = "/etc/client.pem"\nkey = "client.key"\n',
  );
  const backup = join(registry.surroundings, 'backup.tar');
  expect((await registry.run('backup', backup)).code).toBe(0);
  const restored = await registry.run('restore', backup, join(registry.surroundings, 'restored'));
  expect(restored.stdout).toContain(
    "sent there: command ./give-token --for 'us all', file /etc/client.pem, file client.key",
  );
  expect(restored.stderr).toMatch(
    /source "guarded" has a command run for its token: \.\/give-token --for 'us all'; if that is not meant, correct registry\.toml/,
  );
  expect(restored.stderr).toMatch(/source "guarded" gets what stands in \/etc\/client\.pem/);
  expect(runs()).toBe(before);
});
