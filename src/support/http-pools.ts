import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import {
  type HttpTransport,
  proxyFor,
  type TransportAnswer,
  type TransportOptions,
} from './http-transport.ts';

const discardedBytes = 64 * 1024;

/** Keep-alive connection pools, through the proxies that the environment names. */
export function createPools(options: TransportOptions): HttpTransport {
  const http = createAgent(proxyFor('http', options.environment), options);
  const https = createAgent(proxyFor('https', options.environment), options);
  return {
    async send(url, request) {
      const answer = await (url.protocol === 'https:' ? https : http).request({
        ...request,
        origin: url.origin,
        path: url.pathname + url.search,
        headersTimeout: options.firstByteMs,
        bodyTimeout: options.idleMs,
      });
      return toAnswer(answer);
    },
    destroy: async () => {
      await Promise.all([http.destroy(), https.destroy()]);
    },
  };
}

function createAgent(proxy: string | undefined, options: TransportOptions): Dispatcher {
  const connect = { timeout: options.connectMs };
  const pool = (origin: string | URL, poolOptions: object) =>
    new Pool(origin, { ...poolOptions, connections: options.connectionsPerOrigin, pipelining: 1 });
  if (proxy === undefined) return new Agent({ connect, factory: pool });
  return new EnvHttpProxyAgent({
    connect,
    proxyTls: connect,
    factory: pool,
    // A proxy that never answers CONNECT is bounded like a server that never answers.
    clientFactory: (origin, clientOptions) =>
      new Pool(origin, { ...clientOptions, headersTimeout: options.firstByteMs }),
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: noProxyOf(options.environment),
    // Many proxies forbid CONNECT to port 80, so plain HTTP is asked for in the proxy form.
    proxyTunnel: false,
  });
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

function noProxyOf(environment: TransportOptions['environment']): string {
  const entries = (environment.no_proxy ?? environment.NO_PROXY ?? '').split(/[,\s]+/);
  // undici compares with the bracketed form of an IPv6 address
  return entries
    .map((entry) => (/^[0-9a-f]*:[0-9a-f:]*:[0-9a-f.]*$/i.test(entry) ? `[${entry}]` : entry))
    .join(',');
}
