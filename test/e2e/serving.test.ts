/** A registry over real upstreams, served: what the clients of all generations read besides git (moon-protocol §3 to §7). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, test, vi } from 'vitest';
import { clone, shallowClone } from '../support/git-client.ts';
import { moduleName, version } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';
import { generateWorld } from '../worlds/world-generator.ts';
import { isServedApart, readCheckout, type ServedRegistry, serveRegistry } from './served-registry.ts';

/** `main` in front of `low`, and nothing cached. */
async function serveTwo(main: readonly string[], low: readonly string[] = []) {
  const upstream = await startUpstream(main);
  const lower = await startUpstream(low.length > 0 ? low : ['nobody/here@0.1.0']);
  const served = await serveRegistry({
    sources: [
      { name: 'main', upstream, priority: 10 },
      { name: 'low', upstream: lower, priority: 90 },
    ],
  });
  const archive = (id: string, init?: RequestInit) => fetch(`${served.url}${plainTarget(id)}`, init);
  return { ...served, upstream, lower, archive };
}

function plainTarget(id: string): string {
  const [module, at] = splitId(id);
  return `/user/${module.split('/').map(encodeURIComponent).join('/')}/${at}.zip`;
}

function splitId(id: string): readonly [module: string, version: string] {
  const at = id.lastIndexOf('@');
  return [id.slice(0, at), id.slice(at + 1)];
}

/** Every way in which a client asks for an archive (moon-protocol §3). */
function archiveTargets(id: string): string[] {
  const [module, at] = splitId(id);
  const slash = module.indexOf('/');
  const [owner, rest] = [module.slice(0, slash), module.slice(slash + 1)].map(encodeURIComponent);
  const oneSegment = encodeURIComponent(`${module}/${at}`).replaceAll('~', '%7E');
  return [
    `/user/${oneSegment}.zip`,
    `/user/${owner}/${rest}/${encodeURIComponent(at)}.zip`,
    `/user/${owner}/${rest}/${at}.zip`,
    plainTarget(id),
  ];
}

