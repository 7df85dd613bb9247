import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Limits } from '../config/config.ts';
import { StorageError, UsageError } from '../errors.ts';
import { refuseBadRequest } from '../http/bad-request.ts';
import type { Serving } from '../registry/registry.ts';
import { errorCode } from '../support/error-code.ts';
import { silentLog } from '../support/log.ts';
import { type App, type AppOptions, createApp } from './app.ts';
import { createConnections } from './sockets.ts';

export interface ServerOptions extends Omit<AppOptions, 'listening'> {
  /** A name or an address. */
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** Instead of `server.max_connections`. */
  readonly maxConnections?: number | undefined;
}

type Timeouts = Pick<Limits, 'headersMs' | 'requestMs' | 'keepAliveMs' | 'stalledMs'>;

export interface RunningServer {
  /** Where it listens, without trailing slash. */
  readonly url: string;
  readonly port: number;
  stats: App['stats'];
  routes: App['routes'];
  /** Accepts no more, lets running requests finish for `drainMs` (default 10 s), then cuts them. */
  close(drainMs?: number): Promise<void>;
}

const defaultDrainMs = 10_000;

/** How often the time of requests is looked at, unless one of them has less. */
const checkEveryMs = 5000;
const maxHeaderBytes = 16 * 1024;

/** Listens and serves. Throws `UsageError` when the address is taken or not ours, `StorageError` for no permission. */
export async function startServer(registry: Serving, options: ServerOptions): Promise<RunningServer> {
  const log = options.log ?? silentLog;
  let address: string | undefined;
  const listening = () => {
    // Told once: a server that is closing has none.
    address ??= addressOf(server).address;
    return { host: options.host, address };
  };
  const app = createApp(registry, { ...options, listening });
  const maximum = options.maxConnections ?? registry.config.server.maxConnections;
  const connections = createConnections({ maximum, log, now: options.now ?? (() => performance.now()) });
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    if (!connections.track(request, response)) return;
    app.handle(request, response).catch((error: unknown) => {
      log.error('request handling failed', { error });
      response.destroy();
    });
  };
  const timeouts: Timeouts = { ...registry.config.limits, ...options.limits };
  const server = createServer(serverSettings(timeouts), serve);
  // Expectations other than `100-continue` may be ignored (RFC 9110 §10.1.1), and are then logged like any request.
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => connections.add(socket));
  server.on('drop', () => connections.refused());
  server.maxConnections = maximum;
  server.setTimeout(timeouts.stalledMs);
  const refuse = (error: Error, socket: Socket) =>
    refuseBadRequest(error, socket, connections.isAnswering(socket), log);
  server.on('clientError', (error, socket) => refuse(error, socket as Socket));
  server.on('connect', (_, socket) => refuse(new Error('this is no forward proxy'), socket as Socket));
  await app.prepare();
  const { port } = await listen(server, options);
  return {
    url: `http://${urlHost(options.host)}:${port}`,
    port,
    stats: app.stats,
    routes: app.routes,
    async close(drainMs = defaultDrainMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.drain();
      const timer = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearTimeout(timer);
      app.close();
    },
  };
}

function serverSettings(timeouts: Timeouts) {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: Math.min(checkEveryMs, Math.ceil(timeouts.headersMs / 2)),
    // `createApp` answers these, so that they get an id and a log line.
    requireHostHeader: false,
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
  return addressOf(server);
}

function addressOf(server: Server): AddressInfo {
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

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
