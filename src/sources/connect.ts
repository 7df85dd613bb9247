import { join } from 'node:path';
import type { SourceConfig } from '../config/config.ts';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../support/fetch-http.ts';
import { type MonotonicClock, systemClock } from '../support/monotonic-clock.ts';
import { createBucket } from '../support/rate-limit.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../support/retry.ts';
import { createDestinations } from './destinations.ts';
import type { GitTimeouts, InTurn } from './git-context.ts';
import { createGitSource } from './git-source.ts';
import { type GuardedSource, guardSource } from './guarded-source.ts';
import { userAgent } from './user-agent.ts';

/** How sources are asked; defaults suit production. */
export interface ConnectionTuning {
  readonly http?: Omit<HttpClientOptions, 'userAgent' | 'destinations'> | undefined;
  readonly gitTimeouts?: Partial<GitTimeouts> | undefined;
  readonly clock?: MonotonicClock | undefined;
}

export interface ConnectOptions extends ConnectionTuning {
  /** Absolute path of the object store that all snapshots go to. */
  readonly objectDirectory: string;
  /** The tree of a commit in that store, if both can be read there. */
  readonly treeOf: (commit: string) => Promise<string | undefined>;
  /** Absolute path of a folder in which each source gets one of its own. */
  readonly workDirectory: string;
  /** For fetching from the source of this name; at once, if left out. */
  readonly inTurn?: ((source: string) => InTurn) | undefined;
}

export interface ConnectedSources {
  /** By name, in the order of `configs`; disabled ones too. */
  readonly sources: ReadonlyMap<string, GuardedSource>;
  /** Aborts what is running and closes every connection. */
  close(): Promise<void>;
}

/**
 * All configured sources, each guarded, and over connections of its own: so many as it may be sent requests at the
 * same time. Nobody is contacted yet.
 */
export function connectSources(configs: readonly SourceConfig[], options: ConnectOptions): ConnectedSources {
  const connections = configs.map((config) => {
    const http = connectHttp(config, options);
    const source = createGitSource(config, {
      objectDirectory: options.objectDirectory,
      treeOf: options.treeOf,
      gitDirectory: join(options.workDirectory, config.name),
      http,
      resolve: options.http?.resolve,
      inTurn: options.inTurn?.(config.name),
      timeouts: options.gitTimeouts,
    });
    return { http, source: guardSource(source, { clock: options.clock }) };
  });
  return {
    sources: new Map(connections.map(({ source }) => [source.config.name, source])),
    close: async () => {
      await Promise.all(connections.map(({ source }) => source.close()));
      await Promise.all(connections.map(({ http }) => http.close()));
    },
  };
}

/** A client that tries again only what the guard need not hear of first, and counts retries as requests. */
function connectHttp(config: SourceConfig, { http, clock = systemClock }: ConnectOptions): HttpClient {
  const { maxConcurrency, maxRequestsPerSecond } = config;
  const bucket = maxRequestsPerSecond === undefined ? undefined : createBucket(maxRequestsPerSecond, clock);
  const { sleep = defaultRetryPolicy.sleep } = http?.retry ?? {};
  const retry: Partial<RetryPolicy> = {
    // A silent host is silent to all, and a pause that is asked for concerns every request.
    mayRetry: ({ reason, status, retryAfterMs }) =>
      reason !== 'timeout' && status !== 429 && retryAfterMs === undefined,
    ...http?.retry,
    sleep: async (ms, signal) => {
      await sleep(ms, signal);
      await bucket?.take(signal);
    },
  };
  const client = createHttpClient({
    userAgent,
    connectionsPerOrigin: maxConcurrency,
    ...http,
    retry,
    destinations: createDestinations(config),
  });
  if (bucket === undefined) return client;
  return {
    async request(request) {
      await bucket.take(request.signal);
      return client.request(request);
    },
    close: () => client.close(),
  };
}
