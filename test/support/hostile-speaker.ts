import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { framePacket } from '../../src/support/git/pkt-line.ts';

/** What a terminal would obey or hide, each kind once. */
export const unsafeText =
  'x\u001b[31mred\u001b]0;title\u0007\u009b2J\u0085\u202egnihton\u2066\u200b\u00ad\u3164\u2028\u{e0041}\u007f';

/** A server that answers every request with the bytes that `speak` makes of its target. Base address without final slash. */
export async function startSpeaker(speak: (target: string) => Buffer): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => {
      const target = bytes.toString('latin1').split(' ')[1] ?? '';
      socket.end(speak(target));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return `http://127.0.0.1:${address.port}`;
}

export function httpAnswer(
  statusLine: string,
  headers: readonly string[],
  body: string | Buffer = '',
): Buffer {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${statusLine}`, ...headers, `Content-Length: ${bytes.length}`, 'Connection: close'];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

/** One line of git's packet framing, as UTF-8. */
export function packet(text: string): string {
  return framePacket(Buffer.from(text)).toString();
}
