/** Stock git against a served registry: every command of every generation of clients (moon-protocol §2.1). */
import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isVersion } from '../../src/model/version.ts';
import { formatPackets, type Packet } from '../../src/support/git/pkt-line.ts';
import { clone, fetchReset, type GitRun, git, pull, shallowClone, tryGit } from '../support/git-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import type { Publication } from '../worlds/publisher.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { generateWorld } from '../worlds/world-generator.ts';
import { readCheckout, readServedFiles, type ServedRegistry, serveRegistry } from './served-registry.ts';

const fewModules = 40;
const mostFilesPerPull = 300;

interface Scene extends ServedRegistry {
  readonly upstream: UpstreamRegistry;
  readonly modules: readonly string[];
}

async function serveWorld(count = fewModules): Promise<Scene> {
  const upstream = await startUpstream();
  const all = [
    ...generateWorld({ seed: 1, modules: 2 * count, versionsPerModule: 1, medianArchiveBytes: 0 }),
  ];
  const modules = [...new Set(all.filter(canBeRead).map(({ module }) => module))].slice(0, count);
  const world = all.filter(({ module }) => modules.includes(module));
  await upstream.publishMany(world);
  const served = await serveRegistry({ sources: [{ name: 'main', upstream }] });
  return { ...served, upstream, modules };
}

/** Whether the newest client can parse the version's line: a few of the real index it cannot. */
function canBeRead({ deps = {} }: Publication): boolean {
  return Object.values(deps).every((stated) => typeof stated !== 'string' || isVersion(stated));
}

function newModules(prefix: string, count: number): Publication[] {
  return Array.from({ length: count }, (_, i) => ({ module: `${prefix}/m${i}`, version: '0.1.0' }));
}

interface Client {
  readonly name: string;
  readonly directory: string;
  readonly clones: typeof clone;
}

/** A full clone, as the oldest clients have it, and a shallow one; each pulls, or fetches and resets. */
async function createClients({ indexUrl }: ServedRegistry, run: GitRun): Promise<Client[]> {
  const directory = temporaryDirectory();
  const clients = [
    { name: 'full', directory: join(directory, 'full'), clones: clone },
    { name: 'shallow', directory: join(directory, 'shallow'), clones: shallowClone },
  ];
  for (const client of clients) await client.clones(indexUrl, client.directory, run);
  return clients;
}

async function changedFiles(directory: string, since: string): Promise<number> {
  const listing = await git(['-C', directory, 'diff', '--name-only', '-z', since, 'HEAD']);
  return listing.split('\0').length - 1;
}

async function head(directory: string): Promise<string> {
  return (await git(['-C', directory, 'rev-parse', 'HEAD'])).trim();
}

