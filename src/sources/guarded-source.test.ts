import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../config/config.ts';
import { defaultSourceLimits } from '../config/normalise.ts';
import { absent, found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { createManualClock, settled } from '../support/flow/monotonic-clock.fixture.ts';
import { guardSource } from './guarded-source.ts';
import type { OpenedBody, Source } from './source.ts';

const module = 'alice/json' as ModuleName;
const version = '1.0.0' as Version;
const nth = (i: number) => `alice/m${i}` as ModuleName;
const snapshot = found({ commit: 'c'.repeat(40), tree: 'd'.repeat(40) });

const failures = {
  connection: { reason: 'connection', detail: 'the connection was refused' },
  tls: { reason: 'tls', detail: 'the certificate has expired' },
  serverError: { reason: 'server-error', detail: 'HTTP 503', status: 503 },
  timeout: { reason: 'timeout', detail: 'no connection within the time allowed' },
  requestTimeout: { reason: 'timeout', detail: 'HTTP 408', status: 408 },
  unauthorized: { reason: 'unauthorized', detail: 'HTTP 401', status: 401 },
  badAnswer: { reason: 'bad-answer', detail: 'a web page instead of a file', status: 200 },
} satisfies Record<string, SourceFailure>;

function file(): Lookup<OpenedBody> {
  const body = Readable.from([Buffer.from('zip')]);
  return found({ body, sizeBytes: 3, etag: undefined, url: 'http://127.0.0.1:9/a.zip' });
}

/** A guarded source whose next answer is whatever `world.answer` gives. */
function createWorld(settings: Partial<SourceConfig> = {}) {
  const config = {
    name: 'partner',
    enabled: true,
    downloadUrl: 'http://127.0.0.1:9',
    allowedRedirects: [],
    maxConcurrency: 32,
    limits: defaultSourceLimits(),
    ...settings,
  } as SourceConfig;
  const clock = createManualClock();
  const calls: string[] = [];
  const world = {
    clock,
    calls,
    answer: (_call: string): Promise<Lookup<never>> | Lookup<unknown> => found(undefined),
  };
  const ask = async <T>(call: string) => {
    calls.push(call);
    return (await world.answer(call)) as Lookup<T>;
  };
  const inner: Source = {
    config,
    readSnapshot: () => ask('index'),
    openArchive: (name) => ask(`archive of ${name}`),
    openSymbols: () => ask('symbols'),
    openAsset: (path) => ask(`asset ${path}`),
    probe: () => ask('probe'),
    close: async () => {},
  };
  return Object.assign(world, { source: guardSource(inner, clock) });
}

describe('a source that fails', () => {
  test.each([['connection'], ['tls'], ['serverError']] as const)(
    'with %s is left alone after five times, and says until when',
    async (kind) => {
      const { source, calls, clock } = createWorldThatAnswers(unavailable(failures[kind]));
      for (let i = 0; i < 5; i++) await source.openArchive(nth(i), version);
      await clock.advance(10_000);
      expect(await source.openArchive(module, version)).toEqual(
        unavailable({
          ...failures[kind],
          detail: `it is not asked for another 20 s: ${failures[kind].detail}`,
          retryAfterMs: 20_000,
        }),
      );
      expect(await source.readSnapshot(undefined)).toMatchObject({ kind: 'unavailable' });
      expect(await source.openSymbols(undefined)).toMatchObject({ kind: 'unavailable' });
      expect(await source.openAsset('a/b@1.0.0/c.wasm')).toMatchObject({ kind: 'unavailable' });
      expect(calls).toHaveLength(5);
    },
  );

  test('by silence is left alone after one time', async () => {
    const { source, calls } = createWorldThatAnswers(unavailable(failures.timeout));
    await source.readSnapshot(undefined);
    await source.readSnapshot(undefined);
    expect(calls).toEqual(['index']);
  });

  test('by silence about its symbols goes on being asked for archives', async () => {
    const world = createWorld();
    world.answer = (call) => (call === 'symbols' ? unavailable(failures.timeout) : file());
    for (let i = 0; i < 3; i++) await world.source.openSymbols(undefined);
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
    expect(world.calls).toEqual(['symbols', 'archive of alice/json']);
  });

  test.each([
    ['requestTimeout', unavailable(failures.requestTimeout)],
    ['unauthorized', unavailable(failures.unauthorized)],
    ['badAnswer', unavailable(failures.badAnswer)],
    ['absent', absent('HTTP 404')],
  ])('with an answer (%s) is asked for ever', async (_, answer) => {
    const { source, calls } = createWorldThatAnswers(answer);
    for (let i = 0; i < 20; i++) await source.openArchive(nth(i), version);
    expect(calls).toHaveLength(20);
  });

  test('and recovers is asked again after one question', async () => {
    const world = createWorldThatAnswers(unavailable(failures.connection));
    const { source, clock, calls } = world;
    for (let i = 0; i < 5; i++) await source.readSnapshot(undefined);
    await clock.advance(30_000);
    world.answer = () => absent('HTTP 404');
    calls.length = 0;
    expect((await source.openArchive(module, version)).kind).toBe('absent');
    world.answer = () => snapshot;
    expect(await source.readSnapshot(undefined)).toEqual(snapshot);
    expect(calls).toHaveLength(2);
  });

  test('gets one question at a time until it has answered one', async () => {
    const world = createWorldThatAnswers(unavailable(failures.timeout));
    const { source, clock, calls } = world;
    await source.readSnapshot(undefined);
    await clock.advance(30_000);
    calls.length = 0;
    world.answer = () => new Promise(() => {});
    const asked = Array.from({ length: 50 }, (_, i) => source.openArchive(nth(i), version));
    await settled();
    expect(calls).toHaveLength(1);
    const kinds = await Promise.all(asked.slice(1).map(async (one) => (await one).kind));
    expect(new Set(kinds)).toEqual(new Set(['unavailable']));
  });

  test('is not held against it when the caller went away or our own disk failed', async () => {
    const world = createWorldThatAnswers(snapshot);
    world.answer = () => Promise.reject(new Error('no space left'));
    for (let i = 0; i < 10; i++) await expect(world.source.readSnapshot(undefined)).rejects.toThrow('space');
    expect(world.calls).toHaveLength(10);
  });

  test('is probed all the same, and an answer brings it back', async () => {
    const world = createWorldThatAnswers(unavailable(failures.timeout));
    await world.source.readSnapshot(undefined);
    await world.source.probe();
    world.answer = () => snapshot;
    await world.source.probe();
    expect(await world.source.readSnapshot(undefined)).toEqual(snapshot);
    expect(world.calls).toEqual(['index', 'probe', 'probe', 'index']);
  });
});

describe('a source that asks for a pause', () => {
  const paused = (retryAfterMs?: number) =>
    unavailable<never>({ reason: 'rate-limited', detail: 'HTTP 429', status: 429, retryAfterMs });

  test('is asked nothing, not even by a probe, until it is over', async () => {
    const { source, clock, calls } = createWorldThatAnswers(paused(120_000));
    await source.readSnapshot(undefined);
    await clock.advance(59_000);
    for (const refused of [await source.openArchive(module, version), await source.probe()])
      expect(refused).toMatchObject({ cause: { reason: 'rate-limited', retryAfterMs: 61_000 } });
    expect(calls).toHaveLength(1);
    await clock.advance(61_000);
    await source.readSnapshot(undefined);
    expect(calls).toHaveLength(2);
  });

  test('of a day gets ten minutes', async () => {
    const { source, clock, calls } = createWorldThatAnswers(paused(86_400_000));
    await source.readSnapshot(undefined);
    await clock.advance(594_999);
    await source.readSnapshot(undefined);
    expect(calls).toHaveLength(1);
    await clock.advance(5_001);
    await source.readSnapshot(undefined);
    expect(calls).toHaveLength(2);
  });

  test('of seconds makes downloads wait, and then go on', async () => {
    const world = createWorldThatAnswers(paused(20_000));
    const first = world.source.openArchive(module, version);
    await settled();
    world.answer = () => file();
    const others = Array.from({ length: 5 }, (_, i) => world.source.openArchive(nth(i), version));
    await world.clock.advance(19_999);
    expect(world.calls).toHaveLength(1);
    await world.clock.advance(1);
    const kinds = (await Promise.all([first, ...others])).map(({ kind }) => kind);
    expect(kinds).toEqual(Array(6).fill('found'));
  });

  test('again and again is told to the caller in the end', async () => {
    const { source, clock, calls } = createWorldThatAnswers(paused());
    const download = source.openArchive(module, version);
    await clock.advance(60_000);
    expect(await download).toMatchObject({ cause: { reason: 'rate-limited' } });
    expect(calls).toHaveLength(4);
  });

  test('does not hold a sync up for long', async () => {
    const { source, calls } = createWorldThatAnswers(paused(20_000));
    expect(await source.readSnapshot(undefined)).toMatchObject({ cause: { reason: 'rate-limited' } });
    expect(calls).toHaveLength(1);
  });

  test('with a 503 of its index gets it as well', async () => {
    const answer = unavailable({ ...failures.serverError, retryAfterMs: 300_000 });
    const { source, calls } = createWorldThatAnswers(answer);
    await source.readSnapshot(undefined);
    await source.openArchive(module, version);
    expect(calls).toEqual(['index']);
  });
});

describe('trouble with one file', () => {
  const failing = (cause: SourceFailure) => (call: string) =>
    call === `archive of ${module}` ? unavailable(cause) : file();
  const kinds = async (world: ReturnType<typeof createWorld>, count: number) => {
    const opened: string[] = [];
    for (let i = 0; i < count; i++) {
      const one = await world.source.openArchive(nth(i), version);
      if (one.kind === 'found') one.value.body.destroy();
      opened.push(one.kind);
    }
    return opened;
  };

  test('with a 503 and Retry-After leaves that file alone for as long, and no other', async () => {
    const world = createWorld();
    world.answer = failing({ ...failures.serverError, retryAfterMs: 300_000 });
    for (let i = 0; i < 50; i++) {
      const refused = await world.source.openArchive(module, version);
      expect(refused).toMatchObject({ cause: { reason: 'server-error', retryAfterMs: 300_000 } });
    }
    expect(world.calls).toHaveLength(1);
    expect(await kinds(world, 10)).toEqual(Array(10).fill('found'));
    expect(world.source.refusal()).toBeUndefined();
    await world.clock.advance(300_000);
    world.answer = () => file();
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
  });

  test('that wants a day gets ten minutes', async () => {
    const world = createWorld();
    world.answer = failing({ ...failures.serverError, retryAfterMs: 86_400_000 });
    await world.source.openArchive(module, version);
    await world.clock.advance(600_000);
    await world.source.openArchive(module, version);
    expect(world.calls).toHaveLength(2);
  });

  test('again and again leaves that file alone, however often it is asked for', async () => {
    const world = createWorld();
    world.answer = failing(failures.serverError);
    for (let i = 0; i < 50; i++) await world.source.openArchive(module, version);
    expect(world.calls).toHaveLength(5);
    expect(await kinds(world, 10)).toEqual(Array(10).fill('found'));
  });

  test('that is silent while others are answered leaves that file alone', async () => {
    const world = createWorld();
    let fallSilent = (_: Lookup<never>) => {};
    world.answer = (call) =>
      call === `archive of ${module}`
        ? new Promise<Lookup<never>>((resolve) => {
            fallSilent = resolve;
          })
        : file();
    const silent = world.source.openArchive(module, version);
    expect(await kinds(world, 1)).toEqual(['found']);
    fallSilent(unavailable(failures.timeout));
    expect((await silent).kind).toBe('unavailable');
    expect(world.source.refusal()).toBeUndefined();
    expect(await kinds(world, 10)).toEqual(Array(10).fill('found'));
    world.calls.length = 0;
    await world.source.openArchive(module, version);
    expect(world.calls).toEqual([]);
  });

  test.each([['timeout'], ['serverError'], ['connection']] as const)(
    'with %s never takes the place of the question that brings the source back',
    async (kind) => {
      const world = createWorldThatAnswers(unavailable(failures[kind]));
      await world.source.openArchive(module, version);
      for (let i = 0; i < 5; i++) await world.source.openArchive(nth(i), version);
      expect(world.source.refusal()).toBeDefined();
      world.answer = failing(failures[kind]);
      await world.clock.advance(30_000);
      await world.source.openArchive(module, version);
      expect(await kinds(world, 3)).toEqual(['found', 'found', 'found']);
    },
  );

  test('of five different ones in a row is trouble with the source, of four is not', async () => {
    const world = createWorldThatAnswers(unavailable(failures.serverError));
    for (let round = 0; round < 3; round++) expect(await kinds(world, 4)).toHaveLength(4);
    expect(world.source.refusal()).toBeUndefined();
    await world.source.openArchive(nth(4), version);
    expect(world.source.refusal()?.detail).toMatch(/HTTP 503/);
    expect((await world.source.readSnapshot(undefined)).kind).toBe('unavailable');
  });

  test('that wants a pause, five times in a row of different ones, gives the source that pause and no longer', async () => {
    const world = createWorldThatAnswers(unavailable({ ...failures.serverError, retryAfterMs: 120_000 }));
    await kinds(world, 8);
    expect(world.calls).toHaveLength(5);
    expect(world.source.refusal()?.detail).toMatch(/another 120 s/);
    await world.clock.advance(120_000);
    expect(world.source.refusal()).toBeUndefined();
    world.answer = () => file();
    expect(await kinds(world, 2)).toEqual(['found', 'found']);
  });

  test('with a success in between is counted anew', async () => {
    const world = createWorld();
    for (let i = 0; i < 20; i++) {
      world.answer = () => unavailable(failures.serverError);
      for (const n of [0, 1, 2, 3]) await world.source.openArchive(nth(i * 4 + n), version);
      world.answer = () => file();
      expect((await world.source.openArchive(module, version)).kind).toBe('found');
    }
    expect(world.source.refusal()).toBeUndefined();
  });

  test('is forgotten for the oldest when there are too many to remember', async () => {
    const world = createWorld();
    let turn = 0;
    world.answer = () =>
      turn++ % 2 === 0 ? unavailable({ ...failures.serverError, retryAfterMs: 1e6 }) : file();
    for (let i = 0; i < 1001; i++) {
      await world.source.openArchive(nth(i), version);
      await kinds(world, 0);
      const answered = await world.source.openArchive(`bob/m${i}` as ModuleName, version);
      if (answered.kind === 'found') answered.value.body.destroy();
    }
    world.calls.length = 0;
    for (const i of [0, 1000]) await world.source.openArchive(nth(i), version);
    expect(world.calls).toEqual(['archive of alice/m0']);
  });
});

describe('assets', () => {
  const pausing = (call: string) =>
    call.startsWith('asset')
      ? unavailable<never>({ reason: 'rate-limited', detail: 'HTTP 429', status: 429, retryAfterMs: 300_000 })
      : file();

  test('that the source limits keep no archive from anybody', async () => {
    const world = createWorld();
    world.answer = pausing;
    const asked = Array.from({ length: 80 }, (_, i) => world.source.openAsset(`a/b@1.0.0/m${i}.wasm`));
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
    expect(new Set((await Promise.all(asked)).map(({ kind }) => kind))).toEqual(new Set(['unavailable']));
    expect(world.calls.filter((call) => call.startsWith('asset')).length).toBeLessThanOrEqual(4);
    expect(world.source.refusal()).toBeUndefined();
  });

  test('get four places of their own, and 32 wait; the others hear so at once', async () => {
    const world = createWorld({ maxConcurrency: 2 });
    world.answer = (call) => (call.startsWith('asset') ? new Promise(() => {}) : file());
    const asked = Array.from({ length: 80 }, (_, i) => world.source.openAsset(`a/b@1.0.0/m${i}.wasm`));
    expect(await Promise.all(asked.slice(36))).toEqual(
      Array(44).fill({
        kind: 'unavailable',
        cause: {
          reason: 'overloaded',
          detail: expect.stringContaining('32 requests wait'),
          retryAfterMs: 5000,
        },
      }),
    );
    expect(world.calls).toHaveLength(4);
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
    expect((await world.source.openSymbols(undefined)).kind).toBe('found');
  });

  test('are not asked of a source that is left alone for its archives', async () => {
    const world = createWorldThatAnswers(unavailable(failures.timeout));
    await world.source.openArchive(module, version);
    await world.source.openAsset('a/b@1.0.0/m.wasm');
    expect(world.calls).toEqual([`archive of ${module}`]);
  });
});

describe('what a source does not have', () => {
  test('is not asked for again for 45 seconds', async () => {
    const { source, clock, calls } = createWorldThatAnswers(absent('HTTP 404'));
    for (let i = 0; i < 100; i++) {
      expect(await source.openArchive(module, version)).toEqual(absent('HTTP 404'));
      await source.openAsset('a/b@1.0.0/c.wasm');
      await source.openSymbols(undefined);
    }
    expect(calls).toEqual(['archive of alice/json', 'asset a/b@1.0.0/c.wasm', 'symbols']);
    await clock.advance(45_001);
    await source.openArchive(module, version);
    expect(calls).toHaveLength(4);
  });

  test('is asked for again once the index has been read', async () => {
    const world = createWorldThatAnswers(absent('HTTP 404'));
    await world.source.openArchive(module, version);
    world.answer = () => snapshot;
    await world.source.readSnapshot(undefined);
    world.answer = () => file();
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
  });

  test('is asked for again once somebody else has read the index', async () => {
    const world = createWorldThatAnswers(absent('HTTP 404'));
    await world.source.openArchive(module, version);
    world.source.forgetAbsences();
    world.answer = () => file();
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
  });

  test('is never remembered from an outage, nor of a folder', async () => {
    const world = createWorldThatAnswers(unavailable(failures.serverError));
    await world.source.openArchive(module, version);
    world.answer = () => file();
    expect((await world.source.openArchive(module, version)).kind).toBe('found');
    const folder = createWorld({ downloadUrl: 'file:///srv/archives' });
    folder.answer = () => absent('no such file');
    await folder.source.openArchive(module, version);
    await folder.source.openArchive(module, version);
    expect(folder.calls).toHaveLength(2);
  });
});

describe('limits', () => {
  test('of those who wait turn the others away at once, also while a pause is sat out', async () => {
    const limits = { ...defaultSourceLimits(), waitingRequests: 3 };
    const world = createWorld({ maxConcurrency: 2, limits });
    world.answer = () => new Promise(() => {});
    const asked = Array.from({ length: 10 }, (_, i) => world.source.openArchive(nth(i), version));
    expect(await Promise.all(asked.slice(5))).toEqual(
      Array(5).fill(
        unavailable({
          reason: 'overloaded',
          detail: '3 requests wait for source "partner" already; limits.waiting_requests bounds them',
          retryAfterMs: 5000,
        }),
      ),
    );
    expect(world.calls).toHaveLength(2);
    const paused = createWorld({ limits });
    paused.answer = () =>
      unavailable({ reason: 'rate-limited', detail: 'HTTP 429', status: 429, retryAfterMs: 20_000 });
    for (let i = 0; i < 10; i++) void paused.source.openArchive(nth(i), version);
    await settled();
    expect(paused.clock.sleeping).toBe(3);
  });

  test('of archives do not keep its index from being read', async () => {
    const world = createWorld({ maxConcurrency: 1 });
    world.answer = (call) => (call === 'index' ? snapshot : new Promise(() => {}));
    for (let i = 0; i < 500; i++) void world.source.openArchive(nth(i), version);
    expect(await world.source.readSnapshot(undefined)).toEqual(snapshot);
  });

  test('a body counts until it is closed, whatever closed it', async () => {
    const world = createWorld({ maxConcurrency: 2 });
    world.answer = () => file();
    const opened = Array.from({ length: 4 }, (_, i) => world.source.openArchive(nth(i), version));
    const [first, second] = await Promise.all(opened.slice(0, 2));
    await settled();
    expect(world.calls).toHaveLength(2);
    for (const one of [first, second]) if (one?.kind === 'found') one.value.body.destroy();
    await Promise.all(opened);
    expect(world.calls).toHaveLength(4);
  });

  test('nobody queues for a source that is left alone', async () => {
    const world = createWorld({ maxConcurrency: 2 });
    world.answer = (call) => (call === 'symbols' ? new Promise(() => {}) : unavailable(failures.timeout));
    void world.source.openSymbols(undefined);
    await world.source.readSnapshot(undefined);
    await world.clock.advance(30_000);
    world.answer = () => new Promise(() => {});
    void world.source.openArchive(module, version);
    await settled();
    expect((await world.source.readSnapshot(undefined)).kind).toBe('unavailable');
    expect(world.calls).toEqual(['symbols', 'index', 'archive of alice/json']);
  });

  test('who waits for a place can leave, and leaves when the source is closed', async () => {
    const world = createWorld({ maxConcurrency: 1 });
    world.answer = () => new Promise(() => {});
    void world.source.openArchive(nth(0), version);
    const leaving = new AbortController();
    const left = world.source.openArchive(module, version, leaving.signal);
    const waiting = world.source.openArchive(module, version);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await world.source.close();
    await expect(waiting).rejects.toThrow('source "partner" was closed');
    await expect(world.source.readSnapshot(undefined)).rejects.toThrow('closed');
  });
});

function createWorldThatAnswers(answer: Lookup<unknown>) {
  const world = createWorld();
  world.answer = () => answer;
  return world;
}
