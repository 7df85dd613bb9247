import { once } from 'node:events';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { withoutTrailingSlash } from '../../src/config/addresses.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../src/server/listen.ts';
import { type LogEntry, logTo } from './log-entries.ts';
import { createRegistryStandIn, type RegistryStandIn } from './registry-stand-in.ts';

export interface StandInServer {
  readonly registry: RegistryStandIn;
  readonly server: RunningServer;
  readonly url: string;
  readonly log: LogEntry[];
}

/** A server over a registry stand-in with such a `base_url`, closed when the running test has finished. */
export async function serveStandIn({
  baseUrl,
  ...options
}: Partial<ServerOptions> & { readonly baseUrl?: string } = {}): Promise<StandInServer> {
  const registry = await createRegistryStandIn();
  registry.editServer({ baseUrl: baseUrl && withoutTrailingSlash(baseUrl) });
  const log: LogEntry[] = [];
  const server = await startServer(registry, {
    host: '127.0.0.1',
    port: 0,
    log: logTo((entry) => log.push(entry)),
    ...options,
  });
  onTestFinished(async () => {
    await server.close(0);
    await registry.close();
  });
  return { registry, server, url: server.url, log };
}

/** Sends bytes that no HTTP client would, and returns everything that comes back until the server hangs up. */
export async function sendRaw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request, 'latin1');
  return readText(socket);
}

/** The status of a GET for exactly this target. */
export async function statusOfRaw(port: number, target: string, method = 'GET'): Promise<number> {
  const answer = await sendRaw(
    port,
    `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  );
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}
