import type { Environment } from '../environment.ts';
import { linkSignals } from '../flow/link-signals.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../flow/retry.ts';
import type { Destinations, Resolve } from './destination.ts';
import { type Following, followRedirects } from './follow-redirects.ts';
import { createDirect } from './http-direct.ts';
import { timeoutError } from './http-failure.ts';
import type { HttpRequest, HttpResult } from './http-request.ts';
import type { HttpTransport, TransportOptions } from './http-transport.ts';

/** Asks over HTTP/1.1: `GET`, `HEAD` and `POST` with timeouts, retries and redirects; bodies exactly as they were sent. */
export interface HttpClient {
  /**
   * Answers what came, whatever its status, or why nothing usable did; the response's body must be read, destroyed
   * or discarded. Rejects with the reason of `signal` once that is aborted (before or, through the body, after the
   * headers) and with a plain error only when the request itself is impossible.
   */
  request(request: HttpRequest): Promise<HttpResult>;
  /** Closes every connection; what is still running fails. */
  close(): Promise<void>;
}

interface HttpTimeouts {
  readonly connectMs: number;
  /** The longest time from the request being sent to the headers being here. */
  readonly firstByteMs: number;
  /** The longest time between two pieces of a body. */
  readonly idleMs: number;
  /** The longest time from the call to the end of the body, retries and redirects included; of a long body, to its beginning. */
  readonly totalMs: number;
}

const defaultHttpTimeouts: HttpTimeouts = {
  connectMs: 10_000,
  firstByteMs: 30_000,
  idleMs: 30_000,
  totalMs: 600_000,
};

export interface HttpClientOptions {
  readonly userAgent: string;
  readonly timeouts?: Partial<HttpTimeouts> | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** How many connections there are to one origin at most; 16 unless given. */
  readonly connectionsPerOrigin?: number | undefined;
  /** Where requests may lead, redirects included. */
  readonly destinations: Destinations;
  /** Names the proxies. */
  readonly environment: Environment;
  /** Resolves names; `dns.lookup` unless given. */
  readonly resolve?: Resolve | undefined;
}

interface Client extends Following {
  readonly timeouts: HttpTimeouts;
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const timeouts = { ...defaultHttpTimeouts, ...options.timeouts };
  const { destinations, resolve } = options;
  const transports = createTransports({
    connectionsPerOrigin: options.connectionsPerOrigin ?? 16,
    destinations,
    resolve,
    ...timeouts,
  });
  const client: Client = {
    userAgent: options.userAgent,
    timeouts,
    retry: { ...defaultRetryPolicy, ...options.retry },
    destinations,
    environment: options.environment,
    transportFor: transports.choose,
  };
  return {
    request: (request) => requestWithinTime(client, request),
    close: transports.destroy,
  };
}

/** The pools are loaded when they are first needed: they cost more than the rest of a start-up together. */
function createTransports(options: TransportOptions) {
  let pools: Promise<HttpTransport> | undefined;
  let direct: HttpTransport | undefined;
  return {
    choose(isSmall: boolean): Promise<HttpTransport> {
      if (isSmall) {
        direct ??= createDirect(options);
        return Promise.resolve(direct);
      }
      pools ??= import('./http-pools.ts').then(({ createPools }) => createPools(options));
      return pools;
    },
    async destroy(): Promise<void> {
      for (const transport of await Promise.all([pools, direct])) await transport?.destroy();
    },
  };
}

async function requestWithinTime(client: Client, request: HttpRequest): Promise<HttpResult> {
  request.signal?.throwIfAborted();
  const linked = linkSignals([request.signal]);
  const timer = setTimeout(() => linked.abort(timeoutError('whole')), client.timeouts.totalMs).unref();
  const finish = () => {
    clearTimeout(timer);
    linked.unlink();
  };
  try {
    const result = await followRedirects(client, request, linked.signal);
    if (request.hasLongBody) clearTimeout(timer);
    if (result.kind === 'response') result.response.body.once('close', finish);
    else finish();
    return result;
  } catch (error) {
    finish();
    request.signal?.throwIfAborted();
    throw error;
  }
}
