/** Modules of a source that are taken over, to be published here from then on. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordIo } from '../src/cli/io.fixture.ts';
import { runCli } from '../src/cli/run.ts';
import { startServer } from '../src/server/listen.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import { createRegistry, moduleName, readServed, version, writeSettings } from './support/registry-world.ts';
import { startUpstream } from './support/worlds.ts';

interface Adopting {
  readonly namespaces?: readonly string[];
  readonly published?: readonly string[];
}

async function world({
  namespaces,
  published = ['company/tool@1.0.0', 'company/tool@1.1.0', 'company/log@0.1.0', 'other/own@1.0.0'],
}: Adopting = {}) {
  const upstream = await startUpstream(published);
  const internal = { name: 'internal', upstream, ...(namespaces && { namespaces }) };
  const registry = await createRegistry({ sources: [internal] });
  await registry.sync();
  const { directory } = registry.config;
  const run = async (...words: string[]) => {
    const io = recordIo({ workingDirectory: directory });
    const code = await runCli(words, io);
    await registry.reload();
    return { code, ...io.written };
  };
  const lines = async (module: string) => (await registry.readIndexFile(moduleName(module)))?.toString();
  const settings = () => readFile(join(directory, 'registry.toml'), 'utf8');
  const explain = (id: string) => {
    const at = id.lastIndexOf('@');
    return registry.explain(moduleName(id.slice(0, at)), version(id.slice(at + 1)));
  };
  const serve = async () => {
    const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close(0));
    const token = await createToken(registry, 'ada');
    const archive = async (path: string) => (await fetch(`${server.url}/user/${path}.zip`)).status;
    return { archive, publish: (id: string) => publishTo(server.url, token, archiveOf(id)) };
  };
  return { upstream, registry, run, lines, settings, explain, serve };
}

test('what is adopted is served byte for byte, is published here from then on, and needs its source no more', async () => {
  const { upstream, registry, run, lines, settings, explain, serve } = await world({
    namespaces: ['company/*'],
  });
  const before = await readServed(registry);
  const [tool, text] = [await lines('company/tool'), await settings()];
  const foreseen = await run('hosting', 'adopt', 'company/*', '--dry-run');
  expect([foreseen.code, foreseen.stderr]).toEqual([0, '']);
  expect(foreseen.stdout).toContain(
    'Would adopt 2 modules:\n  company/log from "internal": 0.1.0\n  company/tool from "internal": 1.0.0, 1.1.0\nTo be fetched first: 3 archives.\n',
  );
  expect(foreseen.stdout).toMatch(/hosting\.namespaces.*company\/\*/);
  expect(foreseen.stdout).toContain('Nothing was changed.');
  expect([await settings(), (await explain('company/tool@1.0.0')).isCached]).toEqual([text, false]);

  const done = await run('hosting', 'adopt', 'company/*');
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect(done.stdout).toContain('Adopted 2 modules:\n');
  expect(registry.config.hosting.namespaces).toEqual(['company/*']);
  expect(registry.config.sources[0]?.namespaces).toEqual([]);
  expect(await readServed(registry)).toEqual(before);
  expect(await lines('company/tool')).toBe(tool);
  expect(await explain('company/tool@1.0.0')).toMatchObject({
    origin: 'hosted',
    isCached: true,
    adopted: { from: 'internal' },
    findings: [],
  });
  expect((await explain('other/own@1.0.0')).origin).toBe('internal');

  const { archive, publish } = await serve();
  expect(await publish('company/tool@1.2.0')).toMatchObject({ status: 200 });
  // What the source says of these names is nothing any more.
  await upstream.publish('company/tool@9.0.0');
  await registry.sync();
  expect(await lines('company/tool')).not.toContain('9.0.0');
  await upstream.close();
  expect((await run('source', 'remove', 'internal', '--yes')).code).toBe(0);
  expect([await archive('company/tool/1.0.0'), await archive('company/tool/1.2.0')]).toEqual([200, 200]);
  expect((await run('verify', '--deep')).code).toBe(0);
  expect((await run('hosting', 'adopt', 'company/*')).stderr).toMatch(/published here already/);
});

describe('nothing is adopted', () => {
  test('where an archive is not to be had', async () => {
    const { upstream, run, settings, explain, registry } = await world();
    await upstream.close();
    const before = [await settings(), await readServed(registry)];
    const { code, stderr } = await run('hosting', 'adopt', 'company/*');
    expect(code).toBe(1);
    expect(stderr).toMatch(/nothing was adopted:\n {2}company\/log@0\.1\.0 \(internal\): .+\n/);
    expect([await settings(), await readServed(registry)]).toEqual(before);
    expect((await explain('company/log@0.1.0')).origin).toBe('internal');
  });

  test('where nothing matches, a source claims something else, or it is no pattern', async () => {
    const { run } = await world({ namespaces: ['company/*'] });
    expect((await run('hosting', 'adopt', 'company/tol')).stderr).toMatch(
      /claims "company\/\*", which is more/,
    );
    expect((await run('hosting', 'adopt', 'nobody/*')).stderr).toMatch(
      /nothing is served whose name matches "nobody\/\*"\nhint: .*config hosting\.namespaces/,
    );
    expect((await run('hosting', 'adopt', 'company')).code).toBe(2);
    const other = await world();
    expect((await other.run('hosting', 'adopt', 'company/tol')).stderr).toContain(
      'did you mean company/tool?',
    );
  });
});

test('one module alone is adopted, and what is blocked stays so', async () => {
  const { registry, run, explain, serve, lines } = await world();
  await run('block', 'company/tool@1.1.0', '--reason', 'broken');
  const done = await run('hosting', 'adopt', 'company/tool');
  expect(done.stdout).toContain('company/tool from "internal": 1.0.0, 1.1.0\n');
  expect(registry.config.hosting.namespaces).toEqual(['company/tool']);
  expect((await explain('company/log@0.1.0')).origin).toBe('internal');
  const { archive } = await serve();
  expect(await archive('company/tool/1.1.0')).toBe(403);
  await run('unblock', 'company/tool@1.1.0');
  expect(await lines('company/tool')).toContain('1.1.0');
});

test('interrupted between the two changes, all is served as before, and running it again goes on', async () => {
  const { registry, run, explain, upstream } = await world();
  const before = await readServed(registry);
  await registry.mirror({ patterns: ['company/*'] });
  await writeSettings(registry.config.directory, {
    sources: [{ name: 'internal', upstream }],
    hosting: 'namespaces = ["company/*"]',
  });
  await registry.reload();
  await registry.sync();
  expect(await readServed(registry)).toEqual(before);
  expect((await explain('company/tool@1.0.0')).origin).toBe('internal');
  const done = await run('hosting', 'adopt', 'company/*');
  expect([done.code, done.stderr]).toEqual([0, '']);
  expect((await explain('company/tool@1.0.0')).origin).toBe('hosted');
  expect(await readServed(registry)).toEqual(before);
});
