import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { judgedLookup } from './destination.ts';
import type { HttpTransport, TransportAnswer, TransportOptions } from './http-transport.ts';
import { secureContextOf, type TlsSettings } from './tls-settings.ts';

const discardedBytes = 64 * 1024;

/** Of certificates that were renewed meanwhile, so many have pools still. */
const maxAgents = 8;

interface Way {
  readonly proxy: string | undefined;
  readonly tls: TlsSettings | undefined;
}

/** Keep-alive connection pools, to servers and to proxies. */
export function createPools(options: TransportOptions): HttpTransport {
  const agents: (Way & { readonly agent: Dispatcher })[] = [];
  const agentFor = ({ proxy, tls }: Way) => {
    const known = agents.find((one) => one.proxy === proxy && one.tls === tls);
    if (known !== undefined) return known.agent;
    const agent = proxy === undefined ? directly(options, tls) : through(proxy, options, tls);
    agents.push({ proxy, tls, agent });
    if (agents.length > maxAgents) void agents.shift()?.agent.close();
    return agent;
  };
  return {
    async send(url, { proxy, tls, body, ...request }) {
      const answer = await agentFor({ proxy, tls }).request({
        ...request,
        body: body ?? null,
        origin: url.origin,
        path: url.pathname + url.search,
        headersTimeout: options.firstByteMs,
        bodyTimeout: options.idleMs,
      });
      return toAnswer(answer);
    },
    destroy: async () => {
      await Promise.all(agents.map(({ agent }) => agent.destroy()));
    },
  };
}

function directly(
  { connectMs, connectionsPerOrigin, destinations, resolve }: TransportOptions,
  tls: TlsSettings | undefined,
): Dispatcher {
  return new Agent({
    factory: (origin, poolOptions) => {
      const lookup = judgedLookup(destinations, new URL(origin), resolve);
      const connect = { timeout: connectMs, lookup, ...securedBy(tls) };
      return new Pool(origin, { ...poolOptions, connect, connections: connectionsPerOrigin, pipelining: 1 });
    },
  });
}

function securedBy(tls: TlsSettings | undefined) {
  return tls === undefined ? {} : { secureContext: secureContextOf(tls) };
}

function through(
  proxy: string,
  { connectMs, firstByteMs, connectionsPerOrigin }: TransportOptions,
  tls: TlsSettings | undefined,
): Dispatcher {
  const connect = { timeout: connectMs };
  const { uri, token } = splitCredentials(proxy);
  return new ProxyAgent({
    uri,
    ...(token === undefined ? {} : { token }),
    connect,
    proxyTls: connect,
    requestTls: { ...connect, ...securedBy(tls) },
    factory: (origin, poolOptions: object) =>
      new Pool(origin, { ...poolOptions, connections: connectionsPerOrigin, pipelining: 1 }),
    // A proxy that never answers CONNECT is bounded like a server that never answers.
    clientFactory: (origin, clientOptions) =>
      new Pool(origin, { ...clientOptions, headersTimeout: firstByteMs }),
    // Many proxies forbid CONNECT to port 80, so plain HTTP is asked for in the proxy form.
    proxyTunnel: false,
  });
}

/** undici sends none of a user without a password, or of a password without a user. */
function splitCredentials(proxy: string): { readonly uri: string; readonly token: string | undefined } {
  const url = new URL(proxy);
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  const token = pair === ':' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`;
  return { uri: url.href, token };
}

function toAnswer({ statusCode, headers, body }: Dispatcher.ResponseData): TransportAnswer {
  return {
    status: statusCode,
    headers,
    body,
    discard: () => {
      body.dump({ limit: discardedBytes }).catch(() => body.destroy());
    },
  };
}
