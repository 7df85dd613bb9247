/** What happens upstream never makes what was served wrong, missing or different; and it costs next to nothing. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import { createManualClock } from '../../src/support/flow/monotonic-clock.fixture.ts';
import { runGit } from '../../src/support/git/git.ts';
import {
  createRegistry,
  download,
  type RegistrySettings,
  readServed,
  writeSettings,
} from '../support/registry-world.ts';
import { startUpstream } from '../support/worlds.ts';
import type { UpstreamRequest } from '../worlds/faults.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { fastDirectory } from './fast-directory.ts';

const root = fastDirectory();
const names = (count: number) => Array.from({ length: count }, (_, i) => `alice/m${i}@1.0.0`);

/** A registry that has been in sync with its sources, whose clock stands still and whose retries do not wait. */
async function createWorld(
  sources: RegistrySettings['sources'],
  http: { readonly firstByteMs?: number; readonly gitIdleMs?: number } = {},
  settings: Partial<RegistrySettings> = {},
) {
  const clock = createManualClock();
  const { gitIdleMs, ...timeouts } = http;
  const connections = {
    clock,
    http: { timeouts, retry: { sleep: async () => {} } },
    gitTimeouts: gitIdleMs === undefined ? {} : { idleMs: gitIdleMs },
  };
  const directory = join(root, randomUUID());
  const registry = await createRegistry({ sources, connections, directory, ...settings });
  await registry.sync();
  for (const { upstream } of sources) (upstream as UpstreamRegistry).resetCounts();
  return { clock, registry, connections, served: await readServed(registry) };
}

const isPost = ({ method }: UpstreamRequest) => method === 'POST';

async function downloadAll(registry: Registry, ids: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const id of ids) answers.push(await download(registry, id));
  return answers;
}

function outcomes(report: SyncReport): Record<string, string> {
  return Object.fromEntries(report.sources.map(({ source, outcome }) => [source, outcome]));
}

async function rewind(upstream: UpstreamRegistry, commit: string | undefined): Promise<void> {
  await runGit(['update-ref', 'refs/heads/main', commit ?? ''], { gitDir: upstream.index.repository });
}

describe('a source that is down', () => {
  test('is asked by five calls, then by nobody; when it is back, one question brings it back', async () => {
    const upstream = await startUpstream(names(12));
    const { registry, clock, served } = await createWorld([{ name: 'main', upstream }]);
    upstream.faults.down = true;
    const answers = await downloadAll(registry, names(10));
    expect(new Set(answers)).toEqual(new Set(['unavailable: connection']));
    expect(upstream.count()).toBe(5 * 4); // each call tries four times
    const report = await registry.sync();
    expect(report.sources).toMatchObject([
      { outcome: 'stale', detail: expect.stringMatching(/^it is not asked for another \d+ s: http/) },
    ]);
    expect(upstream.count()).toBe(5 * 4);
    expect(await readServed(registry)).toEqual(served);
    await clock.advance(30_000);
    upstream.faults.down = false;
    upstream.resetCounts();
    expect(await downloadAll(registry, Object.keys(served))).toEqual(Object.values(served));
    expect(upstream.count()).toBe(12);
  });

  test('costs nothing where another source has the same bytes', async () => {
    const ids = names(20);
    const [upstream, twin] = [await startUpstream(ids), await startUpstream(ids)];
    const { registry, served } = await createWorld([
      { name: 'main', upstream, priority: 10 },
      { name: 'twin', upstream: twin, priority: 20 },
    ]);
    upstream.faults.status = 502;
    expect((await downloadAll(registry, ids)).sort()).toEqual(Object.values(served).sort());
    expect([upstream.count(), twin.count()]).toEqual([5 * 4, 20]);
  });
});

