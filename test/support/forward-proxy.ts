import { once } from 'node:events';
import { createServer, type RequestListener, request as sendRequest } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ForwardProxy {
  readonly url: string;
  /** What was asked so far: `CONNECT host:port`, or a method and an absolute URL. Refused requests too. */
  readonly asked: readonly string[];
  /** What each of these requests had in `Proxy-Authorization`. */
  readonly authorizations: readonly (string | undefined)[];
  close(): Promise<void>;
}

/**
 * An HTTP proxy on loopback that stands for the whole network: the names in `routes` (`host:port` → loopback port)
 * can be reached through it, by CONNECT or in absolute form, and everything else is refused with 403.
 */
export async function startForwardProxy(
  routes: Readonly<Record<string, number>>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ForwardProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const tunnels = new Set<Socket>();
  const answer: RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers['proxy-authorization']);
    const target = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined;
    const port = target && routes[`${target.hostname}:${target.port || '80'}`];
    if (!target || port === undefined) {
      response.writeHead(403).end('refused: no route');
      return;
    }
    const { method, headers } = request;
    const path = `${target.pathname}${target.search}`;
    const onward = sendRequest({ host: '127.0.0.1', port, method, headers, path }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  };
  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  server.on('connect', (request, client: Socket, head: Buffer) => {
    asked.push(`CONNECT ${request.url}`);
    authorizations.push(request.headers['proxy-authorization']);
    const port = routes[request.url ?? ''];
    if (port === undefined) {
      client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    joinFates(client, upstream, tunnels);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    authorizations,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const socket of tunnels) socket.destroy();
      await closed;
    },
  };
}

/** When one side of a tunnel ends or fails, so does the other. */
function joinFates(a: Socket, b: Socket, tunnels: Set<Socket>): void {
  for (const [socket, other] of [
    [a, b],
    [b, a],
  ] as const) {
    tunnels.add(socket);
    socket.on('error', () => other.destroy());
    socket.on('close', () => {
      tunnels.delete(socket);
      other.destroy();
    });
  }
}
