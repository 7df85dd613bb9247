import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistry } from '../../test/support/registry-world.ts';
import { startUpstream } from '../../test/support/worlds.ts';
import { cli } from './io.fixture.ts';

/** A registry that serves one module of each of two owners, of which nothing is cached. */
async function createServing() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/x@1.0.0']);
  const registry = await createRegistry({ sources: [{ name: 'main', upstream }] });
  await registry.sync();
  const { directory } = registry.config;
  return {
    upstream,
    directory,
    run: (...words: string[]) => cli(words, { workingDirectory: directory }),
    settings: () => readFile(join(directory, 'registry.toml'), 'utf8'),
    served: () => registry.servedCommit(),
  };
}

test.each([
  [['config', 'server.upstream_fallback', 'false'], 2],
  [['config', 'sources.main.exclude', 'alice/*'], 1],
  [['source', 'remove', 'main'], 2],
])('%j is not done without --yes, as something would leave the index', async (words, losses) => {
  const { run, settings, served } = await createServing();
  const before = [await settings(), await served()];
  const refused = await run(...words);
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).toContain('would take out of the index:\n');
  expect(refused.stderr.match(/^ +removed /gm)).toHaveLength(losses);
  expect(refused.stderr).toContain('hint: add --yes to do it');
  const shown = await run(...words, '--dry-run');
  expect(shown).toMatchObject({ exitCode: 3, stdout: expect.stringMatching(/^Would serve .* removed\)/) });
  expect([await settings(), await served()]).toEqual(before);
  const done = await run(...words, '--yes');
  expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('This left the index:') });
  expect(await settings()).not.toBe(before[0]);
});

test('unsetting a setting is guarded too, and says what is in effect then', async () => {
  const { run, settings } = await createServing();
  expect((await run('config', 'sources.main.include', 'alice/*', '--yes')).exitCode).toBe(0);
  expect((await run('config', '--unset', 'sources.main.include')).stdout).toContain('2 modules (1 added)');
  await run('config', 'server.port', '1234');
  const unset = await run('config', '--unset', 'server.port', 'server.base_url');
  expect(unset.stdout).toBe(
    'server.port is not set; in effect: server.port = 8080\nserver.base_url is not set\n',
  );
  expect(unset.stderr).toContain('Counts from the next start of "serve": server.port');
  expect(await settings()).not.toContain('port');
  expect((await run('config', '--unset')).exitCode).toBe(2);
  expect(await run('config', 'server.base_url', '')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('moonbit-registry config --unset server.base_url'),
  });
});

test('settings that change nothing of what is served are made without a word of it', async () => {
  const { run } = await createServing();
  expect(await run('config', 'server.refresh_interval', '7m')).toEqual({
    ...{ exitCode: 0, stdout: 'server.refresh_interval = "7m"\n', stderr: '' },
  });
  expect((await run('config', 'server.host', '127.0.0.1', '-q')).stderr).toBe('');
});

test('a dry run of source add looks at the source; --quiet leaves what is wrong with it', async () => {
  const { run, settings } = await createServing();
  const other = await startUpstream(['carol/y@1.0.0']);
  other.faults.down = true;
  const words = ['source', 'add', 'other', '--url', other.url, '--index-url', other.indexUrl];
  const before = await settings();
  const shown = await run(...words, '--dry-run');
  expect(shown.stdout).toContain('Nothing was changed. Once "other" is added:\nIt could not be read: ');
  expect((await run(...words, '--dry-run', '--no-check')).stdout).toContain('"other" was not looked at.');
  expect(await settings()).toBe(before);
  const added = await run(...words, '-q');
  expect(added.stdout).toMatch(/^Added source "other" .*\nServed index: .*\nIt could not be read: .*\n$/);
});

test.each([[['config', 'server.base_url', 'https://x.test']], [['source', 'disable', 'main', '--yes']]])(
  'where the data take nothing, %j leaves the settings as they are',
  async (words) => {
    const { run, settings, directory } = await createServing();
    const before = await settings();
    // In the place of a read-only mount, which stops root, too.
    await rm(join(directory, 'data', 'locks'), { recursive: true });
    await writeFile(join(directory, 'data', 'locks'), '');
    expect(await run(...words)).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await settings()).toBe(before);
  },
);
