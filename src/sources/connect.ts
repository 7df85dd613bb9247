import { join } from 'node:path';
import type { SourceConfig } from '../config/config.ts';
import { type MonotonicClock, systemClock } from '../support/flow/monotonic-clock.ts';
import { type Bucket, createBucket } from '../support/flow/rate-limit.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../support/flow/retry.ts';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../support/net/fetch-http.ts';
import { createDestinations } from './destinations.ts';
import type { GitTimeouts, InTurn } from './git-context.ts';
import { createGitSource, type GitSourceOptions } from './git-source.ts';
import { assetBudget, type GuardedSource, guardSource } from './guarded-source.ts';
import { sourceKinds } from './kinds.ts';
import type { ReadingSteps } from './read-snapshot.ts';
import { userAgentOf } from './user-agent.ts';

/** How sources are asked; defaults suit production. */
export interface ConnectionTuning {
  readonly http?: Omit<HttpClientOptions, 'userAgent' | 'destinations' | 'environment'> | undefined;
  readonly gitTimeouts?: Partial<GitTimeouts> | undefined;
  readonly clock?: MonotonicClock | undefined;
  /** How the source of this name has its index read, where not as usual. */
  readonly steps?: ((source: string) => Partial<ReadingSteps> | undefined) | undefined;
}

export interface ConnectOptions
  extends ConnectionTuning,
    Pick<GitSourceOptions, 'env' | 'objectDirectory' | 'treeOf'> {
  /** Absolute path of a folder in which each source gets one of its own. */
  readonly workDirectory: string;
  /** Waits for the turn to fetch from the source of this name; fetches at once, unless given. */
  readonly inTurn?: ((source: string) => InTurn) | undefined;
}

export interface ConnectedSources {
  /** All sources by name, in the order of `configs`; disabled ones too. */
  readonly sources: ReadonlyMap<string, GuardedSource>;
  /** Aborts what is running and closes every connection. */
  close(): Promise<void>;
}

/** By what a kind of source opens as. */
const openers = { git: createGitSource };

/**
 * All configured sources, each guarded, and over connections of its own: so many as it may be sent requests at the
 * same time, and a few besides for assets and symbols. Nobody is contacted yet.
 */
export function connectSources(configs: readonly SourceConfig[], options: ConnectOptions): ConnectedSources {
  const connections = configs.map((config) => {
    const { http, assetHttp } = connectHttp(config, options);
    const open = openers[sourceKinds[config.type].opensAs];
    const source = open(config, {
      objectDirectory: options.objectDirectory,
      treeOf: options.treeOf,
      gitDirectory: join(options.workDirectory, config.name),
      env: options.env,
      http,
      resolve: options.http?.resolve,
      assetHttp,
      clock: options.clock,
      inTurn: options.inTurn?.(config.name),
      timeouts: options.gitTimeouts,
      steps: options.steps?.(config.name),
    });
    return { clients: [http, assetHttp], source: guardSource(source, options.clock) };
  });
  return {
    sources: new Map(connections.map(({ source }) => [source.config.name, source])),
    close: async () => {
      await Promise.all(connections.map(({ source }) => source.close()));
      await Promise.all(connections.flatMap(({ clients }) => clients.map((client) => client.close())));
    },
  };
}

/** Assets and symbols get so many requests a second, or a quarter of what the source gets if that is less. */
const assetRequestsPerSecond = 10;
const assetShare = 1 / 4;

/**
 * Clients that try again only what the guard need not hear of first, and count retries as requests. The second is for
 * assets and symbols, whose requests count as the source's too, but only so many of them, and over other connections.
 */
function connectHttp(config: SourceConfig, options: ConnectOptions) {
  const { maxConcurrency, maxRequestsPerSecond = Number.POSITIVE_INFINITY } = config;
  const { clock = systemClock } = options;
  const shared = Number.isFinite(maxRequestsPerSecond) ? [createBucket(maxRequestsPerSecond, clock)] : [];
  const ofAssets = createBucket(Math.min(assetRequestsPerSecond, maxRequestsPerSecond * assetShare), clock);
  return {
    http: createPacedClient(config, options, maxConcurrency, shared),
    assetHttp: createPacedClient(config, options, assetBudget.concurrency, [ofAssets, ...shared]),
  };
}

function createPacedClient(
  config: SourceConfig,
  { http, env }: ConnectOptions,
  connectionsPerOrigin: number,
  buckets: readonly Bucket[],
): HttpClient {
  const { sleep = defaultRetryPolicy.sleep } = http?.retry ?? {};
  const takeTurn = async (signal: AbortSignal | undefined) => {
    for (const bucket of buckets) await bucket.take(signal);
  };
  const retry: Partial<RetryPolicy> = {
    // A silent host is silent to all, and a pause that is asked for concerns whoever asks next.
    mayRetry: ({ reason, status, retryAfterMs }) =>
      reason !== 'timeout' && status !== 429 && retryAfterMs === undefined,
    ...http?.retry,
    sleep: async (ms, signal) => {
      await sleep(ms, signal);
      await takeTurn(signal);
    },
  };
  const client = createHttpClient({
    userAgent: userAgentOf(config),
    connectionsPerOrigin,
    ...http,
    retry,
    environment: env,
    destinations: createDestinations(config),
  });
  return {
    async request(request) {
      await takeTurn(request.signal);
      return client.request(request);
    },
    close: () => client.close(),
  };
}
