/** What a git server says once it is asked for objects. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { framePacket } from '../../../src/support/git/pkt-line.ts';
import { packet, unsafeText } from '../../support/hostile-speaker.ts';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf } from '../attack.ts';
import type { Trick } from '../host.ts';
import { flood, upstreamText } from './answers.ts';

const largest = 65_515;

/** A packet of a side band: 1 is the pack, 2 what the user is told, 3 an error. */
function band(number: 1 | 2 | 3, content: string | Buffer): Buffer {
  return framePacket(Buffer.concat([Buffer.of(number), Buffer.from(content)]));
}

function packHeader(objects: number): Buffer {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  head.writeUInt32BE(objects, 8);
  return head;
}

type Talk = (response: ServerResponse, random: Random) => void;

/** What it does once it is asked for objects, and has agreed to send them. */
export const talks: Readonly<Record<string, Talk>> = {
  'progress without end': (response, random) => {
    const text = oneOf(random, [
      `${upstreamText} ${unsafeText}\r`,
      `${upstreamText}\n`,
      'x',
      '\u001b[2J\u001b]0;zebra-quagga\u0007\n',
    ]);
    const piece = band(2, Buffer.alloc(oneOf(random, [largest, 100]), text));
    if (response.socket) flood(response.socket, () => piece);
  },
  'acknowledgements without end': (response, random) => {
    const piece = Buffer.from(packet(`ACK ${random.hex(40)} common\n`).repeat(500));
    if (response.socket) flood(response.socket, () => piece);
  },
  'an error': (response) => void response.socket?.end(band(3, `${upstreamText} ${unsafeText}`)),
  'a pack of four thousand million objects': (response) => {
    if (!response.socket) return;
    response.socket.write(band(1, packHeader(0xffffffff)));
    const noise = band(1, Buffer.alloc(largest, 0x31));
    flood(response.socket, () => noise);
  },
  'a pack that is cut': (response) => {
    response.socket?.write(band(1, packHeader(1000)));
    response.socket?.end(band(1, Buffer.alloc(2000, 0x91)));
  },
  'an object that says it is huge': (response) => {
    const size = Buffer.of(0xb0 | 0x0f, 0xff, 0xff, 0xff, 0xff, 0x7f);
    response.socket?.write(band(1, Buffer.concat([packHeader(1), size])));
    response.socket?.end(band(1, Buffer.from('x')));
  },
  noise: (response, random) => void response.socket?.end(Buffer.from(random.hex(20_000), 'hex')),
  nothing: (response) => void response.socket?.end(),
  'flushes without end': (response) => {
    const piece = Buffer.from('0000'.repeat(10_000));
    if (response.socket) flood(response.socket, () => piece);
  },
};

/** Is asked for objects in the oldest of git's protocols, agrees, and goes on with `talk`. */
export function talkOf(talk: Talk, random: Random): Trick {
  return (request: IncomingMessage, response, area) => {
    // Protocol v0 alone, so that the next request is for objects.
    delete request.headers['git-protocol'];
    if (area !== 'index' || request.method !== 'POST') return false;
    const body: Buffer[] = [];
    request.on('data', (chunk: Buffer) => body.push(chunk));
    request.on('end', () => {
      const wanted = /want ([0-9a-f]{40})/.exec(Buffer.concat(body).toString('latin1'))?.[1] ?? '';
      const type = 'Content-Type: application/x-git-upload-pack-result';
      response.socket?.write(`HTTP/1.1 200 OK\r\n${type}\r\nConnection: close\r\n\r\n`);
      response.socket?.write(`${packet(`shallow ${wanted}`)}0000${packet('NAK\n')}`);
      talk(response, random);
    });
    return true;
  };
}

export const gitTalk: Channel = (random): Attack => {
  const what = oneOf(random, Object.keys(talks));
  return {
    name: `git: ${what}`,
    needsHttp: true,
    apply(host) {
      const talk = talks[what];
      // Something that is worth fetching.
      host.put([
        { name: 'user', nodes: [{ name: 'evil', nodes: [{ name: 'new.index', content: random.hex(40) }] }] },
      ]);
      if (talk) host.trick = talkOf(talk, random);
    },
  };
};

/** Says nothing more, at some point of a reading. */
export const silence: Channel = (random): Attack => {
  const phases = [
    'connecting',
    'after the head',
    'within the refs',
    'before objects',
    'within objects',
    'archives',
  ];
  const phase = oneOf(random, phases);
  return {
    name: `silence: ${phase}`,
    needsHttp: true,
    isSlow: true,
    apply(host) {
      host.put([
        { name: 'user', nodes: [{ name: 'evil', nodes: [{ name: 'new.index', content: random.hex(40) }] }] },
      ]);
      const type = 'Content-Type: application/x-git-upload-pack-advertisement';
      const head = `HTTP/1.1 200 OK\r\n${type}\r\nContent-Length: 5000\r\n\r\n`;
      const quiet = talkOf(() => undefined, random);
      host.trick = (request, response, area) => {
        if (phase === 'archives') return area !== 'index';
        if (phase === 'within objects') return quiet(request, response, area);
        if (area !== 'index' || (phase === 'before objects' && request.method !== 'POST')) return false;
        if (phase === 'after the head') response.socket?.write(head);
        if (phase === 'within the refs')
          response.socket?.write(`${head}${packet('# service=git-upload-pack\n')}0000`);
        return true;
      };
    },
  };
};
