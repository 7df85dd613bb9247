/** Whatever kept a mirror from being complete, running it again completes it. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import type { MirrorReport } from '../../src/registry/mirror/mirror-report.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { createManualClock } from '../../src/support/flow/monotonic-clock.fixture.ts';
import { createRegistry, download, readServed, writeSettings } from '../support/registry-world.ts';
import { runCli } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import type { Faults, UpstreamRequest } from '../worlds/faults.ts';
import { createRandom } from '../worlds/random.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { fastDirectory } from './fast-directory.ts';

const mainFile = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
const seed = process.env.FAULTS_SEED ?? '1';
const root = fastDirectory();
const newDirectory = () => join(root, randomUUID());
const everything = { patterns: ['*'] };
const connections = { http: { retry: { sleep: async () => {} } } };

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `owner${i % 7}/module${Math.floor(i / 3)}@1.${i % 3}.0`);
}

const faultKinds: readonly [Partial<Faults>, ...Partial<Faults>[]] = [
  { status: 500 },
  { status: 404 },
  { down: true },
  { truncate: true },
  { wrongBytes: true },
  { html: true },
];

/** Requests for archives fail as `faultOf` says of their decoded targets. */
function breakArchives(
  { faults }: UpstreamRegistry,
  faultOf: (target: string) => Partial<Faults> | undefined,
): void {
  faults.only = ({ url }: UpstreamRequest) => {
    for (const name of ['status', 'down', 'truncate', 'wrongBytes', 'html'] as const) delete faults[name];
    const fault = url.startsWith('/user/') ? faultOf(decodeURIComponent(url)) : undefined;
    Object.assign(faults, fault);
    return fault !== undefined;
  };
}

async function expectComplete(registry: Registry, ids: readonly string[], why: string): Promise<void> {
  const served = await readServed(registry);
  expect(Object.keys(served).sort(), why).toEqual([...ids].sort());
  for (const [id, checksum] of Object.entries(served))
    expect(await download(registry, id), why).toBe(checksum);
  const steps = await registry.verify({ deep: true });
  expect(
    steps.filter(({ outcome }) => outcome !== 'sound'),
    why,
  ).toEqual([]);
}

function totals({ sources }: MirrorReport): { downloaded: number; present: number; failed: number } {
  const sum = (key: 'downloaded' | 'present' | 'failed') =>
    sources.reduce((total, source) => total + source[key], 0);
  return { downloaded: sum('downloaded'), present: sum('present'), failed: sum('failed') };
}

test('a re-run fetches what one archive in ten, broken in every way, kept from the first', async () => {
  const random = createRandom('broken', seed);
  const ids = idsOf(120);
  const upstream = await startUpstream(ids);
  const registry = await createRegistry({
    sources: [{ name: 'main', upstream }],
    connections,
    directory: newDirectory(),
  });
  const broken = new Map(
    ids.filter(() => random.chance(0.1)).map((id) => [targetOf(id), random.pick(faultKinds)]),
  );
  breakArchives(upstream, (target) => broken.get(target));
  const why = `FAULTS_SEED=${seed}: ${[...broken.keys()].join(' ')}`;
  const first = await registry.mirror(everything);
  expect(first.failed.map(({ module, version }) => targetOf(`${module}@${version}`)).sort(), why).toEqual(
    [...broken.keys()].sort(),
  );
  expect(totals(first), why).toEqual({
    downloaded: ids.length - broken.size,
    present: 0,
    failed: broken.size,
  });
  upstream.clearFaults();
  upstream.resetCounts();
  const second = await registry.mirror(everything);
  expect(totals(second), why).toEqual({
    downloaded: broken.size,
    present: ids.length - broken.size,
    failed: 0,
  });
  expect(upstream.count('/user/'), why).toBe(broken.size);
  await expectComplete(registry, ids, why);
});

test('re-runs get everything while one request in ten goes on failing', async () => {
  const random = createRandom('failing', seed);
  const ids = idsOf(300);
  const upstream = await startUpstream(ids);
  const clock = createManualClock();
  const registry = await createRegistry({
    sources: [{ name: 'main', upstream }],
    connections: { ...connections, clock },
    directory: newDirectory(),
  });
  let failures = 0;
  breakArchives(upstream, () => {
    if (!random.chance(0.1)) return undefined;
    failures++;
    return random.pick(faultKinds);
  });
  const why = () => `FAULTS_SEED=${seed}, ${failures} failures`;
  const failed: number[] = [];
  do {
    failed.push((await registry.mirror(everything)).failed.length);
    await clock.advance(10 * 60_000);
  } while (failed.at(-1) !== 0 && failed.length < 8);
  expect(failed.at(-1), why()).toBe(0);
  expect(failed[0], why()).toBeGreaterThan(0);
  upstream.clearFaults();
  await expectComplete(registry, ids, why());
});

