import { createHash } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startBare } from '../support/bare.ts';
import { capturePackRequest, expectSameAnswer } from '../support/git-requests.ts';
import { generatorNote, type Measured, measureLoad, measureThroughput, runLoad } from '../support/load.ts';
import type { LoadRequest } from '../support/load-process.ts';
import { gitBackendMissing, nginxMissing, startFileServer, startGitBackend } from '../support/nginx.ts';
import { run, type Server } from '../support/process.ts';
import { createSyncedRegistry, type OurRegistry } from '../support/registry.ts';
import type { Bar, Bench, Contender, Figures, Prepared, Scenario } from '../support/scenario.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import type { World } from '../support/world.ts';

const connections = 16;
const bareName = 'bare node:http, a buffer';
const backend = 'git-http-backend (nginx, fcgiwrap)';
const shallow = ['clone', '--quiet', '--depth', '1', '--single-branch', '--no-tags', '--bare'];
const fetchNewest = [
  ...['fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules', 'origin'],
  '+refs/heads/main:refs/remotes/origin/main',
];

export const clone: Scenario = {
  name: 'clone',
  title: 'POST of a cold shallow clone (want, deepen 1)',
  async prepare(bench) {
    const { registry } = await prepareHistory(bench, []);
    const server = await registry.serve('--quiet');
    const request = await capturePackRequest(server.address, (url) => [
      ...shallow,
      url,
      join(bench.directory, 'cold'),
    ]);
    return preparePacks(bench, registry, server, request, (project, url) => [
      ...shallow,
      url,
      join(project, 'cold'),
    ]);
  },
};

/** Above the largest answer that is kept in memory. */
export const cloneLarge: Scenario = {
  name: 'clone-100',
  title: 'POST of a cold shallow clone at 100 × the index',
  async prepare(bench) {
    const world = await bench.worlds.scaled(bench.size.largeScale);
    const { registry } = await prepareHistory(bench, [], world);
    const server = await registry.serve('--quiet');
    const words = (place: string, url: string) => [...shallow, url, join(place, 'cold')];
    const request = await capturePackRequest(server.address, (url) => words(bench.directory, url));
    return preparePacks(bench, registry, server, request, words, { load: fewClients });
  },
};

interface PackLoad {
  measure(bench: Bench, server: Measured, request: LoadRequest): Promise<Figures>;
  describe(bench: Bench): string;
  /** What `requests/s` must reach against git-http-backend and nginx. */
  readonly bars: { readonly backend?: number; readonly nginx?: number };
}

const manyClients: PackLoad = {
  measure: (bench, server, request) => measureThroughput(bench, server, [request], connections),
  describe: (bench) => `${connections} connections; ${generatorNote(bench)}`,
  bars: { backend: 20, nginx: 0.8 },
};

/** Of an answer that takes git a second. */
const fewClients: PackLoad = {
  measure(bench, { address, pid }, request) {
    const requests = Array.from({ length: 8 }, () => request);
    const plan = { url: address, requests, connections: 4, verifyEvery: 1 };
    return measureLoad(pid, () => runLoad(bench, { ...plan, seconds: 'once' }));
  },
  describe: () => '8 clones, 4 at a time; load: our own generator, which verifies every byte',
  bars: {},
};

export const updateOne: Scenario = {
  name: 'update-1',
  title: 'update of a client one commit behind (fetch --depth=1)',
  prepare: (bench) => prepareUpdate(bench, 1, fetchNewest),
};

export const updateFive: Scenario = {
  name: 'update-5',
  title: 'update of a client five commits behind (pull of a shallow clone)',
  prepare: (bench) =>
    prepareUpdate(bench, bench.size.isSmoke ? 1 : 5, ['fetch', '--quiet', 'origin', 'main']),
};

async function prepareUpdate(bench: Bench, behind: number, words: readonly string[]): Promise<Prepared> {
  const versions = Array.from({ length: behind }, (_, k) => `1.0.${k}`);
  const { registry, old } = await prepareHistory(bench, versions);
  const server = await registry.serve('--quiet');
  const update = (project: string, url: string) => {
    const client = join(project, 'client');
    return ['-C', client, '-c', `remote.origin.url=${url}`, ...words];
  };
  const clientOf = async (project: string) => {
    await cp(old, join(project, 'client'), { recursive: true });
    await run('git', ['-C', join(project, 'client'), 'remote', 'remove', 'origin']);
  };
  const ours = join(bench.directory, 'ours-client');
  await mkdir(ours);
  await clientOf(ours);
  const request = await capturePackRequest(server.address, (url) => update(ours, url));
  return preparePacks(bench, registry, server, request, update, { prepareClient: clientOf });
}

