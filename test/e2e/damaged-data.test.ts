/** Whatever is run on data that are damaged or gone says the same, and begins nothing anew. */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream } from '../support/worlds.ts';
import { type CliRegistry, createCliRegistry } from './cli-registry.ts';

const commands: readonly (readonly string[])[] = [
  ['status'],
  ['doctor'],
  ['list'],
  ['plan'],
  ['explain', 'alice/json'],
  ['conflicts'],
  ['sync'],
  ['sync', '--dry-run'],
  ['mirror', 'alice/*'],
  ['source', 'check'],
  ['source', 'disable', 'public'],
  ['block', 'alice/json', '--reason', 'x'],
  ['backup', '../backup.tar'],
  ['serve', '--port', '0'],
];

async function createSynced(): Promise<CliRegistry & { readonly data: string }> {
  const upstream = await startUpstream(['alice/json@1.0.0']);
  const registry = await createCliRegistry({ runner: 'here', sources: [{ name: 'public', upstream }] });
  expect((await registry.run('mirror', 'alice/*')).code).toBe(0);
  return { ...registry, data: join(registry.directory, 'data') };
}

/** What people read of it. */
async function read(registry: CliRegistry, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await registry.run(...words);
  expect(code, `${words.join(' ')}: ${stdout}${stderr}`).toBe(1);
  return `${stdout}\n${stderr}`;
}

test.each<[string, (index: string) => Promise<unknown>]>([
  ['HEAD is missing', (index) => rm(join(index, 'HEAD'))],
  ['refs/registry/state is empty', (index) => writeFile(join(index, 'refs', 'registry', 'state'), '')],
])('every command says of an index that it is damaged (%s), and what is lost', async (what, damage) => {
  const registry = await createSynced();
  await damage(join(registry.data, 'index'));
  const before = await registry.state();
  for (const words of commands) {
    const said = await read(registry, words);
    expect(said).toContain(`the index in ${join(registry.data, 'index')} is damaged: ${what}`);
    expect(said).toMatch(/restore a backup.*otherwise all pins, origins and decisions are lost/s);
    expect(said).not.toMatch(/move it away|there is none yet|unexpected/);
  }
  expect(await registry.state()).toBe(before);
  const verified = await registry.run('verify');
  expect(verified.code).toBe(3);
  expect(verified.stdout.match(new RegExp(`${what}`, 'g'))).toHaveLength(1);
});

test('verify --repair writes what is the same in every index, and says that nothing is lost', async () => {
  const registry = await createSynced();
  const before = await registry.state();
  await rm(join(registry.data, 'index', 'HEAD'));
  await writeFile(join(registry.data, 'index', 'config'), '[core\n');
  expect((await registry.run('verify')).stdout).toMatch(
    /HEAD is missing: --repair writes it anew.*Not sound/s,
  );
  const repaired = await registry.run('verify', '--repair');
  expect(repaired).toMatchObject({ code: 0 });
  expect(repaired.stdout).toMatch(/repaired: .*HEAD is missing: it was written anew, and nothing is lost/);
  expect(await registry.run('status')).toMatchObject({ code: 0 });
  expect(await registry.state()).toBe(before);
});

test('every command refuses an empty data folder where there was a registry, and says how to begin anew', async () => {
  const registry = await createSynced();
  await rename(registry.data, `${registry.data}.unmounted`);
  await mkdir(registry.data);
  for (const words of [...commands, ['verify']]) {
    const said = await read(registry, words);
    expect(said).toContain(
      `${registry.data} has no data, and this registry had some: its volume may not be mounted`,
    );
    expect(said).toContain(`rm -r ${join(registry.directory, '.moonbit-registry')}`);
  }
  expect(await readdir(registry.data)).toEqual([]);
  await rm(registry.data, { recursive: true });
  await rename(`${registry.data}.unmounted`, registry.data);
  expect((await registry.run('status')).stdout).toContain('1 module at');
});
