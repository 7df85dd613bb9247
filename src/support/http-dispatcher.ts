import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';

export interface DispatcherOptions {
  readonly connectionsPerOrigin: number;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Keep-alive connection pools, through the proxies that the environment names, as curl (and so git) reads it. */
export interface Dispatchers {
  for(url: URL): Dispatcher;
  /** Closes every connection; what is still running fails. */
  destroy(): Promise<void>;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const connect = { timeout: options.connectTimeoutMs };
  const pool = (origin: string | URL, poolOptions: object) =>
    new Pool(origin, { ...poolOptions, connections: options.connectionsPerOrigin, pipelining: 1 });
  const noProxy = noProxyOf(options.environment);
  const agentFor = (proxy: string | undefined): Dispatcher =>
    proxy === undefined
      ? new Agent({ connect, factory: pool })
      : new EnvHttpProxyAgent({
          connect,
          proxyTls: connect,
          factory: pool,
          // A proxy that never answers CONNECT is bounded like a server that never answers.
          clientFactory: (origin, clientOptions) =>
            new Pool(origin, { ...clientOptions, headersTimeout: options.firstByteTimeoutMs }),
          httpProxy: proxy,
          httpsProxy: proxy,
          noProxy,
          // Many proxies forbid CONNECT to port 80, so plain HTTP is asked for in the proxy form.
          proxyTunnel: false,
        });
  const http = agentFor(proxyFor('http', options.environment));
  const https = agentFor(proxyFor('https', options.environment));
  return {
    for: (url) => (url.protocol === 'https:' ? https : http),
    destroy: async () => {
      await Promise.all([http.destroy(), https.destroy()]);
    },
  };
}

function proxyFor(
  scheme: 'http' | 'https',
  environment: DispatcherOptions['environment'],
): string | undefined {
  const names = [`${scheme}_proxy`, `${scheme}_proxy`.toUpperCase(), 'all_proxy', 'ALL_PROXY'];
  const value = names.map((name) => environment[name]?.trim()).find((text) => text);
  if (value === undefined) return undefined;
  return value.includes('://') ? value : `http://${value}`;
}

function noProxyOf(environment: DispatcherOptions['environment']): string {
  const entries = (environment.no_proxy ?? environment.NO_PROXY ?? '').split(/[,\s]+/);
  // undici compares with the bracketed form of an IPv6 address
  return entries
    .map((entry) => (/^[0-9a-f]*:[0-9a-f:]*:[0-9a-f.]*$/i.test(entry) ? `[${entry}]` : entry))
    .join(',');
}
