/** Archives, symbols and assets that are not what they should be. */
import { zipSync } from 'fflate';
import type { Random } from '../../worlds/random.ts';
import { type Attack, type Channel, oneOf } from '../attack.ts';
import type { Trick } from '../host.ts';
import { flood } from './answers.ts';

const megabyte = 1024 * 1024;

function makeBodies(random: Random): Buffer {
  return oneOf<() => Buffer>(random, [
    () => Buffer.alloc(0),
    () => Buffer.from('<!doctype html><title>zebra-quagga</title>'),
    () => Buffer.from('PK\x03\x04'),
    () => Buffer.from(random.hex(4000), 'hex'),
    () => Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.from(random.hex(4000), 'hex')]),
    () => Buffer.from(zipSync({ 'evil/bomb.symbols': new Uint8Array(24 * megabyte) })),
    () => Buffer.from(zipSync({ '../../evil': new Uint8Array(10), '/etc/x': new Uint8Array(10) })),
    () => Buffer.from('504b0506ffffffffffffffffffffffffffffffffffff', 'hex'),
  ])();
}

function makeTrick(random: Random): Trick {
  const body = makeBodies(random);
  const start = Buffer.from('PK\x03\x04');
  const filler = Buffer.alloc(64 * 1024, 1);
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n';
  const socketOf = (response: Parameters<Trick>[1]) => response.socket;
  return oneOf<Trick>(random, [
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/zip' }).end(body);
      return true;
    },
    (_, response) => {
      const socket = socketOf(response);
      socket?.write(`${head}Connection: close\r\n\r\n`);
      socket?.write(start);
      if (socket) flood(socket, () => filler);
      return true;
    },
    (_, response) => {
      socketOf(response)?.end(Buffer.concat([Buffer.from(`${head}Content-Length: 999999\r\n\r\n`), start]));
      return true;
    },
    (_, response) => {
      socketOf(response)?.end(`${head}Content-Length: 999999999999999\r\n\r\nPK\x03\x04`);
      return true;
    },
    (_, response) => {
      response
        .writeHead(206, { 'content-range': 'bytes 5-9/10', 'content-type': 'application/zip' })
        .end(body);
      return true;
    },
    (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/zip' }).end(body);
      return true;
    },
  ]);
}

export const bytes: Channel = (random): Attack => ({
  name: 'bytes: archives, symbols and assets',
  needsHttp: true,
  apply(host) {
    const trick = makeTrick(random);
    host.trick = (request, response, area) => area !== 'index' && trick(request, response, area);
  },
});
