import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import type { SourceConfig } from '../config/config.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient } from '../support/net/fetch-http.ts';
import { transportFailure } from '../support/net/http-failure.ts';
import { noCredentials } from './credentials.ts';
import { type OpenContext, openArchiveAt, openAssetAt } from './open-over-http.ts';
import type { OpenedBody } from './source.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const file = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
const etag = '"one"';

type Handler = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

/** Where archives are, and what a source that answers so gives for one. */
async function createWorld(handle: Handler, timeouts: { readonly totalMs?: number } = {}) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    handle(request, response, seen.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttpClient({
    userAgent: 'mooncake/0.1.0 test',
    environment: {},
    destinations: anyDestination,
    timeouts,
    retry: { sleep: async () => {} },
  });
  cleanups.push(async () => {
    await http.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const config = { url, downloadUrl: url, indexUrl: `${url}/git/index` } as SourceConfig;
  const clock = { at: 0, now: () => clock.at };
  const context: OpenContext = { config, credentials: noCredentials({ name: 'partner' }), http, clock };
  const never = new AbortController().signal;
  const lookUp = async () =>
    (await openArchiveAt(context, 'a/b' as ModuleName, '1.0.0' as Version, 'split', never)).result;
  return {
    seen,
    clock,
    lookUp,
    openAsset: () => openAssetAt(context, 'a/b@1.0.0/c.wasm', never),
    async open(): Promise<OpenedBody> {
      const result = await lookUp();
      if (result.kind !== 'found') throw new Error(JSON.stringify(result));
      return result.value;
    },
    ranges: () => seen.map(({ headers }) => [headers.range, headers['if-range']]),
  };
}

/** Sends the file from where the range begins, or all of it, and breaks off after `bytes` of that. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes = file.length, headers = {} as Record<string, string>, whole = file } = {},
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = whole.subarray(start);
  const range = start > 0 ? { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...range, ...headers });
  sendPart(response, rest, bytes);
}

function sendPart(response: ServerResponse, rest: Buffer, bytes: number): void {
  if (bytes >= rest.length) response.end(rest);
  else response.write(rest.subarray(0, bytes), () => response.destroy());
}

async function failureOf(opened: OpenedBody) {
  const error = await buffer(opened.body).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return transportFailure(error);
}

describe('a body that breaks off', () => {
  test('goes on where it was, of the same file', async () => {
    const world = await createWorld((request, response) =>
      send(request, response, { bytes: 150_000, headers: { etag } }),
    );
    const opened = await world.open();
    expect((await buffer(opened.body)).equals(file)).toBe(true);
    expect(world.ranges()).toEqual([
      [undefined, undefined],
      ['bytes=150000-', etag],
      ['bytes=300000-', etag],
    ]);
    expect(opened.progress?.().receivedBytes).toBe(file.length);
  });

  test('goes on without an ETag where the length agrees', async () => {
    const world = await createWorld((request, response) => send(request, response, { bytes: 250_000 }));
    expect((await buffer((await world.open()).body)).equals(file)).toBe(true);
    expect(world.ranges()).toEqual([
      [undefined, undefined],
      ['bytes=250000-', undefined],
    ]);
  });

  test('before its first byte is asked for again', async () => {
    const world = await createWorld((request, response, turn) =>
      turn === 0
        ? (response.writeHead(200, { 'content-length': file.length }).flushHeaders() ?? response.destroy())
        : send(request, response),
    );
    expect((await buffer((await world.open()).body)).equals(file)).toBe(true);
    expect(world.ranges()).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  test('is read anew, up to where it was, from a server that gives no ranges', async () => {
    const world = await createWorld((_, response, turn) => {
      response.writeHead(200, { 'content-length': file.length });
      sendPart(response, file, turn === 0 ? 100_000 : file.length);
    });
    expect((await buffer((await world.open()).body)).equals(file)).toBe(true);
    expect(world.seen).toHaveLength(2);
  });

  test.each<[string, Handler]>([
    ['with another ETag', (request, response) => send(request, response, { headers: { etag: '"two"' } })],
    ['of another length', (request, response) => send(request, response, { whole: Buffer.alloc(500_000) })],
    [
      'that begins elsewhere',
      (_, response) => {
        response.writeHead(206, { 'content-range': `bytes 0-9/${file.length}`, 'content-length': 10 });
        response.end(file.subarray(0, 10));
      },
    ],
    ['without a Content-Range', (_, response) => response.writeHead(206).end(file.subarray(100_000))],
    ['whole, and another', (_, response) => response.writeHead(200, { etag: '"two"' }).end(file)],
  ])('takes no rest %s', async (_, rest) => {
    const world = await createWorld((request, response, turn) =>
      turn === 0
        ? send(request, response, { bytes: 100_000, headers: { etag } })
        : rest(request, response, turn),
    );
    expect(await failureOf(await world.open())).toEqual({
      reason: 'connection',
      detail: 'the answer broke off, and what is there now is another',
    });
    expect(world.seen).toHaveLength(2);
  });

  test('without progress is given up', async () => {
    const world = await createWorld((request, response) =>
      send(request, response, { bytes: 1000, headers: { etag } }),
    );
    expect(await failureOf(await world.open())).toMatchObject({ reason: 'connection' });
    expect(world.ranges().map(([range]) => range)).toEqual([
      undefined,
      'bytes=1000-',
      'bytes=2000-',
      'bytes=3000-',
    ]);
  });

  test('and is refused then fails as it broke off', async () => {
    const world = await createWorld((request, response, turn) =>
      turn === 0 ? send(request, response, { bytes: 100_000 }) : response.writeHead(404).end(),
    );
    expect(await failureOf(await world.open())).toMatchObject({ reason: 'connection' });
  });
});

describe('a body that takes long', () => {
  /** Sends a byte when the one before has arrived, `secondsBetween` later. */
  async function drip(count: number, bytes: number, secondsBetween: number) {
    const piece = Buffer.alloc(bytes);
    let next = () => {};
    const world = await createWorld((_, response) => {
      response.writeHead(200, { 'content-length': count * bytes });
      next = () => void response.write(piece);
      next();
    });
    const opened = await world.open();
    let received = 0;
    try {
      for await (const chunk of opened.body as AsyncIterable<Buffer>) {
        received += chunk.length;
        world.clock.at += secondsBetween * 1000;
        if (received % bytes === 0) next();
      }
    } catch (error) {
      return transportFailure(error);
    }
    return received;
  }

  test('is not cut while it arrives at a bearable speed', async () => {
    expect(await drip(40, 32 * 1024, 20)).toBe(40 * 32 * 1024);
  });

  test('is given up when it drips', async () => {
    expect(await drip(1000, 1, 5)).toEqual({ reason: 'timeout', detail: 'the answer arrived too slowly' });
  });

  test('is not cut when the whole time of a request is over', async () => {
    let finish = () => {};
    const world = await createWorld(
      (_, response) => {
        response.writeHead(200, { 'content-length': 2 }).write('a');
        finish = () => void response.end('b');
      },
      { totalMs: 300 },
    );
    const opened = await world.open();
    const whole = buffer(opened.body);
    await new Promise((resolve) => setTimeout(resolve, 310));
    finish();
    expect((await whole).toString()).toBe('ab');
  });
});

