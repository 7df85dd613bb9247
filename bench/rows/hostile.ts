import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientsSettings } from '../support/clients-process.ts';
import {
  type HostileKind,
  type HostileSize,
  hangingModules,
  hostileModule,
} from '../support/hostile-process.ts';
import { runLoad } from '../support/load.ts';
import { run, type Server, startServer } from '../support/process.ts';
import { peakDuring, residentMiB } from '../support/processes.ts';
import { createSyncedRegistry, type OurRegistry } from '../support/registry.ts';
import { roleProcess } from '../support/roles.ts';
import type { Bar, Bench, Contender, Figures, Scenario } from '../support/scenario.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import type { World } from '../support/world.ts';
import { chooseArchives, toRequest } from './archives.ts';

interface Case {
  readonly name: string;
  readonly kind: HostileKind;
  /** Clients that ask for what it has, while others download what is cached. */
  readonly clients?: (size: HostileSize, cached: readonly string[]) => readonly string[];
  /** What they must be answered, those that are. */
  readonly statuses?: readonly number[];
  /** Beyond idle; without it the row is there to be compared with. */
  readonly mostMiB?: number;
}

const hangingOf = (at: number) =>
  `/user/evil/hang${at % hangingModules}/1.0.${Math.floor(at / hangingModules)}.zip`;
const archiveOf = (at: number) => `/user/${hostileModule}/1.0.${at}.zip`;
const paths = (count: number, path: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => path(at));

const cases: readonly Case[] = [
  { name: 'git bomb', kind: 'bomb', mostMiB: 300 },
  { name: 'file of zeros', kind: 'zeros', mostMiB: 300 },
  { name: 'side band', kind: 'side-band', mostMiB: 300 },
  { name: 'blank lines', kind: 'blank-lines', mostMiB: 300 },
  {
    name: 'wasm assets',
    kind: 'assets',
    clients: () => paths(16, (at) => `/prebuild/${hostileModule}@1.0.0/main/m${at}.wasm`),
    statuses: [200],
    mostMiB: 64,
  },
  {
    name: 'source hangs',
    kind: 'hanging',
    clients: ({ versions }) => paths(versions, hangingOf),
    statuses: [503],
    mostMiB: 150,
  },
  {
    name: 'source hangs, one module',
    kind: 'hanging',
    clients: ({ versions }) => paths(versions, archiveOf),
    statuses: [503],
    mostMiB: 150,
  },
  {
    name: 'as many clients of what is cached',
    kind: 'hanging',
    clients: ({ versions }, cached) => paths(versions, (at) => cached[at % cached.length] ?? ''),
    statuses: [200],
  },
  {
    name: 'endless archives',
    kind: 'endless',
    clients: () => paths(8, archiveOf),
    statuses: [502, 503],
    mostMiB: 150,
  },
];

const large: HostileSize = {
  zeroBytes: 600 * 1024 * 1024,
  blankLines: 125_000,
  assetBytes: 200 * 1024 * 1024,
  versions: 2500,
};
const small: HostileSize = {
  zeroBytes: 20 * 1024 * 1024,
  blankLines: 1000,
  assetBytes: 100_000,
  versions: 40,
};

const memoryMetric = 'peak above idle MiB';
const ratioMetric = 'p99, of the quiet one ×';
const connections = 4;

export const hostile: Scenario = {
  name: 'hostile',
  title: 'serve beside a hostile source',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    const size = bench.size.isSmoke ? small : large;
    let rounds = 0;
    const contenders = cases.map(
      (one): Contender => ({
        name: one.name,
        round: () => measure({ bench, world, upstream, size, place: `${one.kind}-${rounds++}` }, one),
      }),
    );
    const bars = cases.flatMap(({ name, mostMiB }): Bar[] => [
      { of: name, metric: memoryMetric, ...(mostMiB !== undefined && { atMost: mostMiB }) },
      { of: name, metric: ratioMetric, ...(mostMiB !== undefined && { atMost: 5 }) },
    ]);
    return {
      contenders,
      bars,
      notes: [
        `${connections} connections download cached archives of another source, before the source turns hostile and while it is; the sources are read every second`,
        'memory: serve and everything it starts, highest of one look every 50 ms, less what it was when idle after the quiet downloads',
        'the hostile source, and the clients that ask for its files, are processes of low priority on the same machine',
      ],
    };
  },
};