async function storedFiles({ registry }: Pick<ServedRegistry, 'registry'>): Promise<string[]> {
  const packages = join(registry.config.registry.dataDir, 'packages');
  const entries = await readdir(packages, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe('an archive', () => {
  test('of every listed version has its stated SHA-256, in every form of its address', async () => {
    const sources = ['main', 'partner', 'internal'].map(async (name, position) => {
      const upstream = await startUpstream();
      const world = { seed: name, modules: 22, versionsPerModule: 1.5, medianArchiveBytes: 0 };
      await upstream.publishMany(generateWorld(world));
      return { name, upstream, priority: 100 - position };
    });
    const { url, indexUrl } = await serveRegistry({ sources: await Promise.all(sources) });
    const directory = join(temporaryDirectory(), 'index');
    await shallowClone(indexUrl, directory);
    const listed = Object.values(await readCheckout(directory)).flatMap(readEntries);
    const names = listed.map(({ name }) => String(name));
    expect(listed.length).toBeGreaterThan(60);
    expect(names.some((name) => name.split('/').length > 3)).toBe(true);
    expect(names.some((name) => /[^\u0000-\u007f]/.test(name))).toBe(true);
    expect(listed.some((entry) => String(entry.version).includes('+'))).toBe(true);
    for (const entry of listed) {
      const id = `${entry.name}@${entry.version}`;
      const checksums = archiveTargets(id).map(async (target) =>
        sha256(Buffer.from(await (await fetch(url + target)).arrayBuffer())),
      );
      expect(new Set(await Promise.all(checksums)), id).toEqual(new Set([entry.checksum]));
    }
  });

  test('that is not cached comes from a source that lists the same bytes, when the origin fails', async () => {
    const scene = await serveTwo(['alice/json@1.0.0'], ['alice/json@1.0.0']);
    scene.upstream.faults.only = 'archives';
    scene.upstream.faults.status = 404;
    const answer = await scene.archive('alice/json@1.0.0');
    expect(answer.status).toBe(200);
    expect(`"${sha256(Buffer.from(await answer.arrayBuffer()))}"`).toBe(answer.headers.get('etag'));
    await expect.poll(() => storedFiles(scene)).toHaveLength(1);
    const asked = scene.lower.requests.filter(({ url }) => url.startsWith('/user/'));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers['user-agent']).toMatch(/^mooncake\/0\.1\.0/);
    scene.upstream.resetCounts();
    expect((await scene.archive('alice/json@1.0.0')).status).toBe(200);
    expect([scene.upstream.count(), scene.lower.count('/user/')]).toEqual([0, 1]);
  });

  test('that is not cached is fetched once for 200 clients who ask at once', async () => {
    const scene = await serveTwo(['alice/json@1.0.0']);
    const targets = archiveTargets('alice/json@1.0.0');
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const answer = await fetch(scene.url + targets[i % targets.length]);
        return `${answer.status} ${sha256(Buffer.from(await answer.arrayBuffer()))}`;
      }),
    );
    const listed = readEntries(scene.upstream.index.read('user/alice/json.index'));
    expect(new Set(answers)).toEqual(new Set([`200 ${listed[0]?.checksum}`]));
    expect(scene.upstream.count('/user/')).toBe(1);
  });

  test('is cached all the same when the client who asked leaves before it has come', async () => {
    const scene = await serveTwo(['alice/json@1.0.0']);
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const leaving = new AbortController();
    scene.upstream.faults.delayMs = 300;
    scene.upstream.faults.only = ({ url }) => {
      if (url.startsWith('/user/')) arrive();
      return url.startsWith('/user/');
    };
    const asked = scene.archive('alice/json@1.0.0', { signal: leaving.signal });
    await arrived;
    leaving.abort();
    await expect(asked).rejects.toThrow('abort');
    const find = () => scene.registry.findArchive(moduleName('alice/json'), version('1.0.0'));
    await vi.waitFor(async () => expect((await find())?.cachedAt).toBeDefined(), { timeout: 10_000 });
    scene.upstream.faults.down = true;
    expect((await scene.archive('alice/json@1.0.0')).status).toBe(200);
    expect(scene.upstream.count('/user/')).toBe(1);
  });

  test.each([
    ['wrong bytes', { wrongBytes: true }, 502],
    ['a web page', { html: true }, 502],
    ['503', { status: 503, retryAfter: '0' }, 502],
    ['nothing', { down: true }, 502],
  ] as const)('is a problem, and nothing is kept, when the upstream answers %s', async (_, fault, status) => {
    const scene = await serveTwo(['alice/json@1.0.0']);
    Object.assign(scene.upstream.faults, { only: 'archives', ...fault });
    const answer = await scene.archive('alice/json@1.0.0');
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('retry-after')).toBeNull();
    const problem = (await answer.json()) as { status: number; detail: string };
    expect(problem).toMatchObject({ status, title: expect.any(String) });
    expect(problem.detail).toContain('alice/json@1.0.0 (from source "main")');
    expect(await storedFiles(scene)).toEqual([]);
    scene.upstream.clearFaults();
    expect((await scene.archive('alice/json@1.0.0')).status).toBe(200);
  });

  test('is 404 where nobody lists it, and no upstream is asked for it', async () => {
    const scene = await serveTwo(['alice/json@1.0.0']);
    for (const id of ['alice/json@2.0.0', 'alice/other@1.0.0', 'Alice/json@1.0.0', 'alice/json@1.0.0+1'])
      for (const target of archiveTargets(id)) {
        const answer = await fetch(scene.url + target);
        expect([target, answer.status]).toEqual([target, 404]);
        expect(await answer.json()).toMatchObject({ status: 404 });
      }
    expect(scene.upstream.count('/user/') + scene.lower.count('/user/')).toBe(0);
  });

  test('is 404 where its origin lists it and has no such archive', async () => {
    const scene = await serveTwo(['alice/json@1.0.0']);
    scene.upstream.withdrawArchive('alice/json@1.0.0');
    expect((await scene.archive('alice/json@1.0.0')).status).toBe(404);
  });

  test.each([
    ['small', 3000],
    ['large', 1_500_000],
  ])('that is %s has validators, ranges and HEAD', async (_, sizeBytes) => {
    const { url, upstream, registry, archive } = await serveTwo(['bob/x@0.1.0']);
    const { checksum } = await upstream.publish('alice/json@1.0.0', { sizeBytes });
    await registry.sync();
    const head = await archive('alice/json@1.0.0', { method: 'HEAD' });
    const whole = await archive('alice/json@1.0.0');
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(await head.text()).toBe('');
    for (const { status, headers } of [head, whole]) {
      expect(status).toBe(200);
      expect(Object.fromEntries(headers)).toMatchObject({
        etag: `"${checksum}"`,
        'content-type': 'application/zip',
        'content-length': String(bytes.length),
        'accept-ranges': 'bytes',
        'cache-control': 'public, max-age=300, stale-if-error=86400, no-transform',
      });
    }
    const etag = `"${checksum}"`;
    const conditional = await archive('alice/json@1.0.0', { headers: { 'If-None-Match': etag } });
    expect([conditional.status, await conditional.text()]).toEqual([304, '']);
    const part = await archive('alice/json@1.0.0', { headers: { Range: 'bytes=1000-', 'If-Range': etag } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1000))).toBe(true);
    const beyond = await fetch(`${url}/user/alice%2Fjson%2F1.0.0.zip`, {
      headers: { Range: `bytes=${bytes.length}-` },
    });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`]);
  });
});

test('nothing is ever sent in another encoding, whatever a client would take', async () => {
  const { url } = await serveTwo(['alice/json@1.0.0']);
  const headers = { 'Accept-Encoding': 'gzip, deflate, br, zstd' };
  const targets = [
    '/user/alice/json/1.0.0.zip',
    '/symbols.zip',
    '/git/index/info/refs?service=git-upload-pack',
    '/api/v0/modules',
    '/health',
    '/',
  ];
  for (const target of targets) {
    const answer = await fetch(url + target, { headers });
    await answer.arrayBuffer();
    expect([target, answer.status, answer.headers.get('content-encoding')]).toEqual([target, 200, null]);
  }
});

describe('symbols.zip', () => {
  test('is the empty zip while no source has one', async () => {
    const { url } = await serveTwo(['alice/json@1.0.0']);
    const answer = await fetch(`${url}/symbols.zip`);
    expect(Buffer.from(await answer.arrayBuffer()).toString('hex')).toBe(`504b0506${'00'.repeat(18)}`);
  });

  test('holds the symbols of each module as its origin has them, and is sent again only when it changed', async () => {
    const { url, registry, upstream, lower } = await serveTwo(
      ['alice/json@1.0.0'],
      ['alice/json@1.0.0', 'bob/x@1.0.0'],
    );
    const zipOf = (files: Record<string, string>) =>
      Buffer.from(
        zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)]))),
      );
    upstream.setSymbols(zipOf({ 'alice/json.symbols': 'of main', 'carol/none.symbols': 'served by nobody' }));
    lower.setSymbols(zipOf({ 'alice/json.symbols': 'of low', 'bob/x.symbols': 'of bob' }));
    await registry.sync();
    const answer = await fetch(`${url}/symbols.zip`);
    const entries = Object.entries(unzipSync(new Uint8Array(await answer.arrayBuffer())));
    expect(entries.map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([
      ['alice/json.symbols', 'of main'],
      ['bob/x.symbols', 'of bob'],
    ]);
    const etag = answer.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\x21-\x7e]+"$/);
    const again = () => fetch(`${url}/symbols.zip`, { headers: { 'If-None-Match': etag } });
    const unchanged = await again();
    expect([unchanged.status, await unchanged.text()]).toEqual([304, '']);
    lower.faults.down = true;
    await registry.sync();
    expect((await again()).status).toBe(304);
    lower.faults.down = false;
    lower.setSymbols(zipOf({ 'bob/x.symbols': 'of bob, later' }));
    await registry.sync();
    expect((await again()).status).toBe(200);
  });
});

describe('a prebuilt wasm asset', () => {
  const wasm = Buffer.from('\0asm, more or less');
  const path = 'alice/tool@1.0.0+b.2/cmd/run/run.wasm';

  test('is passed on and kept with its checksum, under both forms of its address', async () => {
    const { url, upstream } = await serveTwo(['alice/tool@1.0.0+b.2']);
    upstream.setAsset(path, wasm);
    for (const isDown of [false, true]) {
      upstream.faults.down = isDown;
      for (const folder of ['assets', 'prebuild']) {
        const stated = await fetch(`${url}/${folder}/${path}.sha256`);
        expect([stated.status, (await stated.text()).split(/\s/)[0]]).toEqual([200, sha256(wasm)]);
        const answer = await fetch(`${url}/${folder}/${path}`);
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/wasm']);
        expect(Buffer.from(await answer.arrayBuffer()).equals(wasm)).toBe(true);
      }
    }
    expect(upstream.count((request) => request.url.endsWith('.wasm'))).toBe(1);
  });

  test('is a true 404 when nobody has it, and a problem when its bytes are not what its checksum says', async () => {
    const { url, upstream, registry } = await serveTwo(['alice/tool@1.0.0+b.2']);
    for (const folder of ['assets', 'prebuild'])
      for (const missing of [path, `${path}.sha256`, 'bob/x@1.0.0/x.wasm', 'alice/tool@9.0.0/tool.wasm'])
        expect((await fetch(`${url}/${folder}/${missing}`)).status).toBe(404);
    // What a source did not have is remembered for a moment; a sync of the same process ends that.
    if (isServedApart) return;
    upstream.setAsset(path, wasm);
    await registry.sync();
    Object.assign(upstream.faults, {
      wrongBytes: true,
      only: ({ url: asked }: { url: string }) => asked.endsWith('.wasm'),
    });
    expect((await fetch(`${url}/assets/${path}`)).status).toBe(502);
    // It is told as the origin states it, and does not cost the asset.
    expect((await fetch(`${url}/assets/${path}.sha256`)).status).toBe(200);
    expect(upstream.count((request) => request.url.endsWith('.wasm'))).toBe(1);
    upstream.clearFaults();
    expect((await fetch(`${url}/assets/${path}`)).status).toBe(200);
  });
});

interface RegistryClient {
  readonly 'config.json': Readonly<Record<'api' | 'download' | 'index' | 'registry' | 'symbols', string>>;
  readonly environment: string;
}

describe('what a registry says of itself', () => {
  const getJson = async <T>(address: string) => (await (await fetch(address)).json()) as T;

  test('/health names the commit and the sources that could not be read', async () => {
    const { url, registry, lower } = await serveTwo(['alice/json@1.0.0']);
    const commit = await registry.servedCommit();
    expect(await getJson(`${url}/health`)).toEqual({ status: 'ok', commit, sources: [], leftAlone: [] });
    lower.faults.down = true;
    await registry.sync();
    const degraded = {
      status: 'degraded',
      commit,
      sources: [
        {
          source: 'low',
          class: 'connection',
          failure: 'the source cannot be reached',
          since: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ],
    };
    await vi.waitFor(async () => expect(await getJson(`${url}/health`)).toMatchObject(degraded), {
      timeout: 5000,
    });
    await vi.waitFor(async () => {
      const { headers } = await fetch(`${url}/git/index/info/refs?service=git-upload-pack`);
      expect(headers.get('warning')).toBe('110 - "stale: low"');
    });
  });

  test.skipIf(isServedApart)(
    '/health names a source that is left alone after failures, and until when',
    async () => {
      const ids = Array.from({ length: 12 }, (_, i) => `alice/m${i}@1.0.0`);
      const scene = await serveTwo(ids);
      scene.upstream.faults.status = 503;
      // So many different ones in a row; of several processes, for the one that answers.
      for (const id of ids) expect((await scene.archive(id)).status).toBe(502);
      const { leftAlone } = await getJson<{ leftAlone: unknown }>(`${scene.url}/health`);
      expect(leftAlone).toEqual([
        {
          source: 'main',
          class: 'server-error',
          reason: expect.stringMatching(
            /^it is not asked for another \d+ s: the source reports a failure of its own$/,
          ),
        },
      ]);
    },
  );

  test('/ has a config.json with which clients of every generation find everything', async () => {
    const { url, registry } = await serveTwo(['alice/json@1.0.0']);
    const { client } = await getJson<{ client: RegistryClient }>(`${url}/`);
    const config = client['config.json'];
    expect(Object.keys(config).sort()).toEqual(['api', 'download', 'index', 'registry', 'symbols']);
    expect(client.environment).toBe(`MOONCAKES_REGISTRY=${url}`);
    const directory = join(temporaryDirectory(), 'index');
    await clone(config.index, directory);
    const [entry] = readEntries(await readFile(join(directory, 'user/alice/json.index')));
    for (const address of [
      `${config.registry}/user/alice%2Fjson%2F1.0.0.zip`,
      `${config.download}/user/alice/json/1.0.0.zip`,
    ])
      expect(sha256(Buffer.from(await (await fetch(address)).arrayBuffer()))).toBe(entry?.checksum);
    expect((await fetch(config.symbols)).status).toBe(200);
    expect(await getJson(`${config.api}/api/v0/search?kw=json&limit=5`)).toMatchObject([
      { name: 'alice/json', version: '1.0.0' },
    ]);
    expect(await getJson(`${config.api}/health`)).toMatchObject({ commit: await registry.servedCommit() });
  });

  test('/api/v0 answers in the shapes of the official registry', async () => {
    const { url, upstream, registry } = await serveTwo(['bob/x@1.0.0']);
    await upstream.publish('alice/json@1.0.0', { line: { description: 'Reads JSON', keywords: ['json'] } });
    await upstream.publish('alice/json@1.1.0', {
      line: {
        description: 'Reads JSON',
        keywords: ['json'],
        license: 'MIT',
        yanked: true,
        yanked_reason: 'slow',
      },
    });
    await registry.sync();
    const api = `${url}/api/v0`;
    const modules = await getJson<{ name: string }[]>(`${api}/modules`);
    expect(modules.map(({ name }) => name)).toEqual(['alice/json', 'bob/x', 'nobody/here']);
    expect(modules[0]).toMatchObject({
      name: 'alice/json',
      version: '1.1.0',
      description: 'Reads JSON',
      keywords: ['json'],
      is_new: false,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/),
      license: 'MIT',
    });
    expect(await getJson(`${api}/modules?recent=2`)).toMatchObject({
      recent: [{}, {}],
      new: [],
      popular: [],
    });
    expect(await getJson(`${api}/modules/statistics`)).toMatchObject({ total_modules: 3 });
    expect(await getJson(`${api}/search?kw=reads+json`)).toMatchObject([
      { name: 'alice/json', version: '1.1.0' },
    ]);
    expect(await getJson(`${api}/user/alice`)).toEqual({
      username: 'alice',
      modules: [{ name: 'alice/json', version: '1.1.0', yanked: true, yanked_reason: 'slow' }],
    });
    for (const form of [
      'manifest/alice/json@1.0.0',
      'modules/alice/json@1.0.0',
      'manifest/alice%2Fjson@1.0.0',
    ])
      expect(await getJson(`${api}/${form}`)).toMatchObject({
        module: 'alice/json',
        version: '1.0.0',
        latest_version: '1.1.0',
        metadata: { name: 'alice/json', version: '1.0.0', checksum: expect.stringMatching(/^[0-9a-f]{64}$/) },
        versions: [
          { version: '1.1.0', yanked: true, yanked_reason: 'slow' },
          { version: '1.0.0', yanked: false },
        ],
      });
    for (const missing of ['manifest/alice/none', 'manifest/alice/json@9.9.9', 'user/none', 'nothing']) {
      const answer = await fetch(`${api}/${missing}`);
      expect([missing, answer.status]).toEqual([missing, 404]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });
});