test('a re-run completes a mirror that was killed at any archive', async () => {
  const random = createRandom('killed', seed);
  const ids = idsOf(60);
  const upstream = await startUpstream(ids);
  for (let round = 0; round < 3; round++) {
    const directory = newDirectory();
    await mkdir(directory);
    await writeSettings(directory, { sources: [{ name: 'main', upstream }], upstreamFallback: false });
    const at = random.below(ids.length);
    const why = `FAULTS_SEED=${seed}, round ${round}, killed at archive ${at}`;
    upstream.clearFaults();
    upstream.resetCounts();
    expect(await mirrorUntilKilled(directory, upstream, at), why).toBe('SIGKILL');
    upstream.clearFaults();
    const again = await runCli(['mirror', '*', '--json'], { cwd: directory });
    expect(again.code, `${why}\n${again.stderr}`).toBe(0);
    const { downloaded, present, failed } = totals(JSON.parse(again.stdout) as MirrorReport);
    expect([downloaded + present, failed], why).toEqual([ids.length, 0]);
    const registry = await createRegistry({
      sources: [{ name: 'main', upstream }],
      upstreamFallback: false,
      directory,
    });
    upstream.faults.down = true;
    await expectComplete(registry, ids, why);
    const names = await readdir(join(directory, 'data'), { recursive: true });
    expect(
      names.filter((name) => /\.tmp|\.lock$|tmp_/.test(name)),
      why,
    ).toEqual([]);
  }
});

/** Kills the command with all its threads at the instant in which its source hears of archive number `at`. */
async function mirrorUntilKilled(
  directory: string,
  upstream: UpstreamRegistry,
  at: number,
): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [mainFile, 'mirror', '*', '--jobs', '3'], {
    cwd: directory,
    stdio: 'ignore',
  });
  let archives = 0;
  upstream.faults.only = ({ url }: UpstreamRequest) => {
    if (url.startsWith('/user/') && archives++ === at) child.kill('SIGKILL');
    return false;
  };
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
}

test('after a week without one source, in which the others changed, one sync and one mirror bring it all', async () => {
  const random = createRandom('week', seed);
  const why = `FAULTS_SEED=${seed}`;
  const [main, partner, internal] = await Promise.all([
    startUpstream(['alice/json@1.0.0', 'alice/http@1.0.0']),
    startUpstream(['partner/kit@1.0.0', 'partner/old@1.0.0']),
    startUpstream(['company/tool@1.0.0']),
  ]);
  let now = Date.UTC(2026, 2, 1);
  const clock = createManualClock();
  const registry = await createRegistry({
    sources: [
      { name: 'main', upstream: main, priority: 10 },
      { name: 'partner', upstream: partner, priority: 50 },
      { name: 'internal', upstream: internal, priority: 90 },
    ],
    now: () => new Date(now),
    connections: { ...connections, clock },
    directory: newDirectory(),
  });
  await registry.mirror(everything);
  const before = await readServed(registry);
  const lastRead = new Date(now).toISOString();

  await main.stopListening();
  // While it is down, the name of one of its modules is published elsewhere, with other bytes.
  await internal.publish('alice/json@1.0.0', {
    archive: createModuleArchive({ module: 'alice/json', version: '1.0.0', files: { 'src/evil.mbt': '' } }),
  });
  const published: string[] = [];
  for (let half = 0; half < 7 * 2; half++) {
    now += 12 * 3_600_000;
    await clock.advance(12 * 3_600_000);
    const [source, owner] = random.chance(0.5) ? [partner, 'partner'] : [internal, 'company'];
    // New names wait for the one that is away; what is known goes on.
    const id = `${owner === 'partner' ? 'partner/kit' : 'company/tool'}@1.1.${half}`;
    await source.publish(id);
    published.push(id);
    if (half === 5) {
      await partner.removeIndexFile('user/partner/old.index');
      await registry.sync();
    }
    const report = await registry.sync();
    expect(report.sources[0], why).toMatchObject({ source: 'main', outcome: 'stale' });
    const served = await readServed(registry);
    for (const [id, checksum] of Object.entries(before))
      if (id !== 'partner/old@1.0.0') expect(served[id], `${why}, ${id}`).toBe(checksum);
    expect(served, why).toMatchObject(Object.fromEntries(published.map((id) => [id, expect.any(String)])));
    const stale = (await registry.staleSources()).filter(({ source: name }) => name === 'main');
    expect(stale, why).toMatchObject([{ readAt: lastRead, failure: expect.any(String) }]);
  }
  expect(await registry.conflicts(), why).toEqual([]);

  await main.publish('alice/json@1.1.0');
  await main.publish('alice/news@1.0.0');
  await main.listenAgain();
  await clock.advance(10 * 60_000);
  const report = await registry.mirror(everything);
  expect(
    report.refresh.map(({ outcome }) => outcome),
    why,
  ).toEqual(['fresh', 'unchanged', 'unchanged']);
  expect(report.failed, why).toEqual([]);
  for (const source of ['partner', 'internal'])
    expect((await registry.mirror({ ...everything, source })).failed, why).toEqual([]);
  expect(await registry.staleSources(), why).toEqual([]);
  for (const upstream of [main, partner, internal]) upstream.faults.down = true;
  const { 'partner/old@1.0.0': gone, ...kept } = before;
  expect(gone).toBeDefined();
  const ids = [...Object.keys(kept), ...published, 'alice/json@1.1.0', 'alice/news@1.0.0'];
  await expectComplete(registry, ids, why);
  expect(await readServed(registry), why).toMatchObject(kept);
});

function targetOf(id: string): string {
  return `/user/${id.replace('@', '/')}.zip`;
}
