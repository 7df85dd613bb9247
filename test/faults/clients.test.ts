/** What clients do, by fault or on purpose, harms nobody else: it is refused, logged, and costs a bounded amount. */
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { git } from '../support/git-client.ts';
import {
  type ClientWorld,
  canCountResources,
  countResources,
  createClientWorld,
  descriptorLimit,
  exchange,
  get,
  largeArchive,
  packets,
  post,
  type RawClient,
  sendBytes,
  statusesOf,
} from './client-world.ts';
import { fastDirectory } from './fast-directory.ts';
import { ids, refusals, version2 } from './refusals.ts';

const root = fastDirectory();
const megabyte = 1024 * 1024;
const untilClosed = { timeout: 30_000, interval: 20 };

describe('requests that nobody should send', () => {
  test('are refused, logged with an id, and disturb nobody', async () => {
    const { server, log, askHealthily } = await createClientWorld(root);
    for (const [name, [bytes, ...answers]] of Object.entries(refusals)) {
      log.length = 0;
      const received = await exchange(server.port, bytes);
      const [status = 'closed'] = statusesOf(received);
      expect(answers, `${name}: ${received.slice(0, 300)}`).toContain(status);
      await vi.waitFor(() => expect(log, name).not.toEqual([]));
      const line = log.find(({ fields }) => fields?.id !== undefined);
      expect(line, name).toMatchObject({ fields: { status: expect.any(Number) } });
      if (status !== 'closed') expect(received, name).toContain(`X-Request-Id: ${line?.fields?.id}`);
      expect(
        log.filter(({ level }) => level === 'error'),
        name,
      ).toEqual([]);
    }
    await askHealthily();
  });

  test('get no file outside the archives, and nothing of the repository', async () => {
    const { server, registry } = await createClientWorld(root);
    const head = (await git(['--git-dir', registry.indexDirectory, 'rev-parse', 'HEAD'])).trim();
    const paths = [
      'config',
      'HEAD',
      'packed-refs',
      'refs/registry/state',
      'refs/heads/main',
      'objects/info/packs',
    ];
    paths.push(
      `objects/${head.slice(0, 2)}/${head.slice(2)}`,
      'info/../config',
      'hooks/post-update',
      'logs/HEAD',
    );
    const inRepository = paths.flatMap((path) => [
      `/git/index/${path}`,
      `/git/index//${path}`,
      `/git/index/%2e/${path}`,
      `/git/index.git/${path}`,
      `/git/index/${encodeURIComponent(path)}`,
      `/git/index/.git/${path}`,
      `/git/${path}`,
    ]);
    const files = ['registry.toml', 'data/audit.jsonl', 'data/index/config', 'etc/passwd'];
    const ups = [
      '../',
      '..%2f',
      '%2e%2e/',
      '%2e%2e%2f',
      '..%252f',
      '..\\',
      '%5c..%5c',
      '%c0%ae%c0%ae/',
      './/../',
    ];
    const roots = [
      '/',
      '/user/',
      '/user/alice/json/',
      '/assets/',
      '/assets/a/b@1.0.0/',
      '/prebuild/',
      '/api/v0/',
      '/git/index/',
    ];
    const outside = roots.flatMap((base) =>
      ups.flatMap((up) =>
        files.flatMap((file) => [`${base}${up.repeat(4)}${file}`, `${base}${up}${file}.zip`]),
      ),
    );
    const targets = [
      ...inRepository,
      ...outside,
      'file:///etc/passwd',
      '//etc/passwd',
      '/?file=/etc/passwd#x',
    ];
    const requests = targets.map((target) => get(target));
    for (const [position, request] of requests.entries()) {
      const received = await exchange(server.port, request);
      const [status = 0] = statusesOf(received);
      const isFrontPage = received.includes('"description":"A MoonBit registry');
      expect(isFrontPage || (status >= 400 && status < 500), `${targets[position]}: ${received}`).toBe(true);
      expect(received, targets[position]).not.toMatch(/root:|\[core\]|\[\[sources\]\]|ref: refs|"actor"/);
    }
  });

  test('cannot put lines into an answer or the log', async () => {
    const { server, log } = await createClientWorld(root);
    const injection = '%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a';
    const targets = [
      `/user/${injection}/json/1.0.0.zip`,
      `/user/alice/json/${injection}.zip`,
      `/assets/${injection}`,
      `/api/v0/manifest/${injection}`,
      `/api/v0/user/${injection}`,
      `/api/v0/search?kw=${injection}`,
      `/git/index/${injection}`,
      `/${injection}`,
    ];
    for (const target of targets) {
      const received = await exchange(
        server.port,
        get(target, `Connection: close\r\nRange: bytes=${injection}\r\n`),
      );
      expect(received.slice(0, received.indexOf('\r\n\r\n')), target).not.toMatch(/Set-Cookie/i);
    }
    expect(log.every(({ fields }) => !/[\r\n]/.test(String(fields?.target ?? '')))).toBe(true);
  });

  test('in the absolute form, with an expectation, or several at once are answered as HTTP says', async () => {
    const { server, registry } = await createClientWorld(root);
    const commit = await registry.servedCommit();
    expect(statusesOf(await exchange(server.port, get('http://localhost:1/health')))).toEqual([200]);
    expect(statusesOf(await exchange(server.port, get('http://evil.example/health')))).toEqual([421]);
    const list = post(packets('command=ls-refs', '|', '.'), [version2, 'Expect: 100-continue']);
    const listed = await exchange(server.port, list);
    expect(statusesOf(listed)).toEqual([100, 200]);
    expect(listed).toContain(`${commit} refs/heads/main`);
    expect(
      statusesOf(await exchange(server.port, get('/health', 'Expect: magic\r\nConnection: close\r\n'))),
    ).toEqual([200]);
    const several = get('/health', '').repeat(20) + get('/nothing');
    expect(statusesOf(await exchange(server.port, several))).toEqual([...Array(20).fill(200), 404]);
    const pushing = `${get('/health', '')}${'GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello'}${get('/nothing')}`;
    expect(statusesOf(await exchange(server.port, pushing))).toEqual([200, 200, 404]);
  });

  test('behind good ones end the connection, and get nothing into the good answers', async () => {
    const { server, log } = await createClientWorld(root);
    const received = await exchange(server.port, `${get(largeArchive, '')}garbage\r\n\r\n`);
    expect(received).not.toContain('could not be read');
    await vi.waitFor(() =>
      expect(log).toContainEqual(expect.objectContaining({ message: 'unreadable request' })),
    );
  });

  test('by the thousand on one connection end it', async () => {
    const { server, log, askHealthily } = await createClientWorld(root);
    await exchange(server.port, get(largeArchive, '').repeat(20_000));
    expect(log).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'connection ended: too many requests at once' }),
    );
    expect(log.filter(({ message }) => message === 'request').length).toBeLessThanOrEqual(100);
    await askHealthily();
  });
});