describe('a black hole', () => {
  test('costs its time-out once, then nothing, whoever asks', async () => {
    const upstream = await startUpstream(names(20));
    const { registry, clock, served } = await createWorld([{ name: 'main', upstream }], { firstByteMs: 300 });
    upstream.faults.blackHole = true;
    for (let round = 0; round < 3; round++) {
      expect(outcomes(await registry.sync())).toEqual({ main: 'stale' });
      const answers = await downloadAll(registry, names(20));
      expect(new Set(answers)).toEqual(new Set(['unavailable: timeout']));
    }
    expect(upstream.count()).toBe(1);
    expect(await readServed(registry)).toEqual(served);
    await clock.advance(30_000);
    await Promise.all(names(20).map((id) => download(registry, id)));
    expect(upstream.count()).toBe(2);
    await clock.advance(60_000);
    upstream.clearFaults();
    expect(outcomes(await registry.sync())).toEqual({ main: 'unchanged' });
  });

  test('that opens only after the index was announced costs its time-out once, too', async () => {
    const upstream = await startUpstream(names(2));
    const { registry, served } = await createWorld([{ name: 'main', upstream }], { gitIdleMs: 1000 });
    await upstream.publish('alice/new@1.0.0');
    Object.assign(upstream.faults, { blackHole: true, only: isPost });
    for (let round = 0; round < 3; round++)
      expect((await registry.sync()).sources).toMatchObject([
        { outcome: 'stale', detail: expect.stringMatching(/the git repository .* cannot be read/) },
      ]);
    expect(await downloadAll(registry, names(2))).toEqual(['unavailable: timeout', 'unavailable: timeout']);
    expect(upstream.count(isPost)).toBe(1);
    expect(await readServed(registry)).toEqual(served);
  });

  test('does not keep back what the other sources bring', async () => {
    const [upstream, silent] = [await startUpstream(names(1)), await startUpstream(['bob/x@1.0.0'])];
    const { registry, clock, served } = await createWorld([
      { name: 'main', upstream },
      { name: 'silent', upstream: silent },
    ]);
    await upstream.publish('alice/new@1.0.0');
    await silent.publish('bob/new@1.0.0');
    silent.faults.blackHole = true;
    const syncing = registry.sync();
    await expect.poll(() => silent.count()).toBe(1);
    await clock.advance(15_000);
    await expect
      .poll(async () => Object.keys(await readServed(registry)), { timeout: 20_000 })
      .toEqual(['alice/m0@1.0.0', 'alice/new@1.0.0', 'bob/x@1.0.0']);
    silent.clearFaults();
    await silent.stopListening();
    const report = await syncing;
    expect(outcomes(report)).toEqual({ main: 'fresh', silent: 'stale' });
    expect(report.changes).toMatchObject([{ kind: 'added', module: 'alice/new' }]);
    await silent.listenAgain();
    expect(outcomes(await registry.sync())).toEqual({ main: 'unchanged', silent: 'fresh' });
    expect(await readServed(registry)).toMatchObject(served);
  });

  test('what a slow source has is applied when it comes', async () => {
    const [upstream, slow] = [await startUpstream(names(1)), await startUpstream(['bob/x@1.0.0'])];
    const { registry, clock } = await createWorld([
      { name: 'main', upstream },
      { name: 'slow', upstream: slow },
    ]);
    await upstream.publish('alice/new@1.0.0');
    await slow.publish('bob/new@1.0.0');
    // The first request is lost with its connection, which is cut when the others' news are out; the retry is answered.
    Object.assign(slow.faults, { blackHole: true, times: 1 });
    const syncing = registry.sync();
    await expect.poll(() => slow.count()).toBe(1);
    await clock.advance(15_000);
    await expect
      .poll(async () => Object.keys(await readServed(registry)), { timeout: 20_000 })
      .toContain('alice/new@1.0.0');
    await slow.stopListening();
    await slow.listenAgain();
    const report = await syncing;
    expect(report.changes.map(({ module }) => module)).toEqual(['alice/new', 'bob/new']);
    expect(outcomes(report)).toEqual({ main: 'fresh', slow: 'fresh' });
  });
});

describe('a source that asks for fewer requests', () => {
  test('with 429 and Retry-After gets none before then', async () => {
    const upstream = await startUpstream(names(30));
    const { registry, clock, served } = await createWorld([{ name: 'main', upstream }]);
    Object.assign(upstream.faults, { status: 429, retryAfter: '120' });
    for (let round = 0; round < 3; round++) {
      await registry.sync();
      await Promise.all(names(30).map((id) => download(registry, id)));
    }
    expect(upstream.count()).toBe(1);
    expect((await registry.staleSources())[0]?.failure).toMatch(/HTTP 429/);
    await clock.advance(120_000);
    upstream.clearFaults();
    expect(await downloadAll(registry, names(30))).toHaveLength(30);
    expect(await downloadAll(registry, Object.keys(served))).toEqual(Object.values(served));
    expect(upstream.count()).toBe(1 + 30);
  });

  test('for a moment has its archives fetched after that moment', async () => {
    const upstream = await startUpstream(names(8));
    const { registry, clock } = await createWorld([{ name: 'main', upstream }]);
    Object.assign(upstream.faults, { only: 'archives', status: 429, retryAfter: '20', times: 1 });
    const mirroring = registry.mirror({ patterns: ['*'], jobs: 1 });
    // Once an archive was asked for, the sync before it sleeps no more.
    await expect.poll(() => upstream.count('/user/'), { timeout: 20_000 }).toBe(1);
    await expect.poll(() => clock.sleeping, { timeout: 20_000 }).toBe(1);
    await clock.advance(19_000);
    expect(upstream.count('/user/')).toBe(1);
    await clock.advance(2_000);
    expect((await mirroring).failed).toEqual([]);
    expect(upstream.count('/user/')).toBe(9);
  });

  test('by the operator gets no more than so many a second', async () => {
    const upstream = await startUpstream(names(12));
    const source = { name: 'main', upstream, lines: 'max_requests_per_second = 5' };
    const { registry, clock } = await createWorld([source]);
    await clock.advance(10_000);
    let isDone = false;
    let turns = 5;
    const mirroring = registry.mirror({ patterns: ['*'], jobs: 1 }).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      expect(upstream.count()).toBeLessThanOrEqual(turns);
      if (clock.sleeping > 0 && upstream.count() === turns) {
        turns += 1;
        await clock.advance(200);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await mirroring).failed).toEqual([]);
    expect([upstream.count(), turns]).toEqual([13, 13]);
  });
});