/** A synced registry, and a shallow clone from before all `versions` of one module were published one by one. */
async function prepareHistory(bench: Bench, versions: readonly string[], given?: World) {
  const world = given ?? (await bench.worlds.usual());
  const upstream: Upstream = await startUpstream(bench, world);
  const registry = await createSyncedRegistry(bench, upstream, world);
  const old = join(bench.directory, 'old-client');
  const index = `file://${join(registry.directory, 'data', 'index')}`;
  await run('git', [...shallow, '--branch', 'main', index, old]);
  for (const version of versions) {
    await upstream.publish('moonbitlang/just-published', version);
    await registry.command('sync');
  }
  return { registry, old };
}

/** `check` gives the words of a git that must succeed against the alternative, so that it answers the real thing. */
async function preparePacks(
  bench: Bench,
  registry: OurRegistry,
  server: Server,
  request: LoadRequest,
  check: (project: string, indexUrl: string) => string[],
  {
    load = manyClients,
    prepareClient = async () => undefined,
  }: { load?: PackLoad; prepareClient?: (project: string) => Promise<void> } = {},
): Promise<Prepared> {
  const measure = (measured: Measured, asked: LoadRequest) => load.measure(bench, measured, asked);
  const checked = await expectSameAnswer(server.address, request);
  const contenders: Contender[] = [{ name: 'ours', round: () => measure(server, checked) }];
  const backendMissing = gitBackendMissing();
  if (backendMissing !== undefined) contenders.push({ name: backend, missing: backendMissing });
  else {
    const project = join(bench.directory, 'plain');
    const repository = join(project, 'index');
    await run('git', ['clone', '--quiet', '--bare', join(registry.directory, 'data', 'index'), repository]);
    // Its CPU time is git's, whose processes come and go.
    const { address } = await startGitBackend(bench, project);
    const client = join(bench.directory, 'backend-client');
    await mkdir(client);
    await prepareClient(client);
    await run('git', check(client, `${address}/git/index`));
    contenders.push({
      name: backend,
      round: () => measure({ address }, request),
    });
  }
  const file = await writePack(bench, checked.sizeBytes ?? 0);
  contenders.push(await staticContender(bench, file, measure));
  const bare = await startBare(bench, { answers: { [`POST ${request.path}`]: file.pack } });
  contenders.push({
    name: bareName,
    round: () => measure(bare, { ...checked, checksum: file.checksum }),
  });
  return {
    contenders,
    bars: [
      barAgainst(backend, load.bars.backend),
      barAgainst('nginx static', load.bars.nginx),
      barAgainst(bareName, undefined),
    ],
    notes: [
      load.describe(bench),
      `the pack has ${checked.sizeBytes} bytes; no access log on either side`,
      "nginx static: GET of a file of the pack's size",
    ],
  };
}

function barAgainst(against: string, atLeast: number | undefined): Bar {
  return { metric: 'requests/s', of: 'ours', against, ...(atLeast === undefined ? {} : { atLeast }) };
}

interface PackFile {
  /** Path of a file that has the size of the pack. */
  readonly pack: string;
  readonly sizeBytes: number;
  readonly checksum: string;
}

async function writePack(bench: Bench, sizeBytes: number): Promise<PackFile> {
  const folder = join(bench.directory, 'static');
  await mkdir(folder);
  const pack = join(folder, 'pack');
  const bytes = Buffer.alloc(sizeBytes, 'pack');
  await writeFile(pack, bytes);
  return { pack, sizeBytes, checksum: createHash('sha256').update(bytes).digest('hex') };
}

async function staticContender(
  bench: Bench,
  { pack, sizeBytes, checksum }: PackFile,
  measure: (server: Measured, request: LoadRequest) => Promise<Figures>,
): Promise<Contender> {
  const name = 'nginx static';
  const missing = nginxMissing();
  if (missing !== undefined) return { name, missing };
  const server = await startFileServer(bench, dirname(pack));
  const request: LoadRequest = { method: 'GET', path: '/pack', sizeBytes, checksum };
  return { name, round: () => measure(server, request) };
}