describe('slow clients', () => {
  const limits = { headersMs: 300, requestMs: 600, keepAliveMs: 300, stalledMs: 500 };

  test('are hung up on, whether they dawdle over the head, the body or the next request', async () => {
    const { server, log, askHealthily } = await createClientWorld(root, { limits });
    const slow: RawClient[] = await Promise.all([
      ...Array.from({ length: 50 }, () => sendBytes(server.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-')),
      ...Array.from({ length: 50 }, () => sendBytes(server.port, post(Buffer.alloc(900)).subarray(0, -100))),
      sendBytes(server.port, ''),
      sendBytes(server.port, get('/health', '')),
    ]);
    const drip = setInterval(() => {
      for (const { socket } of slow.slice(0, 100)) socket.write('a');
    }, 20);
    try {
      await askHealthily();
      await Promise.all(slow.map(({ closed }) => closed));
    } finally {
      clearInterval(drip);
    }
    expect(statusesOf(slow[0]?.received() ?? '')).toEqual([408]);
    expect(statusesOf(slow[101]?.received() ?? '')).toEqual([200]);
    const refused = log.filter(({ fields }) => fields?.reason === 'ERR_HTTP_REQUEST_TIMEOUT');
    expect(refused.length).toBeGreaterThanOrEqual(100);
    expect(refused[0]).toMatchObject({ level: 'info', fields: { id: expect.any(String), status: 408 } });
  });

  test('that take nothing of an answer are hung up on', async () => {
    const { server, log } = await createClientWorld(root, { limits });
    const deaf = await sendBytes(server.port, get(largeArchive, ''), { isDeaf: true });
    await vi.waitFor(() => expect(log.some(({ fields }) => fields?.status === 499)).toBe(true), untilClosed);
    deaf.socket.destroy();
  });
});

describe.skipIf(!canCountResources)('clients that leave', () => {
  /** Nothing is left of them: no file (but answers that are kept), socket, or process. */
  async function expectNothingLeft(
    { askHealthily, server }: ClientWorld,
    misbehave: () => Promise<void>,
    keptAnswers = 0,
  ) {
    await askHealthily();
    await delay(50);
    const before = countResources();
    await misbehave();
    await vi.waitFor(() => {
      const after = countResources();
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
      expect(after.answers).toBeLessThanOrEqual(before.answers + keptAnswers);
      expect(after.children).toBeLessThanOrEqual(before.children);
      expect(server.stats().git).toMatchObject({ running: 0, waiting: 0 });
    }, untilClosed);
    await askHealthily();
  }

  test('in the midst of downloads, queued ones too, leave no open file behind', async () => {
    const world = await createClientWorld(root);
    await expectNothingLeft(world, async () => {
      for (let round = 0; round < 10; round++) {
        const clients = await Promise.all(
          Array.from({ length: 10 }, () => sendBytes(world.server.port, get(largeArchive, '').repeat(4))),
        );
        await vi.waitFor(
          () => expect(clients.every((client) => client.received() !== '')).toBe(true),
          untilClosed,
        );
        for (const { socket } of clients) socket.resetAndDestroy();
      }
    });
    expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test.each([
    { kind: 'that is kept on the disk', gitSpoolBytes: 1 << 30, keptAnswers: 10 },
    { kind: 'for which the disk has no room', gitSpoolBytes: 1, keptAnswers: 0 },
  ])('before or within a clone $kind leave no git behind', async ({ gitSpoolBytes, keptAnswers }) => {
    const limits = { gitProcesses: 2, gitAnswerBytes: 0, gitSpoolBytes };
    const world = await createClientWorld(root, { limits });
    const commit = await world.registry.servedCommit();
    const clone = (depth: number) =>
      post(packets('command=fetch', '|', `want ${commit}`, `deepen ${depth}`, 'done', '.'), [version2]);
    const leaveTenTimes = async () => {
      for (let round = 1; round <= 10; round++) {
        const depth = (i: number) => (keptAnswers > 0 ? round : round * 10 + i);
        const clients = await Promise.all(
          Array.from({ length: 8 }, (_, i) => sendBytes(world.server.port, clone(depth(i)))),
        );
        for (const [position, { socket }] of clients.entries())
          if (position % 2 === 0) socket.resetAndDestroy();
          else socket.end();
      }
    };
    await expectNothingLeft(world, leaveTenTimes, keptAnswers);
  });

  test('in the midst of a body, plain or gzip, are no failure of ours', async () => {
    const world = await createClientWorld(root);
    const plain = post(Buffer.alloc(500_000)).subarray(0, -1000);
    const packed = post(gzipSync(Buffer.alloc(500_000)), ['Content-Encoding: gzip']).subarray(0, -20);
    await expectNothingLeft(world, async () => {
      const clients = await Promise.all(
        Array.from({ length: 100 }, (_, i) => sendBytes(world.server.port, i % 2 === 0 ? plain : packed)),
      );
      for (const [position, { socket }] of clients.entries())
        if (position % 4 < 2) socket.resetAndDestroy();
        else socket.end();
    });
    await vi.waitFor(() =>
      expect(world.log.filter(({ message }) => message === 'request').length).toBeGreaterThan(99),
    );
    expect(world.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });
});

describe('many connections', () => {
  // A fifth of them, and of what they find room for, in the sample that `npm test` runs.
  const most = process.env.FAULTS === 'all' ? 10_000 : 2_000;

  test('10,000 idle ones keep out nobody, and cost little', async () => {
    // Each idle client is a file here, and those that the server keeps are another.
    const wanted = Math.min(most, Math.max(Math.floor((descriptorLimit() - 500) * 0.66), 50));
    if (wanted < most) console.warn(`only ${wanted} idle connections: "ulimit -n" allows no more`);
    const maximum = Math.min(4096, Math.floor(wanted / 2));
    const { server, log, askHealthily } = await createClientWorld(root, { maxConnections: maximum });
    const before = process.memoryUsage().rss;
    const idle: RawClient[] = [];
    while (idle.length < wanted) {
      const batch = Array.from({ length: 50 }, () => sendBytes(server.port, ''));
      idle.push(...(await Promise.all(batch)));
      if (idle.length % (most / 4) === 0) await askHealthily();
    }
    await askHealthily();
    expect(process.memoryUsage().rss - before).toBeLessThan((100 + 0.05 * most) * megabyte);
    await vi.waitFor(
      () => expect(idle.filter(({ socket }) => !socket.closed).length).toBeLessThanOrEqual(maximum),
      untilClosed,
    );
    expect(log).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ maximum }) }),
    );
    for (const { socket } of idle) socket.destroy();
  });

  test('that are all busy keep out newcomers, while those who are in go on', async () => {
    const { server, log } = await createClientWorld(root, { maxConnections: 10 });
    const half = post(packets('command=ls-refs', '|', '.'), [version2, 'Expect: 100-continue']);
    const busy: RawClient[] = [];
    while (busy.length < 10) {
      const client = await sendBytes(server.port, half.subarray(0, -4));
      await vi.waitFor(() => expect(statusesOf(client.received())).toEqual([100]), untilClosed);
      busy.push(client);
    }
    expect(await exchange(server.port, get('/health'))).toBe('');
    for (const { socket } of busy) socket.write(half.subarray(-4));
    await Promise.all(busy.map(({ closed }) => closed));
    expect(busy.map((client) => statusesOf(client.received()))).toEqual(Array(10).fill([100, 200]));
    await vi.waitFor(() =>
      expect(log).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining('newcomers refused') }),
      ),
    );
    expect(statusesOf(await exchange(server.port, get('/health')))).toEqual([200]);
  });
});