describe.each([0, 2] as const)('git clients of protocol v%d', (protocol) => {
  const run = { protocol };

  test('follow small changes, full and shallow, by pull and by fetch and reset', async () => {
    const scene = await serveWorld();
    const { registry, upstream, modules } = scene;
    const clients = await createClients(scene, run);
    const before = await readServedFiles(registry);
    expect(Object.keys(before)).toHaveLength(modules.length);
    for (const { directory } of clients) expect(await readCheckout(directory)).toEqual(before);
    const rounds = [
      [pull, '77.0.0'],
      [fetchReset, '78.0.0'],
      [pull, '79.0.0'],
    ] as const;
    for (const [update, version] of rounds) {
      await upstream.publish(`${modules[3]}@${version}`);
      await upstream.publish(`newcomer/m${version}@0.1.0`);
      await registry.sync();
      const after = await readServedFiles(registry);
      for (const { name, directory } of clients) {
        const old = await head(directory);
        await update(directory, run);
        expect(await readCheckout(directory), `${name} ${version}`).toEqual(after);
        expect(await changedFiles(directory, old)).toBe(2);
        expect(await head(directory)).toBe(await registry.servedCommit());
      }
    }
    for (const { directory } of clients) {
      await pull(directory, run);
      await fetchReset(directory, run);
      expect(await head(directory)).toBe(await registry.servedCommit());
    }
  });

  test.each([
    [
      'a change of more than 300 files',
      mostFilesPerPull + 1,
      (modules: readonly string[]) => modules.map((module) => ({ module, version: '77.0.0' })),
    ],
    ['600 added modules', fewModules, () => newModules('added', 600)],
  ])(
    'meet %s as a new root: pull refuses and a fresh clone works, fetch and reset follows',
    async (_, count, change) => {
      const scene = await serveWorld(count);
      const { registry, upstream, modules, indexUrl } = scene;
      const clients = await createClients(scene, run);
      await upstream.publishMany(change(modules));
      expect((await registry.sync()).reRooted).toBe(true);
      const after = await readServedFiles(registry);
      for (const { name, directory } of clients) {
        const pulled = await tryGit(['-C', directory, 'pull', 'origin', 'main'], run);
        expect(pulled.code, name).toBe(128);
        expect(pulled.stderr, name).toMatch(/divergent branches|unrelated histories/);
        await fetchReset(directory, run);
        expect(await readCheckout(directory), name).toEqual(after);
      }
      const fresh = join(temporaryDirectory(), 'fresh');
      await clone(indexUrl, fresh, run);
      expect(await readCheckout(fresh)).toEqual(after);
      await upstream.publish('newcomer/first@0.1.0');
      await registry.sync();
      for (const directory of [fresh, ...clients.map((client) => client.directory)]) {
        await pull(directory, run);
        expect(await head(directory)).toBe(await registry.servedCommit());
      }
    },
  );

  test('never face more than 300 files in one pull, however many syncs they slept through', async () => {
    const { registry, upstream, indexUrl } = await serveWorld();
    const directory = join(temporaryDirectory(), 'clone');
    await clone(indexUrl, directory, run);
    const start = await head(directory);
    const half = (mostFilesPerPull - fewModules) / 2;
    for (const prefix of ['one', 'two']) {
      await upstream.publishMany(newModules(prefix, half));
      expect((await registry.sync()).reRooted).toBe(false);
    }
    await pull(directory, run);
    expect(await changedFiles(directory, start)).toBe(2 * half);
    await upstream.publish('newcomer/first@0.1.0');
    expect((await registry.sync()).reRooted).toBe(true);
    expect((await tryGit(['-C', directory, 'pull', 'origin', 'main'], run)).code).toBe(128);
  });

  test('see HEAD and main and no ref beside them, over a double slash too', async () => {
    const { registry, url } = await serveWorld();
    const commit = await registry.servedCommit();
    const inside = await git(['-C', registry.indexDirectory, 'for-each-ref', '--format=%(refname)']);
    expect(inside.trim().split('\n').length).toBeGreaterThan(1);
    // A base address that ends in a slash makes clients ask so.
    for (const indexUrl of [`${url}/git/index`, `${url}//git/index`])
      expect(await git(['ls-remote', indexUrl], run)).toBe(`${commit}\tHEAD\n${commit}\trefs/heads/main\n`);
    const directory = join(temporaryDirectory(), 'clone');
    await shallowClone(`${url}//git/index`, directory, run);
    expect(await readCheckout(directory)).toEqual(await readServedFiles(registry));
    await fetchReset(directory, run);
  });

  test('send many haves as a gzip body', async () => {
    const { registry, upstream, indexUrl } = await serveWorld();
    const directory = join(temporaryDirectory(), 'clone');
    await clone(indexUrl, directory, run);
    await git(['-C', directory, 'fast-import', '--quiet'], { input: ownCommits(await head(directory), 200) });
    await upstream.publish('newcomer/first@0.1.0');
    await registry.sync();
    const { code, stderr } = await tryGit(
      ['-C', directory, 'fetch', 'origin', '+refs/heads/main:refs/remotes/origin/main'],
      { ...run, env: { GIT_TRACE_CURL: '1' } },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/send header: content-encoding: gzip/i);
    await git(['-C', directory, 'reset', '--hard', '--quiet', 'origin/main']);
    expect(await readCheckout(directory)).toEqual(await readServedFiles(registry));
  });

  test('get names that differ only by letter case, though their disk may not tell them apart', async () => {
    const upstream = await startUpstream();
    await upstream.publish('xunyoyo/Permutation@0.1.0');
    await upstream.publish('xunyoyo/permutation@0.1.0', { sizeBytes: 3000 });
    const { registry, indexUrl } = await serveRegistry({ sources: [{ name: 'main', upstream }] });
    const directory = join(temporaryDirectory(), 'clone');
    await git(['clone', '--quiet', '-c', 'core.ignorecase=true', '--no-checkout', indexUrl, directory], run);
    for (const [path, file] of Object.entries(await readServedFiles(registry)))
      expect(await git(['-C', directory, 'cat-file', 'blob', `HEAD:${path}`])).toBe(file);
    expect((await git(['-C', directory, 'ls-tree', '-r', '--name-only', 'HEAD'])).trim().split('\n')).toEqual(
      ['user/xunyoyo/Permutation.index', 'user/xunyoyo/permutation.index'],
    );
  });

  test('whose clone a change falls into get the index as it was when they asked', async () => {
    const { registry, url, upstream } = await serveWorld();
    const [asked, before] = [await registry.servedCommit(), await readServedFiles(registry)];
    const middle = await startMiddle(Number(new URL(url).port), async () => {
      await upstream.publish('newcomer/first@0.1.0');
      await registry.sync();
    });
    const directory = join(temporaryDirectory(), 'clone');
    await shallowClone(`${middle.url}/git/index`, directory, run);
    expect(middle.interruptions()).toBe(1);
    expect(await head(directory)).toBe(asked);
    expect(await readCheckout(directory)).toEqual(before);
    await fetchReset(directory, run);
    expect(await readCheckout(directory)).toEqual(await readServedFiles(registry));
  });

  test('whose clone a new root falls into get the index they were told of', async () => {
    const { registry, url, upstream, indexUrl } = await serveWorld();
    const middle = await startMiddle(Number(new URL(url).port), async () => {
      await upstream.publishMany(newModules('added', mostFilesPerPull));
      expect((await registry.sync()).reRooted).toBe(true);
    });
    const directory = join(temporaryDirectory(), 'clone');
    const before = await readServedFiles(registry);
    await shallowClone(`${middle.url}/git/index`, directory, run);
    expect(middle.interruptions()).toBe(1);
    expect(await readCheckout(directory)).toEqual(before);
    await git(['-C', directory, 'remote', 'set-url', 'origin', indexUrl]);
    await fetchReset(directory, run);
    expect(await readCheckout(directory)).toEqual(await readServedFiles(registry));
  });
});

