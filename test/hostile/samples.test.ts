/** What one source could do to all others in version 0.1.0, each once, against the built program. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import { canCountResources } from '../faults/client-world.ts';
import { fastDirectory } from '../faults/fast-directory.ts';
import { bombTree } from '../support/raw-repository.ts';
import { startCli } from '../support/run-cli.ts';
import { sha256 } from '../support/worlds.ts';
import { createRandom } from '../worlds/random.ts';
import { flood } from './attacks/answers.ts';
import { talkOf, talks } from './attacks/git-talk.ts';
import { runWatched } from './commands.ts';
import { archivePath, type HostileHost } from './host.ts';
import { indexLine, nodesOf, withNodes } from './index-nodes.ts';
import { createHostileWorld, type HostileWorld } from './world.ts';

const root = fastDirectory();
const megabyte = 1024 * 1024;
/** Of any command, with its helpers, beyond some 100 MiB when it does nothing. */
const mostMiB = 400;
const isLong = Number(process.env.HOSTILE_SECONDS ?? 0) >= 60;
const long = { timeout: 300_000 };

async function createWorld(transport: 'smart' | 'dumb' = 'smart'): Promise<HostileWorld> {
  const shape = { trust: 'least', claims: false, transport, hasToken: true, wasGood: true } as const;
  const world = await createHostileWorld(root, shape, createRandom('samples'));
  onTestFinished(() => world.close());
  return world;
}

function run(world: HostileWorld, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return runWatched(words, { cwd: world.directory, env: { ...world.env, ...env } });
}

interface Sample {
  readonly what: string;
  apply(host: HostileHost): void;
  readonly env?: Readonly<Record<string, string>>;
  /** How the source was read, and what is said of that or found. */
  readonly outcome: 'fresh' | 'stale';
  readonly said: RegExp;
  /** Commands that must not die of it either; in a long campaign, more. */
  readonly commands?: readonly (readonly string[])[];
}

/** Its own modules, and one more node beside them. */
function withOne(host: HostileHost, name: string, content: string | Buffer) {
  return withNodes(nodesOf(host.ownFiles), ['user', 'evil'], [{ name, content }]);
}

const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;

const samples: readonly Sample[] = [
  {
    what: 'a dependency that is nested 5,000 deep',
    apply: (host) =>
      void host.put(
        withOne(
          host,
          'zz.index',
          `{"version":"1.0.0","checksum":"${'a'.repeat(64)}","deps":{"x/y":${deep}}}\n`,
        ),
      ),
    outcome: 'fresh',
    said: /evil\/zz/,
  },
  {
    what: 'a token with a byte-order mark',
    apply: () => undefined,
    env: { EVIL_TOKEN: '\ufeffTok3n' },
    outcome: 'stale',
    said: /EVIL_TOKEN.*byte-order mark/,
    commands: [['source', 'check']],
  },
  {
    what: 'a token with a sign that no header holds',
    apply: () => undefined,
    env: { EVIL_TOKEN: 'Tok3n€' },
    outcome: 'stale',
    said: /EVIL_TOKEN/,
  },
  {
    what: 'a tree whose entries are unsorted',
    apply(host) {
      const nodes = nodesOf(host.ownFiles).map((node) =>
        'nodes' in node
          ? {
              ...node,
              nodes: node.nodes.map((one) =>
                'nodes' in one ? { ...one, nodes: one.nodes.toReversed() } : one,
              ),
            }
          : node,
      );
      host.put(nodes);
    },
    outcome: 'stale',
    said: /not well formed/,
  },
  {
    what: 'a commit of the far future',
    apply: (host) =>
      void host.put(withOne(host, 'zz.index', 'x\n'), { committer: '99999999999999999 +0000' }),
    outcome: 'fresh',
    said: /evil\/zz/,
    commands: [['source', 'check']],
  },
  {
    what: 'a few trees that stand for more files than there are atoms',
    apply(host) {
      const leaf = [{ mode: '100644', name: 'x.index', id: host.repository.blob('x') }];
      host.repository.commit(bombTree(host.repository, 8, 1000, leaf));
    },
    outcome: 'stale',
    said: /more files than can be listed/,
  },
  {
    what: 'a file of zeros',
    apply: (host) => void host.put(withOne(host, 'zz.index', Buffer.alloc(64 * megabyte))),
    outcome: 'fresh',
    said: /evil\/zz.*bytes, more than/,
  },
  {
    what: 'progress without end on the side band',
    apply(host) {
      host.put(withOne(host, 'zz.index', 'x\n'));
      const talk = talks['progress without end'];
      if (talk) host.trick = talkOf(talk, createRandom('side band'));
    },
    outcome: 'stale',
    said: /evil/,
  },
];

/** Nothing checks these on their way: git's own checks do not see what comes by dumb HTTP. */
const twice: Sample = {
  what: 'a tree that names a file twice, over dumb HTTP',
  apply: (host) =>
    void host.put(
      withOne(host, 'tool.index', `${indexLine('evil/tool', '9.0.0', { checksum: 'a'.repeat(64) })}\n`),
    ),
  outcome: 'stale',
  said: /not well formed/,
};

