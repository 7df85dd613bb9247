import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, answer } from '../../src/demo/git-http-backend.ts';
import { answerOfFault, corrupt, type Faults, takeFaults, type UpstreamRequest } from './faults.ts';

export interface UpstreamServerOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Which part of the registry a raw request target asks: what `Faults.only` names. */
  readonly areaOf: (target: string) => string;
  /** Gives the real answer; the signal aborts when the client has left. */
  readonly answer: (request: IncomingMessage, signal: AbortSignal) => Promise<Answer>;
}

/** The HTTP side of an embedded registry: listens, counts, and misbehaves when told to. */
export interface UpstreamServer {
  /** Without a path or a final slash. */
  readonly origin: string;
  readonly port: number;
  /** Change its fields at any time. */
  readonly faults: Faults;
  clearFaults(): void;
  readonly requests: readonly UpstreamRequest[];
  /** How many requests so far have `filter` in their raw target, or satisfy it. */
  count(filter?: string | ((request: UpstreamRequest) => boolean)): number;
  resetCounts(): void;
  /** Refuses connections, and closes those that are open, until `listenAgain` takes the same port. */
  stopListening(): Promise<void>;
  listenAgain(): Promise<void>;
}

export async function startUpstreamServer(options: UpstreamServerOptions): Promise<UpstreamServer> {
  const host = options.host ?? '127.0.0.1';
  const requests: UpstreamRequest[] = [];
  const activeFaults: Faults = {};
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void respond(request, response).catch((error) => response.destroy(error));
  // Idle connections outlive any pause of a client, so that none meets a connection being closed.
  const settings = { keepAliveTimeout: 600_000 };
  const server = options.tls
    ? createTlsServer({ ...settings, ...options.tls }, handle)
    : createServer(settings, handle);
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers };
    requests.push(seen);
    const left = new AbortController();
    response.on('close', () => left.abort());
    response.on('error', () => left.abort());
    const faults = takeFaults(activeFaults, seen, options.areaOf(seen.url));
    try {
      if (faults.delayMs) await sleep(faults.delayMs, undefined, { signal: left.signal });
      if (faults.down) response.destroy();
      if (faults.down || faults.blackHole) return;
      const real = answerOfFault(faults, seen) ?? (await options.answer(request, left.signal));
      send(
        response,
        faults.wrongBytes ? { ...real, body: corrupt(real.body) } : real,
        faults.truncate ?? false,
      );
    } catch (error) {
      if (left.signal.aborted) return;
      send(response, answer(500, error instanceof Error ? error.message : String(error)), false);
    }
  }

  return {
    origin: `${options.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    faults: activeFaults,
    clearFaults() {
      for (const name of Object.keys(activeFaults) as (keyof Faults)[]) delete activeFaults[name];
    },
    requests,
    count: (filter = '') =>
      requests.filter(typeof filter === 'string' ? ({ url }) => url.includes(filter) : filter).length,
    resetCounts() {
      requests.length = 0;
    },
    async stopListening() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    async listenAgain() {
      server.listen(port, host);
      await once(server, 'listening');
    },
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer, isCut: boolean): void {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  if (!isCut) {
    response.end(body);
    return;
  }
  // Only when the half has left this process is the connection cut, so that the client sees it.
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
}
