import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPublications,
  letHost,
  type Publication,
  type PublishOne,
  publishOnOurs,
  publishOnVerdaccio,
  startVerdaccio,
  verdaccioMissing,
} from '../support/hosting.ts';
import { generatorNote, measureLoad, measureThroughput } from '../support/load.ts';
import type { Server } from '../support/process.ts';
import { createOurRegistry, createSyncedRegistry, serveKnows } from '../support/registry.ts';
import type { Bar, Bench, Contender, Scenario } from '../support/scenario.ts';
import { quantile } from '../support/statistics.ts';
import { startUpstream } from '../support/upstream.ts';
import { chooseArchives, toRequest } from './archives.ts';

const nowhere = { url: 'http://127.0.0.1:9', indexUrl: 'http://127.0.0.1:9/git/index' };
const tooOld = 'serve has no --record-publish yet';

export const hosting: Scenario = {
  name: 'hosting',
  title: 'published here, until it is durable',
  async prepare(bench) {
    const contenders: Contender[] = [];
    const bars: Bar[] = [];
    const ours = await serveHosting(bench);
    const missing = verdaccioMissing();
    const theirs = missing === undefined ? await startVerdaccio(bench) : undefined;
    for (const atOnce of [1, 8]) {
      const names = { ours: `ours, ${atOnce} at once`, theirs: `verdaccio, ${atOnce} at once` };
      contenders.push(
        ours === undefined
          ? { name: names.ours, missing: tooOld }
          : publishContender(bench, names.ours, ours.server, ours.publish, atOnce),
        theirs === undefined
          ? { name: names.theirs, missing }
          : publishContender(bench, names.theirs, theirs, publishOnVerdaccio(theirs.address), atOnce),
      );
      bars.push({ metric: 'requests/s', of: names.ours, against: names.theirs });
    }
    return {
      contenders,
      bars,
      notes: [
        'archives of 20 KB, versions of ten modules in turn, over HTTP; ours: form with a token, checked and unpacked, archive and commit synced to the disk before the answer; verdaccio: as npm sends it, no token, syncs nothing',
      ],
    };
  },
};

async function serveHosting(bench: Bench) {
  if (!(await serveKnows(bench, '--record-publish'))) return undefined;
  const registry = await createOurRegistry(bench, nowhere);
  await registry.command('source', 'disable', 'upstream');
  const token = await letHost(registry);
  const server = await registry.serve('--quiet');
  return { server, publish: publishOnOurs(server.address, token) };
}

function publishContender(
  bench: Bench,
  name: string,
  { pid }: Pick<Server, 'pid'>,
  publish: PublishOne,
  atOnce: number,
): Contender {
  const next = nextOf(name);
  const count = bench.size.isSmoke ? 16 : 200;
  return {
    name,
    async round() {
      const publications = Array.from({ length: count }, next);
      return measureLoad(pid, () => publishAll(publications, publish, atOnce));
    },
  };
}

/** Whoever publishes on the same registry goes on with the same versions. */
const counters = new Map<string, () => Publication>();

function nextOf(contender: string): () => Publication {
  const registry = contender.slice(0, contender.indexOf(','));
  const next = counters.get(registry) ?? createPublications(10);
  counters.set(registry, next);
  return next;
}

async function publishAll(publications: readonly Publication[], publish: PublishOne, atOnce: number) {
  const waiting = [...publications];
  const latencies: number[] = [];
  const started = performance.now();
  const publisher = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      const asked = performance.now();
      await publish(one);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, publisher));
  return {
    requests: publications.length,
    seconds: (performance.now() - started) / 1000,
    p99Ms: quantile(latencies, 0.99),
  };
}

export const visible: Scenario = {
  name: 'visible',
  title: 'published here → in the index that git is told of',
  async prepare(bench) {
    const { smallScale } = bench.size;
    const name = `ours at ${smallScale} ×`;
    if (!(await serveKnows(bench, '--record-publish')))
      return { contenders: [{ name, missing: tooOld }], bars: [] };
    const world = await bench.worlds.scaled(smallScale);
    const upstream = await startUpstream(bench, world);
    const registry = await createSyncedRegistry(bench, upstream, world);
    const token = await letHost(registry);
    const server = await registry.serve('--quiet');
    const publish = publishOnOurs(server.address, token);
    const next = createPublications(3);
    return {
      contenders: [
        {
          name,
          async round() {
            const publication = next();
            const before = await advertised(server.address);
            const started = performance.now();
            await publish(publication);
            while ((await advertised(server.address)) === before) await sleep(1);
            const seconds = (performance.now() - started) / 1000;
            const file = await registry.servedFile(`company/${publication.name}`);
            if (!file.includes(`"${publication.version}"`))
              throw new Error(`${publication.name}@${publication.version} is not served`);
            return { seconds };
          },
        },
      ],
      bars: [{ metric: 'seconds', of: name, atMost: 0.1 }],
      notes: ['from the beginning of the request to publish until /git/index/info/refs names another commit'],
    };
  },
};

/** What git is told that `main` is. */
async function advertised(address: string): Promise<string> {
  const answer = await fetch(`${address}/git/index/info/refs?service=git-upload-pack`);
  return /([0-9a-f]{40}) refs\/heads\/main/.exec(await answer.text())?.[1] ?? '';
}

const connections = 16;

export const tokens: Scenario = {
  name: 'tokens',
  title: 'the same, read with a token and by anybody',
  async prepare(bench) {
    const open = 'ours, read by anybody';
    const guarded = 'ours, read with a token';
    if (!(await serveKnows(bench, '--record-publish')))
      return { contenders: [open, guarded].map((name) => ({ name, missing: tooOld })), bars: [] };
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    const registry = await createSyncedRegistry(bench, upstream, world);
    const chosen = chooseArchives(await registry.listed(world), 256).map(toRequest);
    const server = await registry.serve('--quiet');
    const closed = await createSyncedRegistry(bench, upstream, world, 'closed');
    const token = await letHost(closed);
    await closed.command('config', 'access.read', 'token');
    const closedServer = await closed.serve('--quiet');
    const headers = { authorization: `Basic ${Buffer.from(`token:${token}`).toString('base64')}` };
    const withToken = chosen.map((request) => ({ ...request, headers }));
    return {
      contenders: [
        { name: open, round: () => measureThroughput(bench, server, chosen, connections) },
        { name: guarded, round: () => measureThroughput(bench, closedServer, withToken, connections) },
      ],
      bars: [{ metric: 'requests/s', of: guarded, against: open, atLeast: 0.95 }],
      notes: [`${connections} connections, ${chosen.length} cached archives`, generatorNote(bench)],
    };
  },
};
