import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { serveStandIn } from '../../test/support/stand-in-server.ts';

const piece = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
/** More than what the kernel takes on both sides by itself. */
const enoughBytes = 64 * 1024 * 1024;

/** Sends a body without end, and tells how much of it was taken, and what was answered. */
async function flood(port: number, head: string) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  let isOpen = true;
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      isOpen = false;
      resolve();
    }),
  );
  socket.write(`${head} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`);
  while (isOpen && socket.bytesWritten < enoughBytes)
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
  socket.destroy();
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]), sentBytes: socket.bytesWritten };
}

test.each([
  ['GET /', 200],
  ['GET /user/alice/json/1.0.0.zip', 200],
  ['POST /health', 405],
  ['POST /nowhere', 404],
  ['POST /git/index/git-upload-pack', 415],
  ['POST /git/index/git-receive-pack', 403],
])('a body that nobody reads is taken in no further than its limit: %s', async (head, status) => {
  const { registry, server } = await serveStandIn({ limits: { bodyBytes: 100_000 } });
  await registry.publish('alice/json@1.0.0');
  const answered = await flood(server.port, head);
  expect(answered.status).toBe(status);
  expect(answered.sentBytes).toBeLessThan(enoughBytes);
});

test('a small body that nobody reads costs no connection', async () => {
  const { server } = await serveStandIn();
  const socket = connect(server.port, '127.0.0.1');
  const ask = (path: string, more: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n${more}\r\nhello`;
  socket.write(ask('/nowhere', '') + ask('/health', 'Connection: close\r\n'));
  let received = '';
  for await (const bytes of socket) received += bytes;
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 405']);
});