describe('a storm', () => {
  test('of 503 is met with next to no requests, and heals', async () => {
    const ids = names(60);
    const upstream = await startUpstream(ids);
    const { registry, clock, served } = await createWorld([{ name: 'main', upstream }]);
    Object.assign(upstream.faults, { only: 'archives', status: 503 });
    const report = await registry.mirror({ patterns: ['*'], jobs: 4 });
    expect(report.failed).toHaveLength(60);
    // Five calls open the breaker; up to three more were under way; each tries four times.
    expect(upstream.count('/user/')).toBeLessThanOrEqual(8 * 4);
    upstream.clearFaults();
    await clock.advance(30_000);
    expect((await registry.mirror({ patterns: ['*'] })).failed).toEqual([]);
    expect(await downloadAll(registry, Object.keys(served))).toEqual(Object.values(served));
  });

  test('of 404 reaches the source once for each thing, until the next sync or change of sources', async () => {
    const upstream = await startUpstream(names(3));
    const sources = [{ name: 'main', upstream }];
    const { registry, clock } = await createWorld(sources);
    for (const id of names(3)) upstream.withdrawArchive(id);
    const storm = async () => {
      upstream.resetCounts();
      for (let round = 0; round < 20; round++)
        expect(await downloadAll(registry, names(3))).toEqual(['absent', 'absent', 'absent']);
      return upstream.count('/user/');
    };
    expect(await storm()).toBe(3 * 2); // both forms of the address
    expect(await storm()).toBe(0);
    await clock.advance(45_001);
    expect(await storm()).toBe(3 * 2);
    await registry.sync();
    expect(await storm()).toBe(3 * 2);
    await writeSettings(registry.config.directory, {
      sources: [{ ...sources[0], name: 'main', upstream, priority: 7 }],
    });
    await registry.reload();
    expect(await storm()).toBe(3 * 2);
  });

  test('of connections that break now and then is ridden out', async () => {
    const upstream = await startUpstream(names(30));
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    let turn = 0;
    Object.assign(upstream.faults, { down: true, only: () => turn++ % 3 !== 2 });
    expect(await downloadAll(registry, Object.keys(served))).toEqual(Object.values(served));
    expect(upstream.count()).toBe(90);
  });
});

describe('an index that goes back in history', () => {
  test('is held at the last good one, told of, and forgotten when it is over', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const old = upstream.index.commit;
    await upstream.publish('alice/json@1.1.0');
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    const good = upstream.index.commit;
    for (let round = 0; round < 3; round++) {
      await rewind(upstream, old);
      const report = await registry.sync();
      expect(report.sources).toMatchObject([
        {
          outcome: 'held',
          commit: good,
          heldCommit: old,
          detail: expect.stringMatching(/went back in history/),
        },
      ]);
      expect((await registry.status()).sources).toMatchObject([
        { isHeld: true, isStale: true, failure: expect.stringMatching(/went back/) },
      ]);
      expect(await readServed(registry)).toEqual(served);
      await rewind(upstream, good);
      expect(outcomes(await registry.sync())).toEqual({ main: 'unchanged' });
      expect((await registry.status()).sources).toMatchObject([{ isHeld: false, isStale: false }]);
    }
  });

  test('is believed when it says so twice in a row, also to another process', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const old = upstream.index.commit;
    await upstream.publish('alice/json@1.1.0');
    const { registry } = await createWorld([{ name: 'main', upstream }]);
    await rewind(upstream, old);
    await registry.sync({ dryRun: true });
    expect(outcomes(await registry.sync())).toEqual({ main: 'held' });
    await registry.close();
    const again = await createRegistry({
      sources: [{ name: 'main', upstream }],
      directory: registry.config.directory,
    });
    expect(outcomes(await again.sync())).toEqual({ main: 'fresh' });
    expect(Object.keys(await readServed(again))).toEqual(['alice/json@1.0.0']);
  });

  test('is held also where the note of the last reading was lost', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    const old = upstream.index.commit;
    await upstream.publish('alice/json@1.1.0');
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    await rewind(upstream, old);
    for (let round = 0; round < 2; round++) {
      expect(outcomes(await registry.sync())).toEqual({ main: 'held' });
      await rm(join(registry.config.registry.dataDir, 'observations.json'));
    }
    expect(await readServed(registry)).toEqual(served);
  });
});