/** Syncs beside it, and looks at who is served. */
async function tryBeside(
  world: HostileWorld,
  { apply, env, outcome, said, ...sample }: Sample,
): Promise<void> {
  world.host.calm();
  apply(world.host);
  const news = await world.publish();
  const sync = await run(world, ['sync', '--json'], env);
  expect(sync.code, sync.stderr).toBe(outcome === 'stale' ? 3 : 0);
  const report: SyncReport = JSON.parse(sync.stdout);
  expect(report.sources.find(({ source }) => source === 'evil')).toMatchObject({ outcome });
  expect(sync.stdout.replaceAll('\n', ' ')).toMatch(said);
  expect(sync.peakMiB).toBeLessThan(mostMiB);
  const changed = report.changes.map(({ module }) => module);
  expect(changed).toEqual(expect.arrayContaining(news.map(({ module }) => module)));
  for (const words of isLong ? [['source', 'check'], ['doctor']] : (sample.commands ?? [])) {
    const { code, stderr } = await run(world, words, env);
    expect([0, 1, 3], `${words}: ${stderr}`).toContain(code);
  }
}

describe.skipIf(!canCountResources)('the others are served, and the source is named, beside', () => {
  test.each([
    ['smart', samples],
    ['dumb', [twice]],
  ] as const)('each of these over %s HTTP', long, async (transport, tried) => {
    const world = await createWorld(transport);
    await world.publish();
    expect((await run(world, ['sync'])).code).toBe(0);
    for (const sample of tried)
      await tryBeside(world, sample).catch((cause: unknown) => {
        throw new Error(sample.what, { cause });
      });
    expect(await run(world, ['verify', '--deep'])).toMatchObject({ code: 0 });
  });
});

test('a proxy that cannot be used is named, and no command dies of it', long, async () => {
  const world = await createWorld();
  await world.publish();
  expect((await run(world, ['sync'])).code).toBe(0);
  for (const env of [
    { ALL_PROXY: 'socks5h://proxy:1080', all_proxy: 'socks5h://proxy:1080', http_proxy: '', HTTP_PROXY: '' },
    { http_proxy: 'proxy:3128:x' },
  ])
    for (const words of isLong ? [['sync'], ['source', 'check'], ['doctor']] : [['sync']]) {
      const { code, stdout, stderr } = await run(world, words, { ...env, NO_PROXY: '', no_proxy: '' });
      expect([1, 3], `${words}: ${stderr}`).toContain(code);
      expect(`${stdout}${stderr}`, words.join(' ')).toMatch(/(?:ALL|all|HTTP|http)_(?:PROXY|proxy)/);
    }
});

test('files of blank lines are a finding each, and all of them go with their source', long, async () => {
  const world = await createWorld();
  const { host } = world;
  const names = Array.from({ length: 6 }, (_, at) => `evil/m${at}`);
  const line = `${indexLine('evil/m', '1.0.0', { checksum: 'a'.repeat(64) })}\n`;
  host.put(nodesOf(new Map(names.map((name) => [name, line]))));
  await world.publish();
  await run(world, ['sync']);
  host.put(nodesOf(new Map(names.map((name) => [name, `${line}${'\n'.repeat(125_000)}`]))));
  const sync = await run(world, ['sync', '--json']);
  expect(sync.peakMiB).toBeLessThan(mostMiB);
  expect((JSON.parse(sync.stdout) as SyncReport).findings.map(({ module }) => module)).toEqual(names);
  await world.configure('removed');
  expect((await run(world, ['sync', '--json'])).code).toBe(0);
  const status = JSON.parse((await run(world, ['status', '--json'])).stdout);
  expect(status.findings).toEqual([]);
  const sizes = (await readdir(join(world.directory, 'data'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  expect(Math.max(...(await Promise.all(sizes)))).toBeLessThan(megabyte);
});

test(
  'archives without end are ended by their limit, and nothing of them stays on the disk',
  long,
  async () => {
    const world = await createWorld();
    await world.publish();
    await run(world, ['sync']);
    world.host.trick = (_, response, area) => {
      if (area !== 'archives' || !response.socket) return false;
      response.socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n\r\nPK\x03\x04');
      flood(response.socket, () => Buffer.alloc(64 * 1024, 1));
      return true;
    };
    const server = await startCli(['serve', '--port', '0'], { cwd: world.directory, env: world.env });
    onTestFinished(async () => void (await server.stop()));
    const own = [...world.host.files.keys()];
    const answers = await Promise.all(own.map((path) => fetch(server.baseUrl + path)));
    expect(answers.map(({ status }) => status)).toEqual(own.map(() => 502));
    const [known] = world.published;
    const answer = await fetch(server.baseUrl + archivePath(known?.module ?? '', known?.version ?? ''));
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(known?.checksum);
    expect(await server.stop()).toMatchObject({ code: 0 });
    const left = await readdir(join(world.directory, 'data', 'packages'), { recursive: true });
    expect(left.filter((name) => !/^[0-9a-f]{2}(\/[0-9a-f]{64}\.zip)?$/.test(name))).toEqual([]);
    expect(left.filter((name) => name.endsWith('.zip'))).toHaveLength(1);
  },
);
