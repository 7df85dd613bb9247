/**
 * A day of a registry whose sources fail, lie, lose modules and go back in history, on a clock of its own. Real
 * upstreams, real git; `npm test` takes 48 steps of half an hour, `npm run test:faults` 288 of five minutes.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import type { MonotonicClock } from '../../src/support/flow/monotonic-clock.ts';
import { runGit } from '../../src/support/git/git.ts';
import { createRegistry, download, readServed } from '../support/registry-world.ts';
import { sha256 } from '../support/worlds.ts';
import { createRandom, type Random } from '../worlds/random.ts';
import { createDayOracle, type Served } from './day-oracle.ts';
import { createDayWorld, type DayWorld } from './day-world.ts';
import { fastDirectory } from './fast-directory.ts';

const seed = process.env.FAULTS_SEED ?? '1';
const steps = process.env.FAULTS === 'all' ? 288 : 48;
const stepMs = (24 * 3_600_000) / steps;
/** The first steps fill caches, connection pools and compiled code. */
const warmUpSteps = 12;
const root = fastDirectory();

/** Pauses are over at once, and their time has passed; nobody gives up on what is still going on. */
function createDayClock(random: Random) {
  let now = 0;
  const clock: MonotonicClock = {
    now: () => now,
    random: random.next,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        // Slow downloads are another test's: what watches their pace waits for so long, and without end.
        const watchesPace = [2_000, 3_000, 5_000].includes(ms);
        if (ms >= 15_000 || watchesPace) {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
          return;
        }
        now += ms;
        resolve();
      }),
  };
  return {
    ...clock,
    advance(ms: number) {
      now += ms;
    },
  };
}

async function openDay() {
  const directory = join(root, randomUUID());
  const world = await createDayWorld(join(directory, 'upstreams'), createRandom('events', seed));
  const clock = createDayClock(createRandom('clock', seed));
  const startedAt = Date.UTC(2026, 5, 1);
  const registry = await createRegistry({
    directory: join(directory, 'registry'),
    sources: world.sources,
    now: () => new Date(startedAt + clock.now()),
    connections: { clock, http: { retry: { sleep: async () => {} } } },
  });
  return { world, clock, registry, data: join(directory, 'registry', 'data'), directory };
}

interface Downloads {
  delivered: number;
  failed: number;
}

/** Downloads ids of `served`; each gives its pinned bytes or an honest failure. */
async function downloadSome(
  registry: Registry,
  served: Served,
  random: Random,
  count: number,
  downloads: Downloads,
): Promise<string[]> {
  const ids = Object.keys(served);
  const chosen = Array.from(
    { length: Math.min(count, ids.length) },
    () => ids[random.below(ids.length)] ?? '',
  );
  const problems = await Promise.all(
    chosen.map(async (id) => {
      const answer = await download(registry, id);
      if (answer === served[id]) downloads.delivered++;
      else downloads.failed++;
      const isHonest = answer === served[id] || answer.startsWith('unavailable: ');
      return isHonest || (await hasLeft(registry, id)) ? [] : [`${id} was delivered as ${answer}`];
    }),
  );
  return problems.flat();
}

async function hasLeft(registry: Registry, id: string): Promise<boolean> {
  return (await readServed(registry))[id] === undefined;
}

/** As the commit point has them: module → origin. */
async function readOrigins(registry: Registry): Promise<Map<string, string>> {
  const args = ['ls-tree', '-r', '--name-only', 'refs/registry/state', 'ledger/'];
  const listing = (await runGit(args, { gitDir: registry.indexDirectory })).toString();
  return new Map(
    listing.split('\n').flatMap((path) => {
      const [, origin, module] = /^ledger\/([^/]+)\/user\/(.+)\.index$/.exec(path) ?? [];
      return origin === undefined || module === undefined ? [] : [[module, origin] as const];
    }),
  );
}

interface Footprint {
  readonly descriptors: number;
  /** Open files below the test's own folder; the audit file is open while something is written there, after a download too. */
  readonly files: number;
  readonly heapBytes: number;
}

