import { startBare } from '../support/bare.ts';
import { generatorNote, type Measured, measureLoad, measureThroughput, runLoad } from '../support/load.ts';
import type { LoadRequest } from '../support/load-process.ts';
import { nginxMissing, startCachingProxy, startFileServer } from '../support/nginx.ts';
import type { Server } from '../support/process.ts';
import { createSyncedRegistry, serveKnows } from '../support/registry.ts';
import type { Bar, Bench, Contender, Figures, Prepared, Scenario } from '../support/scenario.ts';
import { shuffle, stratify } from '../support/statistics.ts';
import { startUpstream } from '../support/upstream.ts';
import { archiveFile, archivePath, type WorldArchive } from '../support/world.ts';

const connections = 16;
const hotArchives = 256;
const bareProxy = 'bare proxy in Node.js, keeps nothing';
const bareName = 'bare node:http, buffers in a map';

export const archive: Scenario = {
  name: 'archive',
  title: `cached archive, ${hotArchives} popular ones of all sizes`,
  prepare: (bench) => prepareCached(bench, hotArchives),
};

export const archiveAll: Scenario = {
  name: 'archive-all',
  title: 'cached archive, each of all versions as often as any other',
  prepare: (bench) => prepareCached(bench, Number.POSITIVE_INFINITY),
};

async function prepareCached(bench: Bench, count: number): Promise<Prepared> {
  const world = await bench.worlds.usual();
  const upstream = await startUpstream(bench, world);
  const registry = await createSyncedRegistry(bench, upstream, world);
  const chosen = chooseArchives(await registry.listed(world), count);
  if (count === Number.POSITIVE_INFINITY) await registry.command('mirror', '--full');
  const requests = chosen.map(toRequest);
  const contenders: Contender[] = [];
  const bars: Bar[] = [];
  for (const processes of [1, 2]) {
    const ours = `ours, ${processes} process${processes > 1 ? 'es' : ''}`;
    const theirs = `nginx static, ${processes} worker${processes > 1 ? 's' : ''}`;
    const options = processes === 1 ? [] : ['--workers', String(processes)];
    if (processes > 1 && !(await serveKnows(bench, '--workers')))
      contenders.push({ name: ours, missing: 'serve has no --workers yet' });
    else
      contenders.push(
        throughputContender(bench, ours, await registry.serve('--quiet', ...options), requests),
      );
    const missing = nginxMissing();
    if (missing !== undefined) contenders.push({ name: theirs, missing });
    else {
      const server = await startFileServer(bench, world.www, processes);
      contenders.push(throughputContender(bench, theirs, server, requests));
    }
    const pair = { of: ours, against: theirs };
    bars.push({ ...pair, metric: 'requests/s', atLeast: processes === 1 ? 0.4 : 0.75 });
    bars.push({ ...pair, metric: 'p99 ms', atMost: 3 });
  }
  const files = chosen.map((one) => [`GET ${archivePath(one)}`, archiveFile(world.www, one)] as const);
  const bare = await startBare(bench, { answers: Object.fromEntries(files) });
  contenders.push(throughputContender(bench, bareName, bare, requests));
  bars.push({ metric: 'requests/s', of: 'ours, 1 process', against: bareName });
  const logging = (await serveKnows(bench, '--access-log')) ? ['--access-log'] : [];
  const server = await registry.serve(...logging);
  contenders.push(throughputContender(bench, 'ours, 1 process, access log', server, requests));
  const bytes = chosen.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const mean = Math.round(bytes / chosen.length / 1024);
  return {
    contenders,
    bars,
    notes: [
      `${connections} connections, %2F addresses; ${chosen.length} archives, mean ${mean} KiB`,
      generatorNote(bench),
      'no access log on either side unless named; the log goes into a pipe that is read',
    ],
  };
}

function throughputContender(
  bench: Bench,
  name: string,
  server: Server,
  requests: readonly LoadRequest[],
): Contender {
  return { name, round: () => measureThroughput(bench, server, requests, connections) };
}

export const fetchThrough: Scenario = {
  name: 'fetch-through',
  title: 'uncached archive fetched through, each version once',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    const registry = await createSyncedRegistry(bench, upstream, world);
    const chosen = chooseArchives(await registry.listed(world), 6000).map(toRequest);
    // The source runs through all rounds, so whoever is started anew gets as many requests to warm up with: before some
    // thousands, V8 spends as much on compiling as it does on answering.
    const [warmUp, requests] = [chosen.slice(0, chosen.length / 2), chosen.slice(chosen.length / 2)];
    const source = { address: upstream.url };
    // All take from the same source, which reads from memory from now on.
    await once(bench, source, chosen);
    const bare = await startBare(bench, { answers: {}, source: upstream.url });
    await once(bench, bare, warmUp);
    const contenders: Contender[] = [
      {
        name: 'ours',
        async round() {
          await registry.forgetArchives();
          const server = await registry.serve('--quiet');
          await once(bench, server, warmUp);
          const figures = await once(bench, server, requests);
          await server.stop();
          return figures;
        },
      },
      { name: 'direct', round: () => once(bench, source, requests) },
      { name: bareProxy, round: () => once(bench, bare, requests) },
    ];
    const missing = nginxMissing();
    if (missing !== undefined) contenders.push({ name: 'nginx proxy_cache', missing });
    else
      contenders.push({
        name: 'nginx proxy_cache',
        async round() {
          const server = await startCachingProxy(bench, upstream.url);
          await once(bench, server, warmUp);
          const figures = await once(bench, server, requests);
          await server.stop();
          return figures;
        },
      });
    return {
      contenders,
      bars: [
        { metric: 'requests/s', of: 'ours', against: 'direct', atLeast: 0.7 },
        { metric: 'requests/s', of: 'ours', against: 'nginx proxy_cache' },
        { metric: 'requests/s', of: 'ours', against: bareProxy },
        { metric: 'requests/s', of: bareProxy, against: 'direct' },
      ],
      notes: [
        `${connections} connections; ${requests.length} archives, the cache empty before each round, but for ${warmUp.length} others to warm up with`,
        'load: our own generator, which verifies every answer byte for byte; nginx verifies nothing and does not fsync; the source is a Node.js process',
      ],
    };
  },
};

function once(
  bench: Bench,
  { address: url, pid }: Measured,
  requests: readonly LoadRequest[],
): Promise<Figures> {
  return measureLoad(pid, () =>
    runLoad(bench, { url, requests, connections, seconds: 'once', verifyEvery: 1 }),
  );
}

/** So many that have the sizes of all, in no order. */
export function chooseArchives(archives: readonly WorldArchive[], count: number): WorldArchive[] {
  return shuffle(stratify(archives, count, ({ sizeBytes }) => sizeBytes));
}

export function toRequest(one: WorldArchive): LoadRequest {
  return { method: 'GET', path: archivePath(one), sizeBytes: one.sizeBytes, checksum: one.checksum };
}
