import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { git, shallowClone } from '../../../test/support/git-client.ts';
import { sendRaw, serveStandIn } from '../../../test/support/stand-in-server.ts';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { formatPackets, type Packet } from '../../support/git/pkt-line.ts';

const uploadType = { 'Content-Type': 'application/x-git-upload-pack-request' };
const version2 = { ...uploadType, 'Git-Protocol': 'version=2' };

function lines(...texts: string[]): Buffer {
  return formatPackets(
    texts.map((text): Packet => {
      if (text === '|') return { kind: 'delimiter' };
      return text === '.' ? { kind: 'flush' } : { kind: 'data', text };
    }),
  );
}

function fetchOf(commit: string, ...more: string[]): Buffer {
  return lines('command=fetch', 'object-format=sha1', '|', `want ${commit}`, ...more, 'done', '.');
}

const post = (url: string, body: Buffer, headers: Record<string, string> = version2) =>
  fetch(`${url}/git/index/git-upload-pack`, { method: 'POST', headers, body });

describe('what a client may want', () => {
  test('is refused in protocol v2 when it is hidden, a tree, or unknown', async () => {
    const { registry, url } = await serveStandIn();
    const tree = await git(['-C', registry.indexDirectory, 'rev-parse', 'main^{tree}']);
    for (const wanted of [registry.hiddenCommit, tree.trim(), 'f'.repeat(40)]) {
      const answer = await post(url, fetchOf(wanted));
      expect(answer.status).toBe(403);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toMatchObject({ status: 403, detail: expect.stringContaining(wanted) });
    }
    expect((await post(url, fetchOf(await registry.servedCommit()))).status).toBe(200);
  });

  test('is refused in protocol v0 when it is hidden', async () => {
    const { registry, url } = await serveStandIn();
    const body = lines(`want ${registry.hiddenCommit} side-band-64k`, '.', 'done');
    expect((await post(url, body, uploadType)).status).toBe(403);
  });

  test('may be an earlier commit of main', async () => {
    const { registry, url } = await serveStandIn();
    const earlier = await registry.servedCommit();
    await registry.publish('alice/json@1.0.0');
    expect((await post(url, fetchOf(earlier))).status).toBe(200);
  });

  test.each(['object-info', 'bundle-uri'])('is not %s', async (command) => {
    const { url } = await serveStandIn();
    expect((await post(url, lines(`command=${command}`, '.'))).status).toBe(403);
  });
});

/** As the header of the pack in an answer says (gitformat-pack). */
async function countObjects(answer: Response): Promise<number> {
  const bytes = Buffer.from(await answer.arrayBuffer());
  return bytes.readUInt32BE(bytes.indexOf('PACK') + 8);
}

describe('what a client has that no client may know of', () => {
  const asksFor = {
    2: (commit: string, known: string, ...more: string[]) =>
      lines('command=fetch', '|', `want ${commit}`, 'no-progress', known, ...more, '.'),
    0: (commit: string, known: string, ...more: string[]) =>
      known.startsWith('shallow ')
        ? lines(`want ${commit} multi_ack_detailed side-band-64k no-progress`, known, '.', ...more, '.')
        : lines(`want ${commit} multi_ack_detailed side-band-64k no-progress`, '.', known, ...more, '.'),
  } as const;

  test.each([
    [0, 'have', []],
    [0, 'have', ['done']],
    [0, 'shallow', ['done']],
    [2, 'have', []],
    [2, 'have', ['done']],
    [2, 'shallow', ['done']],
  ] as const)(
    'is answered like what nobody has, in protocol v%d, in a line %s %j',
    async (protocol, word, more) => {
      const { registry, url } = await serveStandIn();
      await registry.publish('alice/json@1.0.0');
      const commit = await registry.servedCommit();
      const ids = await git([
        '-C',
        registry.indexDirectory,
        'rev-parse',
        'main^{tree}',
        'main:README',
        'main~1',
      ]);
      const [tree = '', blob = '', earlier = ''] = ids.split('\n');
      const headers = protocol === 2 ? version2 : uploadType;
      const answer = async (id: string) => {
        const asked = await post(url, asksFor[protocol](commit, `${word} ${id}`, ...more), headers);
        return [asked.status, Buffer.from(await asked.arrayBuffer()).toString('latin1')];
      };
      const unknown = await answer('f'.repeat(40));
      expect(unknown[0]).toBe(200);
      for (const id of [registry.hiddenCommit, tree, blob]) expect(await answer(id)).toEqual(unknown);
      if (word === 'have') expect(await answer(earlier)).not.toEqual(unknown);
    },
  );

  test('is told of after a new root as unknown, and the answer is the whole index', async () => {
    const { registry, url } = await serveStandIn();
    await registry.publish('alice/json@1.0.0');
    const before = await registry.servedCommit();
    await registry.reRoot();
    const commit = await registry.servedCommit();
    const ask = (...known: string[]) => post(url, asksFor[2](commit, `have ${before}`, ...known));
    expect(await (await ask()).text()).toBe('0014acknowledgments\n0008NAK\n0000');
    const [pack, clone] = await Promise.all([ask('done'), post(url, fetchOf(commit, 'no-progress'))]);
    const count = await countObjects(pack);
    expect(count).toBeGreaterThan(2);
    expect(await countObjects(clone)).toBe(count);
  });
});

