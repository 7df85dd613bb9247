/** Answers over HTTP that no honest server gives. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { httpAnswer, packet, unsafeText } from '../../support/hostile-speaker.ts';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf } from '../attack.ts';
import type { Area, HostileHost, Trick } from '../host.ts';

/** What stands in no message of ours but for what a source said. */
export const upstreamText = 'zebra-quagga';

const areas: readonly (Area | 'all')[] = ['index', 'archives', 'others', 'all'];
const megabyte = 1024 * 1024;
const bomb = gzipSync(Buffer.alloc(64 * megabyte));

/** Writes without end, as fast as it is taken, until the other side has hung up. */
export function flood(socket: Socket, next: () => Buffer): void {
  const go = () => {
    while (!socket.destroyed && socket.writable)
      if (!socket.write(next())) return void socket.once('drain', go);
  };
  go();
}

function rawly(work: (socket: Socket, request: IncomingMessage) => void): Trick {
  return (request, response) => {
    const { socket } = response;
    if (socket) work(socket, request);
    return true;
  };
}

function within(area: Area | 'all', trick: Trick): Trick {
  return (request, response, asked) => (area === 'all' || area === asked) && trick(request, response, asked);
}

function always(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = '',
): Trick {
  return (_, response) => {
    response.writeHead(status, headers).end(body);
    return true;
  };
}

const statuses = [
  ...[
    200, 201, 204, 206, 207, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406,
    407, 408,
  ],
  ...[
    409, 410, 411, 413, 414, 416, 418, 421, 425, 426, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511,
    599, 999,
  ],
];
const retryAfters = [
  '0',
  '1',
  '-1',
  '999999999999',
  '1e9',
  'Infinity',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  'soon',
  '',
];
const types = [
  'application/x-git-upload-pack-advertisement',
  'application/x-git-upload-pack-result',
  'text/html',
  'application/zip',
  'x/y; charset=utf-7',
];

function anyStatus(random: Random): Trick {
  const headers: Record<string, string> = { 'content-type': oneOf(random, types) };
  if (random.chance(0.5)) headers['retry-after'] = oneOf(random, retryAfters);
  if (random.chance(0.3)) headers['www-authenticate'] = `Basic realm="${upstreamText}"`;
  if (random.chance(0.2)) headers.warning = `110 - "${upstreamText}"`;
  return always(oneOf(random, statuses), headers, random.chance(0.5) ? `${upstreamText} ${unsafeText}` : '');
}

/** Places inside that nothing may be asked at. */
function redirects(random: Random, canary: string): Trick {
  const { port } = new URL(canary);
  const places = [
    canary,
    `http://localhost:${port}`,
    `http://[::1]:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    `http://2130706433:${port}`,
    `http://0x7f.1:${port}`,
    `http://0:${port}`,
    'http://10.0.0.1',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1',
    'http://[fe80::1]',
    'http://[64:ff9b::7f00:1]',
    'file:///etc/passwd',
    'gopher://127.0.0.1',
    `${upstreamText}:x`,
    '//',
    'http://',
    '',
    `http://${'x'.repeat(5000)}`,
  ];
  const place = oneOf(random, places);
  const status = oneOf(random, [301, 302, 303, 307, 308]);
  const keepsPath = random.chance(0.7);
  return (request, response) => {
    response.writeHead(status, { location: `${place}${keepsPath ? request.url : ''}` }).end();
    return true;
  };
}

function endlessly(random: Random): Trick {
  const filler = Buffer.alloc(64 * 1024, `${upstreamText} `);
  return oneOf<() => Trick>(random, [
    () =>
      rawly((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        let count = 0;
        flood(socket, () => Buffer.from(`X-${count++}: ${upstreamText}\r\n`.repeat(200)));
      }),
    () =>
      rawly((socket) => {
        socket.write('HTTP/1.1 200 ');
        flood(socket, () => filler);
      }),
    () => rawly((socket) => flood(socket, () => Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(500)))),
    () =>
      rawly((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${oneOf(random, types)}\r\nConnection: close\r\n\r\n`);
        flood(socket, () => filler);
      }),
    () =>
      rawly((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${types[0]}\r\nTransfer-Encoding: chunked\r\n\r\n`);
        const id = random.hex(40);
        const lines = Array.from({ length: 500 }, (_, at) => packet(`${id} refs/heads/b${at}\n`)).join('');
        const chunk = Buffer.from(`${lines.length.toString(16)}\r\n${lines}\r\n`);
        const head = `${packet('# service=git-upload-pack\n')}0000`;
        socket.write(`${head.length.toString(16)}\r\n${head}\r\n`);
        flood(socket, () => chunk);
      }),
    () => (request, response) => {
      response.writeHead(302, { location: `${request.url?.split('&')[0]}&${random.hex(8)}` }).end();
      return true;
    },
  ])();
}