async function measure(directory: string): Promise<Footprint> {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const targets = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return {
    descriptors: targets.filter((target) => target !== '').length,
    files: targets.filter((target) => target.startsWith(directory) && basename(target) !== 'audit.jsonl')
      .length,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

/** Checksums of the archives that are here. */
async function listCached(data: string): Promise<Set<string>> {
  const names = await readdir(join(data, 'packages'), { recursive: true });
  return new Set(names.flatMap((name) => /([0-9a-f]{64})\.zip$/.exec(name)?.[1] ?? []));
}

/** Stored archives that are not what their names say, and whatever else is in the store. */
async function findUnverified(data: string): Promise<string[]> {
  const entries = await readdir(join(data, 'packages'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const wrong = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const checksum = sha256(await readFile(join(parentPath, name)));
      return name === `${checksum}.zip` && basename(parentPath) === checksum.slice(0, 2) ? [] : [name];
    }),
  );
  return wrong.flat();
}

async function findTemporary(data: string): Promise<string[]> {
  const names = await readdir(data, { recursive: true });
  return names.filter((name) => /\.tmp|\.lock$|tmp_|incomplete|^locks\/.|^sources\/[^/]+\/./.test(name));
}

function countRequests({ sources }: DayWorld): number {
  let requests = 0;
  for (const { upstream } of sources) {
    requests += upstream.count();
    upstream.resetCounts();
  }
  return requests;
}

test('a day of trouble changes no pin, loses nothing, stores nothing unverified and leaves nothing behind', {
  timeout: 600_000,
}, async () => {
  const { world, clock, registry, data, directory } = await openDay();
  const random = createRandom('clients', seed);
  const oracle = createDayOracle(world.sources);
  const downloads: Downloads = { delivered: 0, failed: 0 };
  let served: Served = {};
  let requests = 0;
  let footprint: Footprint | undefined;

  async function step(name: string): Promise<void> {
    clock.advance(stepMs);
    const before = await listCached(data);
    const downloading = downloadSome(registry, served, random, 3, downloads);
    const [report, early] = await Promise.all([registry.sync(), downloading]);
    served = await readServed(registry);
    const problems = [
      ...early,
      ...oracle.judge(report, served, await readOrigins(registry), { before, after: await listCached(data) }),
      ...(await downloadSome(registry, served, random, 3, downloads)),
    ];
    requests += countRequests(world);
    expect(problems, `FAULTS_SEED=${seed}, ${name}`).toEqual([]);
  }

  await step('before anything happened');
  for (let number = 1; number <= steps; number++) {
    for (let events = random.below(4); events > 0; events--) await world.happen();
    await step(`step ${number}`);
    if (number === warmUpSteps) footprint = await measure(directory);
  }
  await world.endFaults();
  await step('when all faults have ended');
  const after = await measure(directory);
  await world.restore(oracle.pins);
  for (const round of [1, 2]) await step(`restored, ${round}`);

  const why = `FAULTS_SEED=${seed}`;
  for (const [id, checksum] of Object.entries(served))
    expect(await download(registry, id), why).toBe(checksum);
  const conflicts = await registry.conflicts();
  expect(
    conflicts.filter(({ kind }) => kind !== 'origin-conflict'),
    why,
  ).toEqual([]);
  expect(await findUnverified(data), why).toEqual([]);
  expect(await findTemporary(data), why).toEqual([]);
  const verified = await registry.verify({ deep: true });
  expect(
    verified.filter(({ outcome }) => outcome !== 'sound'),
    why,
  ).toEqual([]);
  const figures = { seed, steps, events: world.events, requests, downloads, ...oracle.counts };
  console.info(JSON.stringify({ ...figures, pins: oracle.pins.size, footprint, after }));
  expect(downloads.delivered, why).toBeGreaterThan(downloads.failed);
  expect(after.files, why).toBe(footprint?.files);
  expect(after.descriptors, why).toBeLessThanOrEqual((footprint?.descriptors ?? 0) + 16);
  expect(after.heapBytes, why).toBeLessThanOrEqual((footprint?.heapBytes ?? 0) + 8 * 1024 * 1024);
});