test('a flood of large bodies, bombs and endless lists is bounded in memory, and others are served meanwhile', async () => {
  const { server, log, askHealthily } = await createClientWorld(root, {
    limits: { allBodiesBytes: 4 * megabyte },
  });
  const lists = post(packets('command=fetch', '|', ...ids(19_000, 'have'), '.'), [version2]);
  const bomb = post(gzipSync(Buffer.alloc(100 * megabyte)), ['Content-Encoding: gzip']);
  await askHealthily();
  const before = process.memoryUsage().rss;
  const flood = Array.from({ length: 200 }, async (_, i) => {
    const kinds = [lists, bomb, lists.subarray(0, -5)];
    const client = await sendBytes(server.port, kinds[i % 3] ?? bomb);
    if (i % 3 === 2) setTimeout(() => client.socket.destroy(), 1000);
    await client.closed;
    return statusesOf(client.received())[0];
  });
  await askHealthily();
  const statuses = new Set(await Promise.all(flood));
  for (const status of statuses) expect([200, 413, 503, undefined]).toContain(status);
  expect(statuses).toContain(503);
  expect(process.memoryUsage().rss - before).toBeLessThan(500 * megabyte);
  expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  await askHealthily();
});

test('a slow upload holds no more memory than its own bytes, and small requests go on', async () => {
  const { server } = await createClientWorld(root, { limits: { allBodiesBytes: 800_000 } });
  const large = packets('command=fetch', '|', ...ids(15_000, 'have'), '.');
  const waiting = await sendBytes(server.port, post(large, [version2]).subarray(0, 500_000));
  await vi.waitFor(async () => {
    const [status] = statusesOf(await exchange(server.port, post(large, [version2])));
    expect(status).toBe(503);
  }, untilClosed);
  const small = packets('command=ls-refs', '|', '.');
  expect(statusesOf(await exchange(server.port, post(small, [version2])))).toEqual([200]);
  waiting.socket.destroy();
  await vi.waitFor(async () => {
    const [status] = statusesOf(await exchange(server.port, post(large, [version2])));
    expect(status).not.toBe(503);
  }, untilClosed);
});