interface Setting {
  readonly bench: Bench;
  readonly world: World;
  readonly upstream: Upstream;
  readonly size: HostileSize;
  /** Of this round alone. */
  readonly place: string;
}

async function measure({ bench, world, upstream, size, place }: Setting, one: Case): Promise<Figures> {
  const source = await startHostile(bench, one.kind, size, join(bench.directory, `source-${place}`));
  const registry = await createSyncedRegistry(bench, upstream, world, `ours-${place}`);
  await writeFile(join(registry.directory, 'registry.toml'), settingsFor(upstream, source.address));
  await registry.command('sync');
  const requests = chooseArchives(await registry.listed(world), 64).map(toRequest);
  const cached = requests.map(({ path }) => path);
  const server = await registry.serve('--quiet');
  const plan = { url: server.address, requests, connections, verifyEvery: 16 };
  try {
    await runLoad(bench, { ...plan, seconds: 'once', verifyEvery: 1 });
    const quiet = await runLoad(bench, { ...plan, seconds: bench.size.seconds });
    // What serving others takes is not the hostile source's.
    await sleep(bench.size.isSmoke ? 10 : 2000);
    const idle = residentMiB(server.pid);
    let busy = quiet;
    const peak = await peakDuring(server.pid, async () => {
      source.tell('now');
      // A fetch of what is large takes its time.
      const seconds = bench.size.seconds * (one.clients ? 1 : 3);
      const asking = askAsClients(server, one, one.clients?.(size, cached) ?? [], seconds);
      busy = await runLoad(bench, { ...plan, seconds });
      await asking;
      await expectKnown(bench, registry, server, one);
    });
    return {
      [memoryMetric]: peak - idle,
      [ratioMetric]: busy.p99Ms / quiet.p99Ms,
      'p99 ms': busy.p99Ms,
      'quiet p99 ms': quiet.p99Ms,
    };
  } finally {
    await server.stop();
    await source.stop();
  }
}

async function startHostile(bench: Bench, kind: HostileKind, size: HostileSize, directory: string) {
  await mkdir(directory, { recursive: true });
  const { command, args, env } = roleProcess({ role: 'hostile', settings: { directory, kind, size } });
  const server = await startServer(command, args, /hostile at (\S+)\n/, { env });
  bench.resources.add(() => server.stop());
  return server;
}

async function askAsClients(
  { address: url }: Server,
  one: Case,
  asked: readonly string[],
  seconds: number,
): Promise<void> {
  if (asked.length === 0) return;
  const settings: ClientsSettings = {
    url,
    paths: asked,
    seconds: one.statuses?.includes(200) ? 'until answered' : seconds,
  };
  const { command, args, env } = roleProcess({ role: 'clients', settings });
  const statuses: number[] = JSON.parse((await run(command, args, { env })).stdout);
  const wrong = statuses.filter((status) => !one.statuses?.includes(status));
  if (wrong.length > 0) throw new Error(`clients of ${one.name} got ${wrong.join(', ')}`);
}

/** What was measured is what was meant: the index that it turned to was read, and something was found. */
async function expectKnown(
  bench: Bench,
  registry: OurRegistry,
  server: Server,
  { kind, clients }: Case,
): Promise<void> {
  if (clients) return;
  for (let attempt = 0; attempt < 600; attempt++) {
    const { stdout } = await registry.command('status', '--json');
    const status = JSON.parse(stdout);
    const isFound = status.findings.some(({ source }: { source: string }) => source === 'evil');
    const isFailing = status.sources.some(
      ({ name, failure }: { name: string; failure?: string }) => name === 'evil' && failure !== undefined,
    );
    if (isFound || isFailing) return;
    await sleep(bench.size.isSmoke ? 100 : 500);
  }
  throw new Error(`the server at ${server.address} has not noticed ${kind}`);
}

function settingsFor(upstream: Pick<Upstream, 'url' | 'indexUrl'>, hostileUrl: string): string {
  const table = (name: string, priority: number, url: string, indexUrl: string) =>
    `[[sources]]\nname = "${name}"\ntype = "custom"\npriority = ${priority}\nurl = "${url}"\nindex_url = "${indexUrl}"\n`;
  return [
    '[server]\nrefresh_interval = "1s"\n',
    table('upstream', 10, upstream.url, upstream.indexUrl),
    table('evil', 90, hostileUrl, `${hostileUrl}/git/index`),
  ].join('\n');
}