describe('what only the repository shows to be wrong', () => {
  const ask = (protocol: number, commit: string, line: string) => {
    const want = `want ${commit}`;
    if (protocol === 2) return lines('command=fetch', '|', want, line, 'done', '.');
    const isHave = line.startsWith('have ');
    return lines(
      `${want} side-band-64k deepen-since`,
      ...(isHave ? [] : [line]),
      '.',
      ...(isHave ? [line] : []),
      'done',
    );
  };

  test.each([0, 1, 2])('is refused in protocol v%d, or answered by git, and no failure', async (protocol) => {
    const { registry, url, log } = await serveStandIn();
    const commit = await registry.servedCommit();
    const ids = await git(['-C', registry.indexDirectory, 'rev-parse', 'main^{tree}', 'main:README']);
    const [tree = '', blob = ''] = ids.split('\n');
    const statuses: Record<string, number> = {};
    const answer = async (line: string) => {
      const headers = { ...uploadType, ...(protocol > 0 ? { 'Git-Protocol': `version=${protocol}` } : {}) };
      const { status } = await post(url, ask(protocol, commit, line), headers);
      return status;
    };
    for (const [name, id] of Object.entries({ tree, blob, unknown: 'f'.repeat(40), zero: '0'.repeat(40) })) {
      statuses[`shallow ${name}`] = await answer(`shallow ${id}`);
      statuses[`have ${name}`] = await answer(`have ${id}`);
    }
    for (const line of [
      'deepen-since 4000000000',
      'deepen-since 1',
      'deepen-not refs/heads/none',
      'deepen 2147483648',
    ])
      statuses[line] = await answer(line);
    expect(statuses).toEqual({
      'shallow tree': 200,
      'have tree': 200,
      'shallow blob': 200,
      'have blob': 200,
      'shallow unknown': 200,
      'have unknown': 200,
      'shallow zero': 200,
      'have zero': 200,
      'deepen-since 4000000000': 400,
      'deepen-since 1': 200,
      'deepen-not refs/heads/none': 403,
      'deepen 2147483648': 403,
    });
    expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

/** RFC 1952: the ten bytes that every member begins with. */
function gzipStart(flags: number): Buffer {
  return Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]);
}

/** RFC 1951: stored, of no length, and not the last one. */
const emptyBlock = Buffer.from([0, 0, 0, 0xff, 0xff]);

describe('request bodies', () => {
  test('may be gzip', async () => {
    const { registry, url } = await serveStandIn();
    const body = fetchOf(await registry.servedCommit());
    const plain = await post(url, body);
    const zipped = await post(url, gzipSync(body), { ...version2, 'Content-Encoding': 'gzip' });
    expect(zipped.status).toBe(200);
    expect(Buffer.from(await zipped.arrayBuffer())).toEqual(Buffer.from(await plain.arrayBuffer()));
  });

  test('may be chunked', async () => {
    const { registry, server } = await serveStandIn();
    const body = fetchOf(await registry.servedCommit());
    const request = httpRequest({
      port: server.port,
      host: '127.0.0.1',
      path: '/git/index/git-upload-pack',
      method: 'POST',
      headers: { ...version2, 'Transfer-Encoding': 'chunked' },
    });
    request.write(body.subarray(0, 10));
    request.end(body.subarray(10));
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test('are bounded, inflated or not', async () => {
    const { url } = await serveStandIn({ limits: { bodyBytes: 1000 } });
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    const inflated = await post(url, bomb, { ...version2, 'Content-Encoding': 'gzip' });
    expect([inflated.status, (await post(url, Buffer.alloc(2000))).status]).toEqual([413, 413]);
  });

  test.each([
    ['empty blocks', Buffer.concat([gzipStart(0), Buffer.concat(Array(300).fill(emptyBlock))])],
    ['empty members', Buffer.concat(Array(100).fill(gzipSync(Buffer.alloc(0))))],
    ['the name of a file', Buffer.concat([gzipStart(8), Buffer.alloc(1500, 'x')])],
  ])('are bounded as sent, and not only as inflated: gzip of nothing but %s', async (_, body) => {
    const { server } = await serveStandIn({ limits: { bodyBytes: 1000 } });
    const request = httpRequest({
      port: server.port,
      host: '127.0.0.1',
      path: '/git/index/git-upload-pack',
      method: 'POST',
      headers: { ...version2, 'Content-Encoding': 'gzip', 'Transfer-Encoding': 'chunked' },
    });
    // More may follow at any time: it is the server that ends this.
    request.on('error', () => {}).write(body);
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.statusCode).toBe(413);
    await once(response, 'close');
  });

  test('that are broken, of another encoding or another type are refused', async () => {
    const { url } = await serveStandIn();
    const body = lines('command=ls-refs', '.');
    expect(
      (await post(url, Buffer.from('no gzip'), { ...version2, 'Content-Encoding': 'gzip' })).status,
    ).toBe(400);
    const cut = gzipSync(body).subarray(0, 20);
    expect((await post(url, cut, { ...version2, 'Content-Encoding': 'gzip' })).status).toBe(400);
    expect((await post(url, body, { ...version2, 'Content-Encoding': 'br' })).status).toBe(415);
    expect((await post(url, body, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await post(url, Buffer.from('hello'))).status).toBe(400);
  });
});

describe('answers', () => {
  test('to the same request at the same commit are computed once', async () => {
    const { registry, server, url } = await serveStandIn();
    const body = fetchOf(await registry.servedCommit());
    const first = Buffer.from(await (await post(url, body)).arrayBuffer());
    expect(first.subarray(0, 12).toString()).toBe('000dpackfile');
    expect(server.stats().git.started).toBe(1);
    const renamed = lines(
      'command=fetch',
      'agent=git/9',
      'object-format=sha1',
      '|',
      `want ${await registry.servedCommit()}`,
      'done',
      '.',
    );
    const again = Buffer.from(await (await post(url, renamed)).arrayBuffer());
    expect(again).toEqual(first);
    expect(server.stats().git).toMatchObject({ started: 1, shared: 1 });
    await registry.publish('alice/json@1.0.0');
    await (await post(url, fetchOf(await registry.servedCommit()))).arrayBuffer();
    expect(server.stats().git.started).toBe(2);
  });

  test('asked for at the same time are computed once', async () => {
    const { registry, server, url } = await serveStandIn();
    const body = fetchOf(await registry.servedCommit());
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => Buffer.from(await (await post(url, body)).arrayBuffer())),
    );
    expect(new Set(answers.map((bytes) => bytes.toString('hex'))).size).toBe(1);
    expect(server.stats().git.started).toBe(1);
  });

  test('too large for memory are computed once, and streamed whole to all', async () => {
    const { registry, server, url } = await serveStandIn({ limits: { gitAnswerBytes: 100 } });
    await registry.publishMany('alice/m', 200);
    const clone = async () => {
      const directory = temporaryDirectory();
      await shallowClone(`${url}/git/index`, directory);
      return (await readdir(join(directory, 'user/alice'))).length;
    };
    expect(await Promise.all([clone(), clone(), clone()])).toEqual([200, 200, 200]);
    const { started } = server.stats().git;
    expect(await clone()).toBe(200);
    expect(server.stats().git.started).toBe(started);
    await vi.waitFor(() => expect(server.stats().git.running).toBe(0));
  });

  test('too large for memory, which the disk does not take, are streamed by a git for each', async () => {
    const { registry, server, url, log } = await serveStandIn({
      limits: { gitAnswerBytes: 100, gitSpoolBytes: 1 },
    });
    await registry.publishMany('alice/m', 200);
    const body = fetchOf(await registry.servedCommit());
    const ask = async () => Buffer.from(await (await post(url, body)).arrayBuffer()).length;
    for (let i = 0; i < 3; i++) expect(await ask()).toBeGreaterThan(1000);
    expect(server.stats().git).toMatchObject({ started: 4, shared: 0 });
    expect(log.filter(({ message }) => message.includes('cannot be kept'))).toHaveLength(1);
  });

  test('too large for memory belong to their commit', async () => {
    const { registry, url } = await serveStandIn({ limits: { gitAnswerBytes: 100 } });
    const cloned: string[][] = [];
    for (const name of ['first', 'second']) {
      await registry.publish(`alice/${name}@1.0.0`);
      const directory = temporaryDirectory();
      await shallowClone(`${url}/git/index`, directory);
      cloned.push((await readdir(join(directory, 'user/alice'))).sort());
    }
    expect(cloned).toEqual([['first.index'], ['first.index', 'second.index']]);
  });

  test('for which the memory of answers has no room are computed again', async () => {
    const { registry, server, url } = await serveStandIn({ limits: { gitCacheBytes: 100 } });
    const body = fetchOf(await registry.servedCommit());
    for (let i = 1; i <= 2; i++) {
      await (await post(url, body)).arrayBuffer();
      expect(server.stats().git).toMatchObject({ started: i, shared: 0 });
    }
  });

  test('of a full server are 503 with Retry-After', async () => {
    const { registry, url } = await serveStandIn({ limits: { gitProcesses: 1, gitQueue: 0 } });
    const commit = await registry.servedCommit();
    const answers = await Promise.all(
      ['thin-pack', 'ofs-delta'].map((line) => post(url, fetchOf(commit, line))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503]);
    expect(answers.find(({ status }) => status === 503)?.headers.get('retry-after')).toBe('2');
  });

  test('for which git takes too long are 500, and logged', async () => {
    const { registry, url, log } = await serveStandIn({ limits: { gitTimeoutMs: 20 } });
    const commit = await registry.servedCommit();
    registry.servedCommit = async () => commit;
    // git waits for somebody to write into the pipe.
    await promisify(execFile)('mkfifo', [join(registry.indexDirectory, 'packed-refs')]);
    const refs = await fetch(`${url}/git/index/info/refs?service=git-upload-pack`);
    expect(refs.status).toBe(500);
    const failure = log.find(({ message }) => message === 'git upload-pack failed');
    expect(failure?.fields?.detail).toContain('longer than 20 ms');
  });

  test('of a broken repository are 500, logged, and not kept', async () => {
    const { registry, server, url, log } = await serveStandIn();
    const commit = await registry.servedCommit();
    await registry.close();
    registry.servedCommit = async () => commit;
    for (let i = 1; i <= 2; i++) {
      expect((await post(url, fetchOf(commit))).status).toBe(500);
      expect(server.stats().git.started).toBe(i);
    }
    expect(log.some(({ message }) => message === 'git upload-pack failed')).toBe(true);
  });

  test('are not to be cached by others', async () => {
    const { url } = await serveStandIn();
    const advertised = await fetch(`${url}/git/index/info/refs?service=git-upload-pack`);
    expect(advertised.headers.get('cache-control')).toBe('no-cache');
    expect(advertised.headers.get('content-type')).toBe('application/x-git-upload-pack-advertisement');
    expect((await advertised.text()).startsWith('001e# service=git-upload-pack\n0000')).toBe(true);
  });

  test('to a client that left end their process', async () => {
    const { registry, server } = await serveStandIn({ limits: { gitAnswerBytes: 1000 } });
    await registry.publishMany('alice/m', 20_000);
    const body = fetchOf(await registry.servedCommit());
    const socket = connect(server.port, '127.0.0.1');
    const head = Object.entries({ Host: 'localhost', 'Content-Length': body.length, ...version2 });
    socket.write(`POST /git/index/git-upload-pack HTTP/1.1\r\n`);
    socket.write(`${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    socket.write(body);
    await once(socket, 'data');
    socket.pause();
    expect(server.stats().git.running).toBeGreaterThan(0);
    socket.destroy();
    await vi.waitFor(() => expect(server.stats().git.running).toBe(0), { timeout: 10_000 });
  });
});

describe('what is not smart HTTP', () => {
  test.each([
    '/git/index',
    '/git/index/',
    '/git/index/HEAD',
    '/git/index/info/refs',
    '/git/index/objects/info/packs',
    '/git/index/info/refs?service=git-upload-archive',
  ])('%s is 403 and says so', async (path) => {
    const { url } = await serveStandIn();
    const answer = await fetch(url + path);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('smart HTTP only') });
  });

  test('pushing is 403', async () => {
    const { url } = await serveStandIn();
    const asked = await fetch(`${url}/git/index/info/refs?service=git-receive-pack`);
    const pushed = await fetch(`${url}/git/index/git-receive-pack`, { method: 'POST' });
    expect([asked.status, pushed.status]).toEqual([403, 403]);
    expect(await pushed.json()).toMatchObject({ detail: expect.stringContaining('read-only') });
  });

  test('a Git-Protocol header that no git sends is ignored', async () => {
    const { server } = await serveStandIn();
    const target = '/git/index/info/refs?service=git-upload-pack';
    const answer = await sendRaw(
      server.port,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nGit-Protocol: version=2;touch /tmp/x\r\n\r\n`,
    );
    expect(answer).toContain('# service=git-upload-pack');
  });
});

test('stale sources are named on index answers', async () => {
  const { registry, url } = await serveStandIn();
  registry.staleNames.push('partner', 'internal');
  await fetch(`${url}/health`);
  const answer = await fetch(`${url}/git/index/info/refs?service=git-upload-pack`);
  expect(answer.headers.get('warning')).toBe('110 - "stale: partner", 110 - "stale: internal"');
});
