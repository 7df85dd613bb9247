import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anyDestination, type Destinations, type Resolve } from './destination.ts';
import { createHttpClient, type HttpClient, type HttpClientOptions } from './fetch-http.ts';
import { transportFailure } from './http-failure.ts';
import type { HttpResponse } from './http-request.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Listening {
  readonly url: string;
  readonly server: Server;
  readonly seen: IncomingMessage[];
}

async function listen(listener: RequestListener): Promise<Listening> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, seen };
}

/** Accepts connections and hands them over raw. */
async function listenRaw(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Which of the two transports is under test; what there is a proxy for goes through the pools in any case. */
let isSmall = false;

interface TestClient {
  readonly client: HttpClient;
  readonly slept: number[];
}

function createClient(options: Partial<HttpClientOptions> = {}): TestClient {
  const slept: number[] = [];
  const client = createHttpClient({
    userAgent: 'mooncake/0.1.0 test',
    environment: {},
    destinations: anyDestination,
    ...options,
    retry: {
      random: () => 0.5,
      now: () => Date.parse('2026-03-01T12:00:00Z'),
      sleep: async (ms) => {
        slept.push(ms);
      },
      ...options.retry,
    },
  });
  cleanups.push(() => client.close());
  return { client: { ...client, request: (request) => client.request({ isSmall, ...request }) }, slept };
}

/** Permits `own`, and of other places those that are at `permitted`, as if only that were public. */
function destinationsOf(own: string, permitted?: string): Destinations {
  return {
    permits: (url, address) => url.origin === own || (address !== undefined && address === permitted),
    refusal: (url, address) => `no way to ${url.hostname} at ${address}`,
  };
}

/** Answers the next of `answers` each time, and the last one for ever. */
function resolving(...answers: string[][]): Resolve {
  return (_, __, callback) => {
    const [next = []] = answers.length > 1 ? answers.splice(0, 1) : answers;
    callback(
      null,
      next.map((address) => ({ address, family: 4 })),
    );
  };
}

async function respond(client: HttpClient, url: string, authorization?: string): Promise<HttpResponse> {
  const result = await client.request({ url, authorization });
  if (result.kind === 'failure') throw new Error(`${result.failure.reason}: ${result.failure.detail}`);
  return result.response;
}

describe.each([
  { transport: 'through pools', small: false },
  { transport: 'directly', small: true },
])('$transport:', ({ small }) => {
  beforeEach(() => {
    isSmall = small;
  });

  describe('a request', () => {
    test('says who asks, asks for no compression, and gives the body as it is', async () => {
      const upstream = await listen((_, response) => response.end('hello'));
      const response = await respond(createClient().client, `${upstream.url}/a%2Fb%2B?q=1`);
      expect(await text(response.body)).toBe('hello');
      expect(response.headers['content-length']).toBe('5');
      const [request] = upstream.seen;
      expect(request?.url).toBe('/a%2Fb%2B?q=1');
      expect(request?.headers['user-agent']).toBe('mooncake/0.1.0 test');
      expect(request?.headers).not.toHaveProperty('accept-encoding');
      expect(request?.headers).not.toHaveProperty('authorization');
    });

    test('refuses a body in a coding that nobody asked for', async () => {
      const upstream = await listen((_, response) => response.setHeader('content-encoding', 'gzip').end('x'));
      const result = await createClient().client.request({ url: upstream.url });
      expect(result).toMatchObject({ kind: 'failure', failure: { reason: 'bad-answer' } });
    });

    test('uses no more connections than it may', async () => {
      const sockets = new Set<Socket>();
      const upstream = await listen((request, response) => {
        sockets.add(request.socket);
        response.end('x');
      });
      const { client } = createClient({ connectionsPerOrigin: 2 });
      const one = async () => text((await respond(client, upstream.url)).body);
      await Promise.all(Array.from({ length: 20 }, one));
      expect(upstream.seen).toHaveLength(20);
      expect(sockets.size).toBeLessThanOrEqual(2);
    });

    test('keeps no answer back when its body is destroyed unread', async () => {
      const upstream = await listen((_, response) => response.end(Buffer.alloc(5_000_000)));
      const response = await respond(createClient().client, upstream.url);
      const closed = new Promise((resolve) => response.body.once('close', resolve));
      response.body.destroy();
      await closed;
      expect(response.body.destroyed).toBe(true);
    });
  });

  describe('a body that is sent', () => {
    const content = 'all of it, '.repeat(20_000);
    let opened = 0;
    beforeEach(() => {
      opened = 0;
    });
    const open = () => {
      opened += 1;
      return Readable.from([content.slice(0, 100_000), content.slice(100_000)], { objectMode: false });
    };
    const body = { contentType: 'text/plain', sizeBytes: content.length, open };

    test('arrives with its type and length, and is sent anew with each attempt', async () => {
      const bodies: string[] = [];
      const upstream = await listen(async (request, response) => {
        bodies.push(await text(request));
        response.writeHead(bodies.length < 3 ? 503 : 200, { 'retry-after': '1' }).end('taken');
      });
      const { client, slept } = createClient();
      const result = await client.request({ url: upstream.url, method: 'POST', body });
      expect(result).toMatchObject({ response: { status: 200 } });
      expect(bodies).toEqual([content, content, content]);
      expect(slept).toEqual([1100, 1200]);
      expect(upstream.seen[0]).toMatchObject({
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'content-length': String(content.length) },
      });
    });

    test('is not sent along a redirect, wherever that leads', async () => {
      const away = await listen((_, response) => response.end());
      for (const location of ['/there', away.url]) {
        const home = await listen((request, response) => {
          request.resume();
          request.on('end', () => response.writeHead(307, { location }).end());
        });
        const { client } = createClient();
        const result = await client.request({
          url: home.url,
          method: 'POST',
          body,
          authorization: 'Bearer x',
        });
        expect(result).toMatchObject({ response: { status: 307, headers: { location } } });
        expect(home.seen).toHaveLength(1);
      }
      expect(away.seen).toEqual([]);
      expect(opened).toBe(2);
    });

    test('is given up by whoever has answered already, and the answer is read', async () => {
      const upstream = await listen((_, response) =>
        response.writeHead(413, { connection: 'close' }).end('too much'),
      );
      const large = { ...body, sizeBytes: 32_000_000, open: () => Readable.from(many(32, 1_000_000)) };
      const result = await createClient().client.request({ url: upstream.url, method: 'POST', body: large });
      if (result.kind === 'failure') throw new Error(result.failure.detail);
      expect([result.response.status, await text(result.response.body)]).toEqual([413, 'too much']);
      expect(upstream.seen).toHaveLength(1);
    });

    test('ends at an abort, with its reason', async () => {
      const controller = new AbortController();
      const upstream = await listen(() => controller.abort(new Error('enough')));
      const { client } = createClient();
      await expect(
        client.request({ url: upstream.url, method: 'POST', body, signal: controller.signal }),
      ).rejects.toThrow('enough');
    });
  });

  describe('retries', () => {
    test.each([408, 429, 500, 502, 503, 504])('a %i is tried again, with full jitter', async (status) => {
      let answered = 0;
      const upstream = await listen((_, response) => {
        response.statusCode = ++answered < 3 ? status : 200;
        response.end('body');
      });
      const { client, slept } = createClient();
      expect((await respond(client, upstream.url)).status).toBe(200);
      expect(slept).toEqual([100, 200]);
    });

    test.each([400, 401, 403, 404, 410, 501])('a %i is an answer', async (status) => {
      const upstream = await listen((_, response) => response.writeHead(status).end());
      const { client } = createClient();
      expect((await respond(client, upstream.url)).status).toBe(status);
      expect(upstream.seen).toHaveLength(1);
    });

    test('end with the last answer after three', async () => {
      const upstream = await listen((_, response) => response.writeHead(503, { 'retry-after': '7' }).end());
      const { client, slept } = createClient({ retry: { random: () => 0 } });
      const response = await respond(client, upstream.url);
      expect(response).toMatchObject({ status: 503, retryAfterMs: 7000 });
      expect(upstream.seen).toHaveLength(4);
      expect(slept).toEqual([7000, 7000, 7000]);
    });

    test('wait until the date they are told', async () => {
      const upstream = await listen((_, response) => {
        const isFirst = upstream.seen.length === 1;
        response.writeHead(
          isFirst ? 429 : 200,
          isFirst ? { 'retry-after': 'Sun, 01 Mar 2026 12:00:09 GMT' } : {},
        );
        response.end();
      });
      const { client, slept } = createClient({ retry: { random: () => 0 } });
      expect((await respond(client, upstream.url)).status).toBe(200);
      expect(slept).toEqual([9000]);
    });

    test('follow a connection that broke before the headers', async () => {
      let connections = 0;
      const url = await listenRaw((socket) => {
        if (++connections === 1) socket.destroy();
        else socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      });
      expect(await text((await respond(createClient().client, url)).body)).toBe('ok');
    });

    test('a body ends at an abort, with its reason', async () => {
      const upstream = await listen((_, response) => void response.write('some'));
      const controller = new AbortController();
      const result = await createClient().client.request({ url: upstream.url, signal: controller.signal });
      if (result.kind === 'failure') throw new Error(result.failure.detail);
      controller.abort(new Error('enough'));
      await expect(buffer(result.response.body)).rejects.toThrow('enough');
    });

    test('stop at an abort, with its reason', async () => {
      const upstream = await listen((_, response) => response.writeHead(503).end());
      const controller = new AbortController();
      const { client } = createClient({
        retry: {
          sleep: async () => {
            controller.abort(new Error('enough'));
          },
        },
      });
      await expect(client.request({ url: upstream.url, signal: controller.signal })).rejects.toThrow(
        'enough',
      );
      expect(upstream.seen).toHaveLength(1);
    });
  });

  describe('failures', () => {
    test('a refused connection', async () => {
      const upstream = await listen((_, response) => response.end());
      upstream.server.closeAllConnections();
      await new Promise((resolve) => upstream.server.close(resolve));
      const { client, slept } = createClient();
      const result = await client.request({ url: upstream.url });
      expect(result).toMatchObject({ kind: 'failure', failure: { reason: 'connection' } });
      expect(slept).toHaveLength(3);
    });

    test('a server that accepts and never answers', async () => {
      const url = await listenRaw(() => {});
      const { client, slept } = createClient({ timeouts: { firstByteMs: 50 } });
      const result = await client.request({ url });
      expect(result).toMatchObject({
        failure: { reason: 'timeout', detail: 'no answer within the time allowed' },
      });
      expect(slept).toHaveLength(1);
    });

    test('a server that answers something else than HTTP', async () => {
      const url = await listenRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      expect(await createClient().client.request({ url })).toMatchObject({
        failure: { reason: 'bad-answer' },
      });
    });

    test.each([
      [
        'that switches to another protocol',
        'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      ],
      ['that only says that it goes on', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ])('a server %s, and closes', async (_, head) => {
      const url = await listenRaw((socket) => socket.once('data', () => socket.end(head)));
      const result = await createClient({ timeouts: { firstByteMs: 1000 } }).client.request({ url });
      expect(result).toMatchObject({ kind: 'failure' });
    });

    test('a server without TLS where TLS is expected', async () => {
      const url = await listenRaw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      const result = await createClient().client.request({ url: url.replace('http:', 'https:') });
      expect(result).toMatchObject({ failure: { reason: 'tls' } });
    });

    test('the whole time is up while the body still trickles', async () => {
      const upstream = await listen((_, response) => {
        response.write('a');
        const timer = setInterval(() => response.write('a'), 10);
        response.on('close', () => clearInterval(timer));
      });
      const { client } = createClient({ timeouts: { totalMs: 100 } });
      const error = await text((await respond(client, upstream.url)).body).catch((reason: unknown) => reason);
      expect(transportFailure(error)).toMatchObject({ reason: 'timeout' });
    });

    test('a body that stops', async () => {
      const upstream = await listen((_, response) =>
        response.writeHead(200, { 'content-length': 10 }).write('half'),
      );
      const { client } = createClient({ timeouts: { idleMs: 50 } });
      const error = await buffer((await respond(client, upstream.url)).body).catch(
        (reason: unknown) => reason,
      );
      expect(transportFailure(error)).toEqual({ reason: 'timeout', detail: 'the answer stopped arriving' });
    });

    test.each([
      ['short of its length', 'Content-Length: 10\r\n\r\nhalf'],
      ['inside a chunk', 'Transfer-Encoding: chunked\r\n\r\n5\r\nha'],
      ['before the last chunk', 'Transfer-Encoding: chunked\r\n\r\n2\r\nha\r\n'],
    ])('a body that ends %s', async (_, rest) => {
      const url = await listenRaw((socket) =>
        socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${rest}`)),
      );
      const error = await buffer((await respond(createClient().client, url)).body).catch(
        (reason: unknown) => reason,
      );
      expect(transportFailure(error)).toMatchObject({ reason: 'connection' });
    });

    test('an error of another kind is not one of transport', () => {
      expect(transportFailure(Object.assign(new Error('disk full'), { code: 'ENOSPC' }))).toBeUndefined();
      expect(transportFailure(new TypeError('a bug'))).toBeUndefined();
    });
  });

  describe('redirects', () => {
    test('are followed, relative ones too, with the authorization kept at home', async () => {
      const upstream = await listen((request, response) => {
        if (request.url === '/a/b') response.writeHead(302, { location: '../c?x=1' }).end('moved');
        else response.end('here');
      });
      const response = await respond(createClient().client, `${upstream.url}/a/b`, 'Bearer secret');
      expect(response.url).toBe(`${upstream.url}/c?x=1`);
      expect(upstream.seen.map((request) => request.headers.authorization)).toEqual([
        'Bearer secret',
        'Bearer secret',
      ]);
    });

    test('to another origin lose the authorization, and do not get it back', async () => {
      const home = await listen((request, response) => {
        if (request.url === '/start') response.writeHead(307, { location: `${away.url}/there` }).end();
        else response.end('home again');
      });
      const away = await listen((_, response) =>
        response.writeHead(308, { location: `${home.url}/back` }).end(),
      );
      await respond(createClient().client, `${home.url}/start`, 'Bearer secret');
      expect(home.seen.map((request) => request.headers.authorization)).toEqual(['Bearer secret', undefined]);
      expect(away.seen.map((request) => request.headers.authorization)).toEqual([undefined]);
    });

    test('with credentials in their address make us send none', async () => {
      const away = await listen((_, response) => response.end('there'));
      const home = await listen((_, response) =>
        response.writeHead(302, { location: away.url.replace('://', '://admin:secret@') }).end(),
      );
      const response = await respond(createClient().client, home.url, undefined);
      expect(response.url).toBe(`${away.url}/`);
      expect(away.seen.map((request) => request.headers.authorization)).toEqual([undefined]);
    });

    test.each([
      ['file:///etc/passwd', 'not HTTP'],
      ['http://', 'no address'],
    ])('to %s are refused', async (location, detail) => {
      const upstream = await listen((_, response) => response.writeHead(302, { location }).end());
      const result = await createClient().client.request({ url: upstream.url });
      expect(result).toMatchObject({
        failure: { reason: 'bad-answer', detail: expect.stringContaining(detail) },
      });
    });

    test('do not go round for ever', async () => {
      const upstream = await listen((_, response) => response.writeHead(302, { location: '/' }).end());
      const result = await createClient().client.request({ url: upstream.url });
      expect(result).toMatchObject({ failure: { reason: 'bad-answer', detail: 'more than 10 redirects' } });
      expect(upstream.seen).toHaveLength(11);
    });
  });

  describe('a redirect to where nothing may be read', () => {
    const follow = async (location: string, options: Partial<HttpClientOptions> = {}) => {
      const home = await listen((_, response) => response.writeHead(302, { location }).end());
      const { client } = createClient({ destinations: destinationsOf(home.url), ...options });
      return client.request({ url: home.url });
    };
    const refused = (detail: string) => ({
      kind: 'failure',
      failure: { reason: 'bad-answer', detail: expect.stringContaining(detail) },
    });

    test.each([
      ['127.0.0.1', '127.0.0.1'],
      ['127.1', '127.0.0.1'],
      ['2130706433', '127.0.0.1'],
      ['0x7f000001', '127.0.0.1'],
      ['0177.0.0.01', '127.0.0.1'],
      ['127.0.0.1.', '127.0.0.1'],
      ['%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1', '127.0.0.1'],
      ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
      ['[0:0:0:0:0:ffff:7f00:1]', '::ffff:7f00:1'],
      ['[::1]', '::1'],
    ])('is refused by its address, spelled %s, and nobody is asked there', async (spelled, address) => {
      const inside = await listen((_, response) => response.end('internal'));
      const location = inside.url.replace('127.0.0.1', spelled);
      expect(await follow(location)).toMatchObject(refused(`at ${address}`));
      expect(inside.seen).toEqual([]);
    });

    test('is refused by the address that its name has', async () => {
      const inside = await listen((_, response) => response.end('internal'));
      const location = inside.url.replace('127.0.0.1', 'files.example');
      const resolve = resolving(['127.0.0.1']);
      expect(await follow(location, { resolve })).toMatchObject(refused('files.example at 127.0.0.1'));
      expect(await follow(location.replace('http', 'https'), { resolve })).toMatchObject(
        refused('at 127.0.0.1'),
      );
      expect(inside.seen).toEqual([]);
    });

    test('is refused as soon as its name has another address', async () => {
      const inside = await listen((_, response) => response.setHeader('connection', 'close').end('internal'));
      const home = await listen((_, response) =>
        response.writeHead(302, { location: inside.url.replace('127.0.0.1', 'files.example') }).end(),
      );
      const resolve = resolving(['127.0.0.1'], ['127.0.0.3']);
      const { client } = createClient({ destinations: destinationsOf(home.url, '127.0.0.1'), resolve });
      expect(await text((await respond(client, home.url)).body)).toBe('internal');
      expect(await client.request({ url: home.url })).toMatchObject(refused('at 127.0.0.3'));
      expect(inside.seen).toHaveLength(1);
    });

    test('goes to the address that may be asked, of several', async () => {
      const outside = await listen((_, response) => response.end('public'));
      const location = outside.url.replace('127.0.0.1', 'files.example');
      const home = await listen((_, response) => response.writeHead(302, { location }).end());
      const resolve = resolving(['127.0.0.3', '127.0.0.1', '127.0.0.4']);
      const { client } = createClient({ destinations: destinationsOf(home.url, '127.0.0.1'), resolve });
      expect(await text((await respond(client, home.url)).body)).toBe('public');
    });

    test('and back to where it began is followed', async () => {
      const home = await listen((request, response) => {
        if (request.url === '/') response.writeHead(302, { location: `${home.url}/x` }).end();
        else response.end('home');
      });
      const { client } = createClient({ destinations: destinationsOf(home.url) });
      expect(await text((await respond(client, home.url)).body)).toBe('home');
    });

    test.each(['http://a$(id)/', 'http://a`id`/', 'http://a;id/', "http://a'b/", 'http://a{b}/'])(
      'is no address if a shell could run its host: %s',
      async (location) => {
        const result = await follow(location, { destinations: anyDestination });
        expect(result).toMatchObject(refused('to something that is no address'));
        expect(JSON.stringify(result)).not.toContain('id');
      },
    );

    test('is judged by what a proxy would be asked for', async () => {
      const proxy = await listen((_, response) => response.end('from the proxy'));
      const home = await listen((request, response) =>
        response.writeHead(302, { location: request.url?.slice(1) }).end(),
      );
      const destinations: Destinations = {
        permits: (url, address) =>
          url.origin === home.url || (address === undefined && url.host === 'a.example'),
        refusal: (url) => `no way to ${url.hostname}`,
      };
      const environment = { http_proxy: proxy.url, no_proxy: '127.0.0.1' };
      const { client } = createClient({ destinations, environment });
      const response = await respond(client, `${home.url}/http://a.example/`);
      expect(await text(response.body)).toBe('from the proxy');
      for (const host of ['127.0.0.2', 'intranet', '[::1]'])
        expect(await client.request({ url: `${home.url}/http://${host}/` })).toMatchObject(
          refused('no way to'),
        );
      expect(proxy.seen).toHaveLength(1);
    });
  });

  describe('a proxy', () => {
    test.each([
      [{ ALL_PROXY: 'socks5h://me:hush@127.0.0.1:1080' }, 'ALL_PROXY'],
      [{ http_proxy: 'proxy:3128:x' }, 'http_proxy'],
    ])('that cannot be used is a failure that names the variable: %j', async (environment, variable) => {
      const upstream = await listen((_, response) => response.end('direct'));
      const { client } = createClient({ environment });
      const result = await client.request({ url: upstream.url });
      expect(result).toMatchObject({
        failure: {
          reason: 'connection',
          detail: expect.stringContaining(`the environment variable ${variable} `),
        },
      });
      expect(JSON.stringify(result)).not.toContain('hush');
      expect(upstream.seen).toEqual([]);
    });

    test('is asked in the proxy form for plain HTTP', async () => {
      const proxy = await listen((_, response) => response.end('through the proxy'));
      const { client } = createClient({ environment: { HTTP_PROXY: proxy.url.replace('//', '//me:pass@') } });
      const response = await respond(client, 'http://upstream.invalid/a%2Fb', 'Bearer secret');
      expect(await text(response.body)).toBe('through the proxy');
      const [request] = proxy.seen;
      expect(request?.url).toBe('http://upstream.invalid/a%2Fb');
      expect(request?.headers).toMatchObject({
        host: 'upstream.invalid',
        authorization: 'Bearer secret',
        'proxy-authorization': `Basic ${Buffer.from('me:pass').toString('base64')}`,
      });
    });

    test('is asked for a tunnel for HTTPS', async () => {
      const proxy = await listen((_, response) => response.end());
      const tunnels: (string | undefined)[] = [];
      proxy.server.on('connect', (request: IncomingMessage, socket: Socket) => {
        tunnels.push(request.url);
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      });
      const { client } = createClient({ environment: { https_proxy: proxy.url }, retry: { retries: 0 } });
      const result = await client.request({ url: 'https://upstream.invalid/x' });
      expect(result).toMatchObject({ failure: { reason: 'connection' } });
      expect(tunnels).toEqual(['upstream.invalid:443']);
    });

    test('that never answers is a timeout', async () => {
      const proxy = await listenRaw(() => {});
      const { client } = createClient({ environment: { https_proxy: proxy }, timeouts: { firstByteMs: 50 } });
      const result = await client.request({ url: 'https://upstream.invalid/x' });
      expect(result).toMatchObject({ failure: { reason: 'timeout' } });
    });

    test('that wants authentication is named as the culprit', async () => {
      const proxy = await listen((_, response) => response.writeHead(407).end());
      const { client } = createClient({ environment: { http_proxy: proxy.url } });
      const result = await client.request({ url: 'http://upstream.invalid/' });
      expect(result).toMatchObject({
        failure: {
          reason: 'connection',
          detail: 'through the proxy that http_proxy names: the proxy wants authentication',
        },
      });
    });

    test('that nobody answers at is told, not the far side that was asked for', async () => {
      const { client } = createClient({
        environment: { http_proxy: 'http://me:hush@127.0.0.1:1' },
        retry: { retries: 0 },
      });
      const result = await client.request({ url: 'http://upstream.invalid/' });
      expect(result).toMatchObject({
        failure: { detail: 'through the proxy that http_proxy names: the connection was refused' },
      });
    });

    test.each(['127.0.0.1', '*', 'example.com, 127.0.0.1'])(
      'is not asked where NO_PROXY is %s',
      async (noProxy) => {
        const proxy = await listen((_, response) => response.writeHead(500).end());
        const upstream = await listen((_, response) => response.end('direct'));
        const { client } = createClient({ environment: { ALL_PROXY: proxy.url, NO_PROXY: noProxy } });
        expect(await text((await respond(client, upstream.url)).body)).toBe('direct');
        expect(proxy.seen).toHaveLength(0);
      },
    );
  });
});

function* many(pieces: number, sizeBytes: number): Generator<Buffer> {
  for (let piece = 0; piece < pieces; piece++) yield Buffer.alloc(sizeBytes);
}
