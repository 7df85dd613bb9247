import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { serveStandIn, statusOfRaw } from '../../../test/support/stand-in-server.ts';
import { publicReason } from '../../model/lookup.ts';

describe('archive addresses', () => {
  test.each([
    [
      'alice/json@1.0.0',
      ['/user/alice%2Fjson%2F1.0.0.zip', '/user/alice/json/1.0.0.zip', '//user/alice/json/1.0.0.zip'],
    ],
    [
      'alice/tree-sitter/cli@0.1.0+b.1',
      [
        '/user/alice%2Ftree-sitter%2Fcli%2F0.1.0%2Bb.1.zip',
        '/user/alice/tree-sitter%2Fcli/0.1.0%2Bb.1.zip',
        '/user/alice/tree-sitter/cli/0.1.0+b.1.zip',
        '/user/alice/tree-sitter%2fcli/0.1.0+b.1.zip',
      ],
    ],
    ['alice/原来@1.0.0-rc.1', ['/user/alice/%E5%8E%9F%E6%9D%A5/1.0.0-rc.1.zip']],
    ['alice/🐫@1.0.0', ['/user/alice%2F%F0%9F%90%AB%2F1.0.0.zip']],
    ['alice/x~y@1.0.0', ['/user/alice%2Fx%7Ey%2F1.0.0.zip', '/user/alice/x~y/1.0.0.zip']],
    ['zip/a.zip@1.0.0', ['/user/zip/a.zip/1.0.0.zip']],
  ])('%s answers at every form clients send', async (reference, paths) => {
    const { registry, url } = await serveStandIn();
    const checksum = await registry.publish(reference);
    for (const path of paths) {
      const answer = await fetch(url + path);
      expect([path, answer.status]).toEqual([path, 200]);
      const bytes = Buffer.from(await answer.arrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(checksum);
    }
  });

  test('work below the path of the base address, and without it', async () => {
    const { registry, url } = await serveStandIn({ baseUrl: 'https://example.com/moon/' });
    await registry.publish('alice/json@1.0.0');
    expect((await fetch(`${url}/moon/user/alice/json/1.0.0.zip`)).status).toBe(200);
    expect((await fetch(`${url}/moon//user/alice/json/1.0.0.zip`)).status).toBe(200);
    expect((await fetch(`${url}/user/alice/json/1.0.0.zip`)).status).toBe(200);
  });

  test.each([
    ['/user/alice%2/json/1.0.0.zip', 400],
    ['/user/alice/%ff/1.0.0.zip', 400],
    ['/user/alice/%C0%AE/1.0.0.zip', 400],
    ['/user/alice/j%00son/1.0.0.zip', 400],
    ['/user/../../etc/1.0.0.zip', 400],
    ['/user/..%2F..%2Fetc%2F1.0.0.zip', 400],
    ['/user/alice/json%252Fx/1.0.0.zip', 400],
    ['/user/alice/json/1.0.zip', 400],
    ['/user/alice/1.0.0.zip', 400],
    ['/user/alice//1.0.0.zip', 400],
    ['/user/alice/json/2.0.0.zip', 404],
    ['/user/Alice/json/1.0.0.zip', 404],
    ['/user/alice/json/1.0.0.tar', 404],
    ['/user/.zip', 404],
    [`/user/${'a'.repeat(9000)}/1.0.0.zip`, 414],
  ])('%s is %d', async (target, status) => {
    const { registry, server } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    expect(await statusOfRaw(server.port, target)).toBe(status);
  });
});

describe('an archive', () => {
  test.each([
    ['kept in memory', 1_000_000],
    ['streamed', 1],
  ])('%s has its identity in its headers, and is served in parts', async (_, smallArchiveBytes) => {
    const { registry, url } = await serveStandIn({ limits: { smallArchiveBytes } });
    const checksum = await registry.publish('alice/json@1.0.0', {}, Buffer.from('0123456789'));
    const address = `${url}/user/alice/json/1.0.0.zip`;
    const whole = await fetch(address);
    expect(await whole.text()).toBe('0123456789');
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      etag: `"${checksum}"`,
      'x-checksum-sha256': checksum,
      'content-type': 'application/zip',
      'content-length': '10',
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=300, stale-if-error=86400, no-transform',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(whole.headers.has('content-encoding')).toBe(false);

    const part = await fetch(address, { headers: { Range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 2-4/10',
      '234',
    ]);
    const tail = await fetch(address, { headers: { Range: 'bytes=-2', 'If-Range': `"${checksum}"` } });
    expect([tail.status, await tail.text()]).toEqual([206, '89']);
    const other = await fetch(address, { headers: { Range: 'bytes=-2', 'If-Range': '"old"' } });
    expect([other.status, await other.text()]).toEqual([200, '0123456789']);
    const several = await fetch(address, { headers: { Range: 'bytes=0-1,3-4' } });
    expect([several.status, await several.text()]).toEqual([200, '0123456789']);
    const beyond = await fetch(address, { headers: { Range: 'bytes=10-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10']);

    const known = await fetch(address, { headers: { 'If-None-Match': `"x", W/"${checksum}"` } });
    expect([known.status, await known.text(), known.headers.get('etag')]).toEqual([304, '', `"${checksum}"`]);
    const head = await fetch(address, { method: 'HEAD', headers: { Range: 'bytes=0-1' } });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
  });

  test('that is hot is not looked up again while the index stays', async () => {
    let clock = 0;
    const { registry, url } = await serveStandIn({ now: () => clock });
    await registry.publish('alice/json@1.0.0');
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/user/alice/json/1.0.0.zip`)).status).toBe(200);
    expect(registry.calls.openArchive).toBe(1);
    await registry.publish('alice/json@1.1.0');
    clock += 10;
    await fetch(`${url}/user/alice/json/1.0.0.zip`);
    expect(registry.calls.openArchive).toBe(2);
  });

  test('that is hot has the same answer as when it was new, and an id of its own', async () => {
    const { registry, url } = await serveStandIn({ now: () => 0 });
    await registry.publish('alice/json@1.0.0');
    const answers = [];
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(`${url}/user/alice%2Fjson%2F1.0.0.zip`);
      const { 'x-request-id': id, date: _, ...headers } = Object.fromEntries(answer.headers);
      answers.push({ id, status: answer.status, headers, text: await answer.text() });
    }
    expect(new Set(answers.map(({ id }) => id)).size).toBe(3);
    const [first, ...others] = answers.map(({ id: _, ...answer }) => answer);
    expect(others).toEqual([first, first]);
    expect(registry.calls.stateCommit).toBe(1);
    const part = await fetch(`${url}/user/alice%2Fjson%2F1.0.0.zip`, { headers: { Range: 'bytes=0-1' } });
    expect(part.status).toBe(206);
  });

  test('that is hot gives way to what the index says a moment later', async () => {
    let clock = 0;
    const { registry, url } = await serveStandIn({ now: () => clock });
    const address = `${url}/user/alice/json/1.0.0.zip`;
    await registry.publish('alice/json@1.0.0', {}, Buffer.from('old'));
    for (let i = 0; i < 2; i++) expect(await (await fetch(address)).text()).toBe('old');
    await registry.publish('alice/json@1.0.0', {}, Buffer.from('new'));
    clock += 5;
    expect(await (await fetch(address)).text()).toBe('new');
  });

  test('that cannot be read any more is looked up anew', async () => {
    const { registry, url } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    const openArchive = registry.openArchive;
    registry.openArchive = async (...reference) => {
      const outcome = await openArchive(...reference);
      if (outcome.kind !== 'found' || registry.calls.openArchive > 1) return outcome;
      return { kind: 'found', value: { ...outcome.value, read: () => Promise.reject(new Error('gone')) } };
    };
    expect((await fetch(`${url}/user/alice/json/1.0.0.zip`)).status).toBe(500);
    expect((await fetch(`${url}/user/alice/json/1.0.0.zip`)).status).toBe(200);
  });

  test.each([
    ['is read once where memory has room for it', 1000, 1],
    ['is read each time where it has none', 20, 3],
  ])('%s', async (_, archiveCacheBytes, reads) => {
    const { registry, url } = await serveStandIn({ limits: { archiveCacheBytes } });
    await registry.publish('alice/json@1.0.0', {}, Buffer.alloc(50, 'x'));
    const openArchive = registry.openArchive;
    const read = vi.fn(async () => Buffer.alloc(50, 'x'));
    registry.openArchive = async (...reference) => {
      const outcome = await openArchive(...reference);
      return outcome.kind === 'found' ? { kind: 'found', value: { ...outcome.value, read } } : outcome;
    };
    for (let i = 0; i < 3; i++)
      expect(await (await fetch(`${url}/user/alice/json/1.0.0.zip`)).text()).toBe('x'.repeat(50));
    expect(read).toHaveBeenCalledTimes(reads);
  });

  test('whose bytes stop in the middle never looks whole', async () => {
    const { registry, url } = await serveStandIn({ limits: { smallArchiveBytes: 1 } });
    await registry.publish('alice/json@1.0.0');
    const openArchive = registry.openArchive;
    registry.openArchive = async (...reference) => {
      const outcome = await openArchive(...reference);
      if (outcome.kind !== 'found') return outcome;
      const broken = async function* () {
        yield Buffer.from('arch');
        throw new Error('disk failure');
      };
      return { kind: 'found', value: { ...outcome.value, open: async () => Readable.from(broken()) } };
    };
    const answer = await fetch(`${url}/user/alice/json/1.0.0.zip`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  });

  test('is closed when the client leaves in the middle', async () => {
    const { registry, server } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    const openArchive = registry.openArchive;
    const endless = new Readable({ read: () => endless.push(Buffer.alloc(65_536)) });
    registry.openArchive = async (...reference) => {
      const outcome = await openArchive(...reference);
      if (outcome.kind !== 'found') return outcome;
      return { kind: 'found', value: { ...outcome.value, sizeBytes: 1e12, open: async () => endless } };
    };
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /user/alice/json/1.0.0.zip HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    expect(endless.destroyed).toBe(false);
    socket.destroy();
    await vi.waitFor(() => expect(endless.destroyed).toBe(true));
  });

  test('that takes too long to fetch is 503, and found later', async () => {
    const { registry, url } = await serveStandIn({ limits: { firstByteMs: 1 } });
    await registry.publish('alice/json@1.0.0');
    let open = () => {};
    registry.gate = new Promise((resolve) => {
      open = resolve;
    });
    const late = await fetch(`${url}/user/alice/json/1.0.0.zip`);
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '5']);
    open();
    await registry.gate;
  });
});

describe('rule 4: absent is not unavailable', () => {
  test.each([
    ['timeout', 502],
    ['connection', 502],
    ['rate-limited', 502],
    ['server-error', 502],
    ['tls', 502],
    ['unauthorized', 502],
    ['bad-answer', 502],
    ['wrong-bytes', 502],
    ['no-credentials', 503],
    ['disabled', 503],
    ['not-cached', 503],
    ['not-current', 503],
  ] as const)('a source that failed with %s is %d, named, and not quoted', async (reason, status) => {
    const { registry, url, log } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    registry.failures.set('alice/json@1.0.0', {
      reason,
      detail: 'http://10.1.2.3/ says hello',
      retryAfterMs: 6500,
    });
    const answer = await fetch(`${url}/user/alice/json/1.0.0.zip`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '7' : null);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: status === 503 ? 'Service Unavailable' : 'Bad Gateway',
      status,
      detail: `The archive of alice/json@1.0.0 (from source "mooncakes") is not available now: ${publicReason(reason)}.`,
      instance: `urn:uuid:${answer.headers.get('x-request-id')}`,
      // What holds an archive back until somebody acts says what to do, as /why does.
      ...(status === 503 ? { hint: expect.any(String), reason, module: 'alice/json', version: '1.0.0' } : {}),
    });
    expect(log.map(({ fields }) => fields?.cause)).toEqual(['http://10.1.2.3/ says hello']);
  });

  test('what no source lists is 404', async () => {
    const { url } = await serveStandIn();
    const answer = await fetch(`${url}/user/alice/json/1.0.0.zip`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([404, null]);
    expect(await answer.json()).toMatchObject({ status: 404, title: 'Not Found' });
  });
});