describe('an index that loses modules', () => {
  test('is held, and what comes back is as if nothing had been', async () => {
    const upstream = await startUpstream(names(8));
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    const good = upstream.index.commit;
    for (const name of ['m1', 'm2', 'm3', 'm4']) await upstream.removeIndexFile(`user/alice/${name}.index`);
    const report = await registry.sync();
    expect(report.sources[0]?.detail).toBe(
      'its index no longer lists 4 modules that it listed before (alice/m1, alice/m2, alice/m3 and 1 more); ' +
        'held back until it is read like this once more',
    );
    expect(report.changes).toEqual([]);
    expect(await readServed(registry)).toEqual(served);
    await rewind(upstream, good);
    expect((await registry.sync()).changes).toEqual([]);
    expect(await downloadAll(registry, Object.keys(served))).toEqual(Object.values(served));
  });

  test('is believed the second time although it has moved on meanwhile, but not for what it lost since', async () => {
    const upstream = await startUpstream(names(3));
    const { registry } = await createWorld([{ name: 'main', upstream }]);
    await upstream.removeIndexFile('user/alice/m1.index');
    expect(outcomes(await registry.sync())).toEqual({ main: 'held' });
    await upstream.removeIndexFile('user/alice/m2.index');
    expect(outcomes(await registry.sync())).toEqual({ main: 'held' });
    await upstream.publish('alice/new@1.0.0');
    expect(outcomes(await registry.sync())).toEqual({ main: 'fresh' });
    expect(Object.keys(await readServed(registry))).toEqual(['alice/m0@1.0.0', 'alice/new@1.0.0']);
  });

  test('takes no time to think about versions that go from within a module', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0', 'alice/json@1.1.0']);
    const { registry } = await createWorld([{ name: 'main', upstream }]);
    const [, second = ''] = upstream.index.read('user/alice/json.index')?.toString().split('\n') ?? [];
    await upstream.writeIndexFile('user/alice/json.index', `${second}\n`);
    expect(outcomes(await registry.sync())).toEqual({ main: 'fresh' });
    expect(Object.keys(await readServed(registry))).toEqual(['alice/json@1.1.0']);
  });

  test('a reading that fails in between decides nothing', async () => {
    const upstream = await startUpstream(names(2));
    const { registry, served } = await createWorld([{ name: 'main', upstream }]);
    await upstream.removeIndexFile('user/alice/m1.index');
    expect(outcomes(await registry.sync())).toEqual({ main: 'held' });
    upstream.faults.status = 500;
    expect(outcomes(await registry.sync())).toEqual({ main: 'stale' });
    expect(await readServed(registry)).toEqual(served);
    upstream.clearFaults();
    expect(outcomes(await registry.sync())).toEqual({ main: 'fresh' });
  });
});

describe('a clock that jumps', () => {
  test('changes nothing that is served, and nothing that waits', async () => {
    const upstream = await startUpstream(['alice/json@1.0.0']);
    let date = new Date('2026-03-01T12:00:00Z');
    const { registry, served } = await createWorld([{ name: 'main', upstream }], {}, { now: () => date });
    const jumps = ['2038-01-19T03:14:08Z', '1999-12-31T23:59:59Z', '2026-03-01T12:00:01Z'];
    for (const [position, jump] of jumps.entries()) {
      date = new Date(jump);
      await upstream.publish(`alice/new${position}@1.0.0`);
      expect(outcomes(await registry.sync())).toEqual({ main: 'fresh' });
      expect((await registry.status()).sources).toMatchObject([
        { isStale: false, readAt: date.toISOString() },
      ]);
    }
    expect(await readServed(registry)).toMatchObject(served);
    expect(Object.keys(await readServed(registry))).toHaveLength(4);
    expect((await registry.sync()).changes).toEqual([]);
  });

  test('ends no pause early, and makes none longer', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const upstream = await startUpstream(names(3));
      const { registry, clock } = await createWorld([{ name: 'main', upstream }]);
      Object.assign(upstream.faults, { status: 429, retryAfter: '300' });
      await registry.sync();
      for (const jump of ['2099-01-01T00:00:00Z', '1999-01-01T00:00:00Z']) {
        vi.setSystemTime(new Date(jump));
        expect(outcomes(await registry.sync())).toEqual({ main: 'stale' });
      }
      expect(upstream.count()).toBe(1);
      upstream.clearFaults();
      await clock.advance(300_000);
      expect(outcomes(await registry.sync())).toEqual({ main: 'unchanged' });
    } finally {
      vi.useRealTimers();
    }
  });
});
