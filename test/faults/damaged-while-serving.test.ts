/** What is served is damaged under a running server: health tells, clients learn no path, the log is not flooded, and it heals by itself. */
import { chmod, mkdir, readdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from '../../src/server/listen.ts';
import { git, tryGit } from '../support/git-client.ts';
import { type LogEntry, logTo } from '../support/log-entries.ts';
import { createRegistry } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';

async function createScene() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'bob/http@0.1.0']);
  const registry = await createRegistry({ sources: [{ name: 'public', upstream }] });
  await registry.sync();
  // In one pack, as git has what is older.
  await git(['--git-dir', registry.indexDirectory, 'repack', '-a', '-d', '-q']);
  const log: LogEntry[] = [];
  const server = await startServer(registry, {
    host: '127.0.0.1',
    port: 0,
    log: logTo((entry) => log.push(entry)),
  });
  onTestFinished(() => server.close(0));
  const url = `http://127.0.0.1:${server.port}`;
  const bodies: string[] = [];
  return {
    data: registry.config.registry.dataDir,
    index: registry.indexDirectory,
    bodies,
    loud: () => log.filter(({ level }) => level === 'error' || level === 'warn'),
    /** Status and body. */
    async get(path: string) {
      const answer = await fetch(url + path, { headers: { 'Git-Protocol': 'version=2' } });
      const text = await answer.text();
      bodies.push(text);
      return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
    },
    async clone() {
      const { code, stderr } = await tryGit([
        'clone',
        '--quiet',
        `${url}/git/index`,
        join(temporaryDirectory(), 'c'),
      ]);
      bodies.push(stderr);
      return code;
    },
  };
}

type Scene = Awaited<ReturnType<typeof createScene>>;
/** Damages, and says how it is undone. */
type Damage = (scene: Scene) => Promise<() => Promise<unknown>>;

const moveAway =
  (name: string): Damage =>
  async ({ data }) => {
    const place = join(data, name);
    const aside = `${place}.aside`;
    await rename(place, aside);
    return () => rename(aside, place);
  };
const overwrite =
  (name: string, text: string): Damage =>
  async ({ index }) => {
    const file = join(index, name);
    const before = await readFile(file);
    await writeFile(file, text);
    return () => writeFile(file, before);
  };
const ofPacks =
  (damage: (pack: string) => Promise<unknown>): Damage =>
  async ({ index }) => {
    const folder = join(index, 'objects', 'pack');
    const packs = (await readdir(folder))
      .filter((name) => name.endsWith('.pack'))
      .map((name) => join(folder, name));
    const before = await Promise.all(packs.map((pack) => readFile(pack)));
    for (const pack of packs) {
      await chmod(pack, 0o644);
      await damage(pack);
    }
    return () => Promise.all(packs.map((pack, position) => writeFile(pack, before[position] ?? '')));
  };
const ofLooseObject: Damage = async ({ index }) => {
  const folder = join(index, 'objects', 'pack');
  const packs = (await readdir(folder)).filter((name) => name.endsWith('.pack'));
  for (const name of packs) {
    const pack = await readFile(join(folder, name));
    await mkdir(join(index, 'aside'), { recursive: true });
    for (const part of (await readdir(folder)).filter((file) => file.startsWith(name.slice(0, -5))))
      await rename(join(folder, part), join(index, 'aside', part));
    await git(['--git-dir', index, 'unpack-objects', '-q'], { input: pack });
  }
  const id = (await git(['--git-dir', index, 'rev-parse', 'main:user/alice/json.index'])).trim();
  const file = join(index, 'objects', id.slice(0, 2), id.slice(2));
  const before = await readFile(file);
  await chmod(file, 0o644);
  await writeFile(file, '');
  return () => writeFile(file, before);
};

