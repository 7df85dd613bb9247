import { setTimeout as sleep } from 'node:timers/promises';
import { runLoad } from '../support/load.ts';
import { nginxMissing, startFileServer } from '../support/nginx.ts';
import { run, type Server } from '../support/process.ts';
import { peakDuring, residentMiB } from '../support/processes.ts';
import { createSyncedRegistry, type OurRegistry } from '../support/registry.ts';
import type { Bench, Contender, Figures, Scenario } from '../support/scenario.ts';
import { startUpstream } from '../support/upstream.ts';
import { chooseArchives, toRequest } from './archives.ts';

export const start: Scenario = {
  name: 'start',
  title: 'start',
  async prepare(bench) {
    const small = await syncedRegistry(bench, bench.size.smallScale);
    const large = await syncedRegistry(bench, bench.size.largeScale);
    const atLarge = `serve at ${bench.size.largeScale} ×, to its first answer`;
    return {
      contenders: [
        { name: 'serve, to its first answer', round: () => timeServe(small) },
        { name: atLarge, round: () => timeServe(large) },
        {
          name: '--version',
          round: async () => inMilliseconds(await run(process.execPath, [bench.program, '--version'])),
        },
        {
          name: 'node -e 0',
          round: async () => inMilliseconds(await run(process.execPath, ['-e', '0'])),
        },
      ],
      bars: [
        { metric: 'ms', of: 'serve, to its first answer', atMost: 400 },
        { metric: 'ms', of: atLarge, atMost: 3000 },
        { metric: 'ms', of: '--version', against: 'node -e 0', isDifference: true, atMost: 60 },
        { metric: 'ms', of: 'serve, to its first answer', against: 'node -e 0' },
      ],
      notes: ['first answer: GET /git/index/info/refs, status 200'],
    };
  },
};

export const memory: Scenario = {
  name: 'memory',
  title: 'resident memory, helpers included',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    const registry = await createSyncedRegistry(bench, upstream, world);
    const chosen = chooseArchives(await registry.listed(world), bench.size.downloads);
    const requests = Array.from({ length: bench.size.downloads }, (_, k) => chosen[k % chosen.length])
      .filter((one) => one !== undefined)
      .map(toRequest);
    const large = await syncedRegistry(bench, bench.size.largeScale);
    const download = (url: string) =>
      runLoad(bench, {
        url,
        requests,
        connections: requests.length,
        seconds: 'once',
        verifyEvery: 1,
        isHeld: true,
      });
    const atLarge = `ours at ${bench.size.largeScale} ×`;
    return {
      contenders: [
        {
          name: 'ours',
          async round() {
            const server = await registry.serve('--quiet');
            const idle = await residentWhenIdle(bench, server);
            // The first time they come from the source; the second time from the store.
            await download(server.address);
            const peak = await peakDuring(server.pid, () => download(server.address));
            await server.stop();
            return { 'idle MiB': idle, 'downloads MiB': peak };
          },
        },
        { name: atLarge, round: () => measureLarge(bench, large) },
        await nginxMemory(bench, world.www, download),
      ],
      bars: [
        { metric: 'idle MiB', of: 'ours', atMost: 90 },
        { metric: 'downloads MiB', of: 'ours', atMost: 200 },
        { metric: 'peak MiB', of: atLarge, atMost: 600 },
      ],
      notes: [
        `downloads: ${requests.length} connections at once, read only when all have begun; highest of one look every 50 ms`,
        `at ${bench.size.largeScale} ×: serve, a cold shallow clone, a search and an explain; git's processes are counted too`,
      ],
    };
  },
};

async function nginxMemory(
  bench: Bench,
  www: string,
  download: (url: string) => Promise<unknown>,
): Promise<Contender> {
  const name = 'nginx static, 1 worker';
  const missing = nginxMissing();
  if (missing !== undefined) return { name, missing };
  return {
    name,
    async round() {
      const server = await startFileServer(bench, www);
      const idle = residentMiB(server.pid);
      const peak = await peakDuring(server.pid, () => download(server.address));
      await server.stop();
      return { 'idle MiB': idle, 'downloads MiB': peak };
    },
  };
}

async function measureLarge(bench: Bench, registry: OurRegistry): Promise<Figures> {
  const server = await registry.serve();
  const idle = await residentWhenIdle(bench, server);
  const module = 'moonbitlang/core';
  const peak = await peakDuring(server.pid, async () => {
    await run('git', ['ls-remote', `${server.address}/git/index`]);
    await run('sh', ['-c', `rm -rf cold && git clone -q --bare --depth 1 ${server.address}/git/index cold`], {
      cwd: registry.directory,
    });
    await expectOk(`${server.address}/api/v0/search?kw=json`);
    await fetch(`${server.address}/api/v0/explain/${module}`);
  });
  await server.stop();
  return { 'idle MiB': idle, 'peak MiB': peak };
}

/** After its first answers, when what starting left behind is gone. */
async function residentWhenIdle(bench: Bench, { address, pid }: Server): Promise<number> {
  await expectOk(`${address}/git/index/info/refs?service=git-upload-pack`);
  await expectOk(`${address}/health`);
  await sleep(bench.size.isSmoke ? 10 : 2000);
  return residentMiB(pid);
}

async function syncedRegistry(bench: Bench, scale: number): Promise<OurRegistry> {
  const world = await bench.worlds.scaled(scale);
  const upstream = await startUpstream(bench, world, `upstream-${scale}`);
  return createSyncedRegistry(bench, upstream, world, `ours-${scale}`);
}

async function timeServe(registry: OurRegistry): Promise<Figures> {
  const started = performance.now();
  const server = await registry.serve();
  await expectOk(`${server.address}/git/index/info/refs?service=git-upload-pack`);
  const ms = performance.now() - started;
  await server.stop();
  return { ms };
}

function inMilliseconds({ seconds }: { readonly seconds: number }): Figures {
  return { ms: seconds * 1000 };
}

async function expectOk(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
}
