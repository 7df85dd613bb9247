import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { errorCode } from '../support/error-code.ts';
import type { Log } from '../support/log.ts';
import { type Outcome, statusOf } from './status.ts';

/**
 * The bytes are no HTTP request, so nobody parsed a method to answer: logs it, says why in the least form, and hangs
 * up. While earlier requests of the connection are being answered (`isAnswering`) it only hangs up: anything
 * written now would be taken for a part of their answers.
 */
export function refuseBadRequest(error: Error, socket: Socket, isAnswering: boolean, log: Log): void {
  if (errorCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = statusOf[outcomeOf(errorCode(error))];
  const title = STATUS_CODES[status];
  const id = randomUUID();
  // Browsers and proxies connect ahead of time, and may never ask.
  const level = socket.bytesRead === 0 ? 'debug' : 'info';
  const fields = { id, status, reason: errorCode(error) ?? error.message, client: socket.remoteAddress };
  log[level]('unreadable request', fields);
  if (isAnswering || !socket.writable) {
    socket.destroy();
    return;
  }
  const detail = 'The request could not be read.';
  const problem = { type: 'about:blank', title, status, detail, instance: `urn:uuid:${id}` };
  const body = `${JSON.stringify(problem)}\n`;
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${id}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function outcomeOf(code: string | undefined): Outcome {
  if (code === 'HPE_HEADER_OVERFLOW') return 'too-many-headers';
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'too-slow' : 'malformed';
}
