import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { createRegistry, writeSettings } from '../../../test/support/registry-world.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { startUpstream } from '../../../test/support/worlds.ts';
import { removeLeftovers } from './leftovers.ts';

test('nothing that a source left beside the index outlives its removal', async () => {
  const directory = join(temporaryDirectory(), 'registry');
  const data = join(directory, 'data');
  const [main, gone] = [await startUpstream(['alice/json@1.0.0']), await startUpstream(['bob/x@1.0.0'])];
  main.setSymbols(Buffer.from(zipSync({ 'alice/json.symbols': strToU8('of main') })));
  gone.setSymbols(Buffer.from(zipSync({ 'bob/x.symbols': strToU8('of gone') })));
  const kept = { name: 'main', upstream: main };
  // A name that looks like files of another.
  const removed = { name: 'main.zip', upstream: gone };
  const registry = await createRegistry({ sources: [kept, removed], directory });
  await registry.sync();
  const observed = async () =>
    Object.keys(JSON.parse(await readFile(join(data, 'observations.json'), 'utf8')) as object);
  const listed = async () => (await readdir(join(data, 'symbols'))).filter((name) => !name.endsWith('.etag'));
  expect(await readdir(join(data, 'sources'))).toEqual(expect.arrayContaining(['main', 'main.zip']));
  expect((await listed()).sort()).toEqual(['main.zip', 'main.zip.zip']);
  expect((await observed()).sort()).toEqual(['main', 'main.zip']);

  await writeSettings(directory, { sources: [kept] });
  await registry.reload();
  const served = (await registry.symbols()).content;
  expect(Buffer.isBuffer(served) && served.includes('bob/x.symbols')).toBe(false);
  await registry.sync();
  expect(await readdir(join(data, 'sources'))).not.toContain('main.zip');
  expect(await readdir(join(data, 'sources'))).toContain('main');
  expect(await listed()).toEqual(['main.zip']);
  expect(await observed()).toEqual(['main']);
});

test("what is no source's is not touched, and folders that are not there are no failure", async () => {
  const root = temporaryDirectory();
  const places = {
    sources: root,
    symbols: join(root, 'none'),
    observations: join(root, 'o.json'),
    registryLock: join(root, 'registry'),
  };
  await writeFile(join(root, '.hidden'), '');
  await writeFile(join(root, 'UPPER'), '');
  await removeLeftovers(places, new Set());
  expect((await readdir(root)).sort()).toEqual(['.hidden', 'UPPER']);
});