test.each<[string, Damage]>([
  ['HEAD is removed', moveAway('index/HEAD')],
  ['the state is cut short', overwrite('refs/registry/state', '')],
  ['main is cut short', overwrite('refs/heads/main', '')],
  [
    'packed refs become garbage',
    async (scene) => {
      await writeFile(join(scene.index, 'packed-refs'), '# pack-refs with: peeled fully-peeled sorted \n');
      return overwrite('packed-refs', 'garbage\n')(scene);
    },
  ],
  ['its settings become garbage', overwrite('config', '[core\n')],
  ['its packs are removed', moveAway('index/objects/pack')],
  ['its packs are truncated', ofPacks((pack) => truncate(pack, 100))],
  [
    'bytes of its packs change',
    ofPacks(async (pack) => {
      const bytes = await readFile(pack);
      await writeFile(pack, bytes.fill(0, 20, bytes.length - 30));
    }),
  ],
  ['a loose object of it is empty', ofLooseObject],
  ['it is removed', moveAway('index')],
  ['the data folder vanishes', moveAway('')],
])('where %s, that is told, and it serves again once it is mended', async (_, damage) => {
  const scene = await createScene();
  const { get, clone, bodies, loud, data } = scene;
  expect((await get('/health')).body.status).toBe('ok');
  const mend = await damage(scene);
  expect(await get('/health')).toMatchObject({
    status: 200,
    body: { status: 'degraded', index: { reason: 'the index cannot be read' } },
  });
  expect((await get('/ready')).status).toBe(503);
  for (let times = 0; times < 3; times++) {
    expect(await clone()).not.toBe(0);
    expect((await get('/git/index/info/refs?service=git-upload-pack')).status).toBe(503);
    await get('/api/v0/explain/alice/json');
    await get('/user/alice/json/1.0.0.zip');
    await get('/health');
  }
  expect(bodies.join('\n')).not.toContain(data);
  expect(bodies.join('\n')).not.toMatch(/objects\/|packed-refs|\.git\b/);
  expect(loud().length).toBeLessThan(6);
  expect(loud()[0]?.fields).toMatchObject({ hint: expect.stringMatching(/restore a backup|sync puts it/) });
  await mend();
  expect((await get('/health')).body.status).toBe('ok');
  expect((await get('/ready')).status).toBe(200);
  expect(await clone()).toBe(0);
  expect((await get('/user/alice/json/1.0.0.zip')).status).toBe(200);
});

test('a clone is the first to find damage that no look at files shows, and what comes after is told', async () => {
  const scene = await createScene();
  expect((await scene.get('/health')).body.status).toBe('ok');
  const mend = await ofPacks(async (pack) => {
    const bytes = await readFile(pack);
    await writeFile(pack, bytes.fill(0, 20, bytes.length - 30));
  })(scene);
  expect(await scene.clone()).not.toBe(0);
  expect((await scene.get('/ready')).status).toBe(503);
  await mend();
  expect(await scene.clone()).not.toBe(0);
  expect((await scene.get('/ready')).status).toBe(200);
  expect(await scene.clone()).toBe(0);
});

test('where the folder of archives vanishes, health tells; they are fetched again', async () => {
  const scene = await createScene();
  await moveAway('packages')(scene);
  expect(await scene.get('/health')).toMatchObject({
    status: 200,
    body: { status: 'degraded', archives: { since: expect.any(String) } },
  });
  expect((await scene.get('/ready')).status).toBe(200);
  expect((await scene.get('/user/alice/json/1.0.0.zip')).status).toBe(200);
});

test('where something else is in the place of archives, clients are not sent here', async () => {
  const scene = await createScene();
  await moveAway('packages')(scene);
  await writeFile(join(scene.data, 'packages'), '');
  expect((await scene.get('/health')).body).toMatchObject({ status: 'degraded' });
  expect((await scene.get('/ready')).status).toBe(503);
  for (let times = 0; times < 10; times++) await scene.get('/user/alice/json/1.0.0.zip');
  expect(scene.loud().length).toBeLessThan(6);
  expect(scene.bodies.join('\n')).not.toContain(scene.data);
});