function badly(random: Random): Trick {
  const raw = (bytes: string | Buffer): Trick => rawly((socket) => void socket.end(bytes));
  const body = `${packet('# service=git-upload-pack\n')}0000`;
  return oneOf<() => Trick>(random, [
    () => rawly((socket) => socket.resetAndDestroy()),
    () => rawly((socket) => socket.destroy()),
    () =>
      rawly((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${types[0]}\r\nContent-Length: 100000\r\n\r\n${body}`);
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    () => raw(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${'x'.repeat(5000)}`),
    () => raw('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nxxxxx'),
    () => raw('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'),
    () => raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx'),
    () => raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n'),
    () => raw(`${upstreamText}\r\n\r\n`),
    () => raw('HTTP/9.9 200 OK\r\n\r\n'),
    () => raw(httpAnswer(`200 ${upstreamText}\u009b2J`, [`X: \u0000${upstreamText}`])),
    () => raw('SSH-2.0-OpenSSH_9.2\r\n'),
    () => always(200, { 'content-encoding': 'gzip', 'content-type': types[0] ?? '' }, bomb),
    () => always(200, { 'content-encoding': 'gzip', 'content-type': types[0] ?? '' }, 'no gzip'),
    () => always(200, { 'content-encoding': `${upstreamText}, br`, 'content-type': types[0] ?? '' }, body),
    () => always(200, { 'content-type': types[0] ?? '' }, 'ffff'),
    () => always(200, { 'content-type': types[0] ?? '' }, `${body}0003`),
    () => always(200, { 'content-type': types[0] ?? '' }, body + packet(`ERR ${upstreamText} ${unsafeText}`)),
    () =>
      always(200, { 'content-type': types[0] ?? '' }, body + packet(`${'0'.repeat(40)} capabilities^{}\0x`)),
    () =>
      always(
        200,
        { 'content-type': types[0] ?? '' },
        `${body}${packet('version 2\n')}${packet('ls-refs\n')}0000`,
      ),
  ])();
}

function slowly(random: Random): Trick {
  const everyMs = oneOf(random, [50, 500]);
  return rawly((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), everyMs);
    socket.on('close', () => clearInterval(timer));
  });
}

/** Repeats our credentials wherever an answer has room for them, in some spelling. */
function echoing(host: HostileHost, random: Random): Trick {
  const spell = oneOf<(text: string) => string>(random, [
    (text) => text,
    (text) => text.toUpperCase(),
    (text) => Buffer.from(text).toString('base64'),
    (text) => Buffer.from(text).toString('hex'),
    (text) => encodeURIComponent(text),
    (text) => [...text].join('\u00ad'),
    (text) => [...text].reverse().join(''),
  ]);
  const place = random.below(7);
  return (_, response: ServerResponse) => {
    const said = spell((host.credentials ?? '').replace(/^\w+ /, ''));
    const inHeader = said.replace(/[^\x20-\x7e\xa0-\xff]/g, '');
    const smart = { 'content-type': types[0] ?? '' };
    const answers: (() => void)[] = [
      () => response.writeHead(500, inHeader || 'x', { 'x-said': inHeader }).end(said),
      () => response.writeHead(200, { 'content-encoding': inHeader }).end(said),
      () =>
        response
          .writeHead(302, { location: `http://${inHeader.replace(/[^a-z0-9.-]/gi, '')}.invalid/` })
          .end(),
      () => response.writeHead(302, { location: `${inHeader.replace(/[^a-z0-9+.-]/gi, '')}:x` }).end(),
      () =>
        response
          .writeHead(200, smart)
          .end(`${packet('# service=git-upload-pack\n')}0000${packet(`ERR ${said}`)}`),
      () => response.writeHead(401, { 'www-authenticate': `Basic realm="${inHeader}"` }).end(said),
      () => response.writeHead(200, { ...smart, etag: `"${inHeader}"` }).end(packet(said)),
    ];
    answers[place]?.();
    return true;
  };
}

const kinds: Readonly<Record<string, (random: Random, host: HostileHost, canary: string) => Trick>> = {
  status: anyStatus,
  redirect: (random, _, canary) => redirects(random, canary),
  endless: endlessly,
  broken: badly,
  echo: (random, host) => echoing(host, random),
  slow: slowly,
};

export function answers(canary: string): Channel {
  return (random): Attack => {
    const kind = oneOf(random, Object.keys(kinds));
    const area = oneOf(random, areas);
    return {
      name: `answers: ${kind}, ${area}`,
      needsHttp: true,
      isSlow: kind === 'slow',
      apply(host) {
        const trick = kinds[kind]?.(random, host, canary);
        if (trick) host.trick = within(area, trick);
      },
    };
  };
}

/** It answers as ever, and says that it is not up to date itself. */
export const staleUpstream: Channel = (): Attack => ({
  name: 'answers: stale itself',
  needsHttp: true,
  apply(host) {
    host.trick = (_, response) => {
      response.setHeader('Warning', `110 - "${upstreamText}"`);
      return false;
    };
  },
});
