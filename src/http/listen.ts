import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { StorageError, UsageError } from '../errors.ts';
import type { Registry } from '../registry/registry.ts';
import { errorCode } from '../support/error-code.ts';
import { type App, type AppOptions, createApp } from './app.ts';

export interface ServerOptions extends AppOptions {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
}

export interface RunningServer {
  /** Where it listens, without trailing slash. */
  readonly url: string;
  readonly port: number;
  stats: App['stats'];
  /** Accepts no more, lets running requests finish for `drainMs` (default 10 s), then cuts them. */
  close(drainMs?: number): Promise<void>;
}

const maxConnections = 4096;
const defaultDrainMs = 10_000;

const serverSettings = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  /** For a whole request, body included. */
  requestTimeout: 60_000,
  /** Longer than load balancers keep idle connections (usually 60 s), so that they close first. */
  keepAliveTimeout: 65_000,
} as const;
/** A client that takes nothing for so long has gone. */
const stalledAfterMs = 120_000;

/** Listens and serves. Throws `UsageError` when the address is taken or not ours, `StorageError` for no permission. */
export async function startServer(registry: Registry, options: ServerOptions): Promise<RunningServer> {
  const app = createApp(registry, options);
  const connections = createConnections();
  const server = createServer(serverSettings, (request, response) => {
    connections.track(request, response);
    app.handle(request, response).catch((error: unknown) => {
      options.log?.({ level: 'error', message: 'request handling failed', fields: { error } });
      response.destroy();
    });
  });
  server.on('connection', (socket) => connections.add(socket));
  server.maxConnections = maxConnections;
  server.setTimeout(stalledAfterMs);
  server.on('clientError', refuseBadRequest);
  const { port } = await listen(server, options);
  return {
    url: `http://${urlHost(options.host)}:${port}`,
    port,
    stats: app.stats,
    async close(drainMs = defaultDrainMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.drain();
      const timer = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/**
 * Which connections have requests running, so that draining can end the others. Node's own `closeIdleConnections`
 * spares connections that never sent a request, as browsers and proxies keep them.
 */
function createConnections() {
  const running = new Map<Socket, Set<ServerResponse>>();
  let isDraining = false;

  return {
    add(socket: Socket): void {
      running.set(socket, new Set());
      socket.once('close', () => running.delete(socket));
    },
    track({ socket }: IncomingMessage, response: ServerResponse): void {
      if (isDraining) response.shouldKeepAlive = false;
      running.get(socket)?.add(response);
      response.once('close', () => {
        const responses = running.get(socket);
        responses?.delete(response);
        if (isDraining && responses?.size === 0) socket.destroySoon();
      });
    },
    drain(): void {
      isDraining = true;
      for (const [socket, responses] of running) {
        if (responses.size === 0) socket.destroySoon();
        for (const response of responses) response.shouldKeepAlive = false;
      }
    },
  };
}

async function listen(server: Server, { host, port }: ServerOptions): Promise<AddressInfo> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, resolve);
    });
  } catch (error) {
    throw listenFailure(`${urlHost(host)}:${port}`, error);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address;
}

function listenFailure(where: string, error: unknown): unknown {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new UsageError(`cannot listen on ${where}: another program does`, {
        hint: 'choose another with --port, or stop that program',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UsageError(`cannot listen on ${where}: it is not an address of this machine`, {
        hint: 'use --host 127.0.0.1 for this machine only, or 0.0.0.0 for all networks',
        cause: error,
      });
    case 'EACCES':
      return new StorageError(`cannot listen on ${where}: not permitted`, {
        hint: 'ports below 1024 are for root; choose another with --port',
        cause: error,
      });
    default:
      return error;
  }
}

/** The bytes are no HTTP request, so nobody parsed a method to answer: say why in the least form, and hang up. */
function refuseBadRequest(error: Error, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || errorCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, title] = refusalOf(errorCode(error));
  const body = `${JSON.stringify({ type: 'about:blank', title, status, detail: 'The request could not be read.' })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function refusalOf(code: string | undefined): readonly [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request Header Fields Too Large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request Timeout'];
  return [400, 'Bad Request'];
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
