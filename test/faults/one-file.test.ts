/** Trouble with one file is not trouble with the source, nor is trouble with one source trouble with the others. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import { startServer } from '../../src/server/listen.ts';
import { createManualClock } from '../../src/support/flow/monotonic-clock.fixture.ts';
import { silentLog } from '../../src/support/log.ts';
import { createRegistry, download, moduleName, readServed, version } from '../support/registry-world.ts';
import { startUpstream } from '../support/worlds.ts';
import type { UpstreamRequest } from '../worlds/faults.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { fastDirectory } from './fast-directory.ts';

const root = fastDirectory();
const names = (count: number, owner = 'alice') =>
  Array.from({ length: count }, (_, i) => `${owner}/m${i}@1.0.0`);
const atOnce = { http: { retry: { sleep: async () => {} } } };

async function createWorld(
  sources: Parameters<typeof createRegistry>[0]['sources'],
  clock = createManualClock(),
) {
  const connections = { ...atOnce, clock };
  const registry = await createRegistry({ sources, connections, directory: join(root, randomUUID()) });
  await registry.sync();
  for (const { upstream } of sources) (upstream as Partial<UpstreamRegistry>).resetCounts?.();
  return { registry, clock, served: await readServed(registry) };
}

async function serve(registry: Registry): Promise<{ readonly url: string; readonly indexUrl: string }> {
  const { url, close } = await startServer(registry, { host: '127.0.0.1', port: 0, log: silentLog });
  onTestFinished(() => close(0));
  return { url, indexUrl: `${url}/git/index` };
}

async function downloadAll(registry: Registry, ids: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const id of ids) answers.push(await download(registry, id));
  return answers;
}

const isOfFirst = ({ url }: UpstreamRequest) => url.includes('m0');

describe('one archive that answers 503 and wants a pause', () => {
  test('is left alone, and the others come as before', async () => {
    const upstream = await startUpstream(names(12));
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    Object.assign(upstream.faults, { status: 503, retryAfter: '300', only: isOfFirst });
    const [first = '', ...others] = names(12);
    for (const id of others) {
      expect(await download(registry, first)).toBe('unavailable: server-error');
      expect(await download(registry, id)).toBe(served[id]);
    }
    expect(upstream.count(isOfFirst)).toBe(1);
    expect(registry.sourcesLeftAlone()).toEqual([]);
  });

  test('is so through two registries, too', async () => {
    const upstream = await startUpstream(names(8));
    const near = await createWorld([{ name: 'main', upstream }]);
    const far = await createWorld([{ name: 'near', upstream: await serve(near.registry) }]);
    Object.assign(upstream.faults, { status: 503, retryAfter: '300', only: isOfFirst });
    const [first = '', ...others] = names(8);
    for (const id of others) {
      expect(await download(far.registry, first)).toMatch(/^unavailable/);
      expect(await download(far.registry, id)).toBe(far.served[id]);
    }
    expect(upstream.count(isOfFirst)).toBe(1);
    for (const { registry } of [near, far]) expect(registry.sourcesLeftAlone()).toEqual([]);
  });
});

describe('assets of a source that limits them', () => {
  test('keep no archive from anybody', async () => {
    const upstream = await startUpstream(names(3));
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    const isAsset = ({ url }: UpstreamRequest) => /\/(?:prebuild|assets)\//.test(url);
    Object.assign(upstream.faults, { status: 429, retryAfter: '300', only: isAsset });
    const asked = Array.from({ length: 80 }, (_, i) => registry.openAsset(`alice/m0@1.0.0/tool${i}.wasm`));
    expect(await downloadAll(registry, names(3))).toEqual(Object.values(served));
    expect(new Set((await Promise.all(asked)).map(({ kind }) => kind))).toEqual(new Set(['unavailable']));
    expect(upstream.count(isAsset)).toBeLessThanOrEqual(4);
    expect(registry.sourcesLeftAlone()).toEqual([]);
  });
});

describe('a flood of assets', () => {
  test('gets a quarter of the requests that the operator allows, and an archive comes at once', async () => {
    const upstream = await startUpstream(names(3));
    const source = { name: 'main', upstream, lines: 'max_requests_per_second = 8' };
    const { registry, served, clock } = await createWorld([source]);
    await clock.advance(10_000);
    const asked = Array.from({ length: 80 }, (_, i) => registry.openAsset(`alice/m0@1.0.0/tool${i}.wasm`));
    const refused = Promise.allSettled(asked);
    expect(await downloadAll(registry, names(3))).toEqual(Object.values(served));
    // Two at once, and two more each second; real requests are on their way while the clock stands still.
    for (let seconds = 0; seconds < 5; seconds++) {
      expect(upstream.count('/tool')).toBeLessThanOrEqual(2 + 2 * seconds);
      await clock.advance(1000);
    }
    await expect.poll(() => upstream.count('/tool')).toBeGreaterThanOrEqual(8);
    await registry.close();
    await refused;
  });
});

describe('a source that hangs', () => {
  test('gets no more requests and connections than it may, and delays no archive of another', async () => {
    const [hanging, other] = [await startUpstream(names(600, 'bob')), await startUpstream(names(3))];
    const { registry, served } = await createWorld([
      { name: 'hanging', upstream: hanging, priority: 90 },
      { name: 'other', upstream: other, priority: 10 },
    ]);
    hanging.faults.blackHole = true;
    const asked = names(600, 'bob').map((id) => {
      const [module = '', at = ''] = id.split('@');
      return registry.openArchive(moduleName(module), version(at));
    });
    const refused = new Set<string>();
    for (const one of asked)
      void one.then(
        (outcome) => outcome.kind === 'unavailable' && refused.add(outcome.cause.reason),
        () => {},
      );
    expect(await downloadAll(registry, names(3))).toEqual(names(3).map((id) => served[id]));
    const patient = { timeout: 20_000 };
    await expect.poll(() => hanging.count('/user/'), patient).toBe(32);
    await expect.poll(() => [...refused], patient).toEqual(['overloaded']);
    expect(hanging.count('/user/')).toBe(32);
    const { cause } = (await asked.at(-1)) as unknown as { cause: object };
    expect(cause).toMatchObject({ reason: 'overloaded', retryAfterMs: 5000 });
  });

  test('delays no archive of another while both are mirrored', async () => {
    const other = await startUpstream(names(30));
    const hanging = await startUpstream();
    await hanging.publishMany(
      Array.from({ length: 60 }, (_, i) => ({
        module: `bob/m${i}`,
        version: '1.0.0',
        deps: { [`alice/m${i % 30}`]: '1.0.0' },
      })),
    );
    const { registry } = await createWorld([
      { name: 'hanging', upstream: hanging, priority: 10 },
      { name: 'other', upstream: other, priority: 90 },
    ]);
    Object.assign(hanging.faults, { blackHole: true, only: 'archives' });
    const stopping = new AbortController();
    const mirroring = registry.mirror({ patterns: ['bob/*'], jobs: 2, signal: stopping.signal });
    const ended = mirroring.catch((error: unknown) => error);
    await expect.poll(() => other.count('/user/')).toBe(30);
    expect(hanging.count('/user/')).toBe(2);
    stopping.abort(new Error('enough'));
    expect(await ended).toMatchObject({ message: 'enough' });
  });
});