describe('what a client may want', () => {
  const uploadType = { 'Content-Type': 'application/x-git-upload-pack-request' };

  async function statusOfWant(indexUrl: string, id: string, protocol: 0 | 2): Promise<number> {
    const data = (...texts: string[]): Packet[] => texts.map((text) => ({ kind: 'data', text }));
    const flush: Packet = { kind: 'flush' };
    const [body, headers] =
      protocol === 0
        ? [[...data(`want ${id} side-band-64k ofs-delta`), flush, ...data('done')], uploadType]
        : [
            [
              ...data('command=fetch', 'object-format=sha1'),
              { kind: 'delimiter' } as const,
              ...data(`want ${id}`, 'done'),
              flush,
            ],
            { ...uploadType, 'Git-Protocol': 'version=2' },
          ];
    const answer = await fetch(`${indexUrl}/git-upload-pack`, {
      method: 'POST',
      headers,
      body: formatPackets(body),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.includes('PACK')).toBe(answer.status === 200);
    return answer.status;
  }

  test('is a commit of main; never the state, a snapshot, another object, or an unknown id', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/secret@1.0.0']);
    const source = { name: 'main', upstream, exclude: ['alice/secret'] };
    const { registry, indexUrl } = await serveRegistry({ sources: [source] });
    const earlier = await registry.servedCommit();
    await upstream.publish('alice/json@1.1.0');
    await registry.sync();
    const identify = async (name: string) =>
      (await git(['-C', registry.indexDirectory, 'rev-parse', '--verify', name])).trim();
    const refused = {
      state: await identify('refs/registry/state'),
      'the tree of the state': await identify('refs/registry/state^{tree}'),
      "a source's snapshot": await identify('refs/registry/state:sources/main'),
      'a file that is not served': await identify('refs/registry/state:sources/main/user/alice/secret.index'),
      'a served tree': await identify('refs/heads/main^{tree}'),
      'a served file': await identify('refs/heads/main:user/alice/json.index'),
      'an unknown id': 'f'.repeat(40),
    };
    for (const protocol of [0, 2] as const) {
      for (const [what, id] of Object.entries(refused))
        expect(await statusOfWant(indexUrl, id, protocol), `v${protocol}: ${what}`).toBe(403);
      for (const commit of [earlier, await registry.servedCommit()])
        expect(await statusOfWant(indexUrl, commit, protocol)).toBe(200);
      const directory = join(temporaryDirectory(), `v${protocol}`);
      await shallowClone(indexUrl, directory, { protocol });
      const fetched = await tryGit(['-C', directory, 'fetch', 'origin', refused.state], { protocol });
      expect(fetched.code).not.toBe(0);
      expect((await tryGit(['-C', directory, 'cat-file', '-e', refused.state])).code).not.toBe(0);
    }
  });
});

/** Commits on top of `base` that only this client has, for `git fast-import`. */
function ownCommits(base: string, count: number): string {
  const commits = Array.from({ length: count }, (_, i) =>
    [
      'commit refs/heads/own',
      `committer Test <test@example.com> ${1_800_000_000 + i} +0000`,
      'data 1',
      'x',
      ...(i === 0 ? [`from ${base}`] : []),
      '',
    ].join('\n'),
  );
  return `${commits.join('\n')}\n`;
}

/** A proxy between a client and the server; `change` happens after the refs were told, before the pack is asked for. */
async function startMiddle(port: number, change: () => Promise<void>) {
  let interruptions = 0;
  const proxy = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (body.includes('want ') && interruptions++ === 0) await change();
    const { method, url: path, headers } = incoming;
    const onward = sendRequest({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(body);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const { port: own } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${own}`, interruptions: () => Math.min(interruptions, 1) };
}