describe('a refusal of one address', () => {
  const answers = (byAddress: Readonly<Record<string, number>>): Handler => {
    return ({ url = '' }, response) => {
      const form = Object.keys(byAddress).find((part) => url.includes(part)) ?? '';
      response.writeHead(byAddress[form] ?? 500).end('x');
    };
  };

  test.each([
    [403, 200, 'found'],
    [401, 200, 'found'],
    [403, 404, 'unauthorized'],
    [404, 403, 'unauthorized'],
    [403, 403, 'unauthorized'],
    [404, 410, 'absent'],
    [500, 200, 'server-error'],
    [403, 429, 'rate-limited'],
  ])('%i, and %i of the other, is %s', async (split, legacy, outcome) => {
    const world = await createWorld(answers({ '/a/b/': split, '/a%2Fb%2F': legacy }));
    const result = await world.lookUp();
    expect(result.kind === 'unavailable' ? result.cause.reason : result.kind).toBe(outcome);
    const assets = await createWorld(answers({ '/prebuild/': split, '/assets/': legacy }));
    const asset = await assets.openAsset();
    expect(asset.kind === 'unavailable' ? asset.cause.reason : asset.kind).toBe(outcome);
    for (const one of [result, asset]) if (one.kind === 'found') one.value.body.destroy();
  });
});
