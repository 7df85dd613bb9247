import { validateHeaderValue } from 'node:http';
import type { Readable } from 'node:stream';
import type { Environment } from '../environment.ts';
import { type LinkedSignal, linkSignals } from '../flow/link-signals.ts';
import { defaultRetryPolicy, parseRetryAfter, type RetryPolicy, retryDelayMs } from '../flow/retry.ts';
import { showUrl } from '../redact.ts';
import { type Destinations, destinationProblem, type Resolve } from './destination.ts';
import { createDirect } from './http-direct.ts';
import { type HttpFailure, timeoutError, transportFailure } from './http-failure.ts';
import type { HttpTransport, TransportAnswer, TransportOptions } from './http-transport.ts';
import { proxyFor } from './proxy.ts';
import { type TlsSettings, withoutIdentity } from './tls-settings.ts';

/** Reads over HTTP/1.1: `GET` and `HEAD` with timeouts, retries and redirects; bodies exactly as they were sent. */
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

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** Value of `Authorization` for the origin of `url`; never sent again once a redirect has led to another. */
  readonly authorization?: string | undefined;
  /** How connections are secured; once a redirect has led to another origin, nobody is shown who we are any more. */
  readonly tls?: TlsSettings | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default 10. */
  readonly maxRedirects?: number;
  /** Instead of the client's own number. */
  readonly retries?: number | undefined;
  /** The body may take as long as it keeps arriving: the whole time ends when the headers are here. */
  readonly hasLongBody?: boolean | undefined;
  /** The answer is small, and few are asked for: not worth loading the pools that fetch archives. */
  readonly isSmall?: boolean | undefined;
}

type HttpResult =
  | { readonly kind: 'response'; readonly response: HttpResponse }
  | { readonly kind: 'failure'; readonly failure: HttpFailure };

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of a repeated header, the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Fails, instead of ending, when it breaks off: see `transportFailure`. */
  readonly body: Readable;
  /** After redirects. May hold a signed link's secrets: show it through `showUrl`. */
  readonly url: string;
  readonly retryAfterMs: number | undefined;
  /** Gives the body up, keeping the connection where that is cheap. */
  discard(): void;
}

interface HttpTimeouts {
  readonly connectMs: number;
  /** From the request being sent to the headers being here. */
  readonly firstByteMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
  /** From the call to the end of the body, retries and redirects included; of a long body, to its beginning. */
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
  /** Default 16. */
  readonly connectionsPerOrigin?: number | undefined;
  /** Where requests may lead, redirects included. */
  readonly destinations: Destinations;
  /** Names the proxies. */
  readonly environment: Environment;
  /** Default `dns.lookup`. */
  readonly resolve?: Resolve | undefined;
}

interface Client {
  readonly userAgent: string;
  readonly timeouts: HttpTimeouts;
  readonly retry: RetryPolicy;
  readonly destinations: Destinations;
  readonly environment: Environment;
  readonly transportFor: (isSmall: boolean) => Promise<HttpTransport>;
}

const retriedStatuses = new Set([408, 429, 500, 502, 503, 504]);
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

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
    const result = await followRedirects(client, request, linked);
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

async function followRedirects(
  client: Client,
  request: HttpRequest,
  linked: LinkedSignal,
): Promise<HttpResult> {
  let url = new URL(request.url);
  let { authorization, tls } = request;
  for (let redirects = 0; ; redirects++) {
    const route = proxyFor(url, client.environment);
    if (route.kind === 'unusable') return failure('connection', route.problem);
    const isProxied = route.kind === 'proxy';
    const refusal = destinationProblem(client.destinations, url, isProxied);
    if (refusal !== undefined) return failure('bad-answer', refusal);
    const hop: Hop = { url, authorization, tls, proxy: isProxied ? route.url : undefined };
    const result = await attemptUntilAnswered(client, request, hop, linked);
    if (result.kind === 'failure') return isProxied ? throughProxy(result.failure, route.variable) : result;
    const { status, headers } = result.response;
    if (!redirectStatuses.has(status) || headers.location === undefined)
      return checkEncoding(result.response);
    result.response.discard();
    const problem = redirectProblem(url, headers.location, redirects, request.maxRedirects ?? 10);
    if (problem !== undefined) return failure('bad-answer', problem);
    const next = new URL(headers.location, url);
    if (next.origin !== url.origin) {
      authorization = undefined;
      tls = withoutIdentity(tls);
    }
    // Nobody but our own settings says what credentials we send (rule 10).
    next.username = '';
    next.password = '';
    url = next;
  }
}

/** Whose name does not resolve, or who refuses, may be the proxy; what is told names the far side. */
function throughProxy({ detail, ...rest }: HttpFailure, variable: string): HttpResult {
  const told = `through the proxy that ${variable} names: ${detail}`;
  return { kind: 'failure', failure: { ...rest, detail: told } };
}

interface Hop {
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
  readonly proxy: string | undefined;
}

function redirectProblem(from: URL, location: string, redirects: number, limit: number): string | undefined {
  if (redirects >= limit) return `more than ${limit} redirects`;
  if (!URL.canParse(location, from.href)) return 'a redirect to something that is no address';
  const to = new URL(location, from);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') return 'a redirect to an address that is not HTTP';
  // What no resolver knows, but a shell would read, since commands are told with hosts in them.
  if (!/^(?:[a-z0-9._-]+|\[[0-9a-f:]+\])$/.test(to.hostname))
    return 'a redirect to something that is no address';
  if (from.protocol === 'https:' && to.protocol === 'http:')
    return `a redirect to ${showUrl(to)}, which is not encrypted`;
  return undefined;
}

/** Nothing that changes bytes was asked for, so a coded body could only be passed on broken. */
function checkEncoding(response: HttpResponse): HttpResult {
  const encoding = response.headers['content-encoding'];
  const hasContent = response.status === 200 || response.status === 206;
  if (!hasContent || encoding === undefined || /^(identity)?$/i.test(encoding.trim()))
    return { kind: 'response', response };
  response.body.destroy();
  const known = /^(?:x-)?(?:gzip|deflate|compress|br|zstd)$/i.exec(encoding.trim())?.[0];
  const told = known === undefined ? 'a content encoding' : `the content encoding ${known}`;
  return failure('bad-answer', `the answer has ${told}, which was not asked for`);
}

async function attemptUntilAnswered(
  client: Client,
  request: HttpRequest,
  hop: Hop,
  linked: LinkedSignal,
): Promise<HttpResult> {
  for (let attempt = 0; ; attempt++) {
    const result = await attemptOnce(client, request, hop, linked.signal);
    const isLast = attempt >= Math.min(request.retries ?? client.retry.retries, retriesFor(result));
    if (isLast || !client.retry.mayRetry(describeOutcome(result))) return result;
    const retryAfterMs = result.kind === 'response' ? result.response.retryAfterMs : undefined;
    if (result.kind === 'response') result.response.discard();
    try {
      await client.retry.sleep(retryDelayMs(client.retry, attempt, retryAfterMs), linked.signal);
    } catch (error) {
      return failureOrThrow(linked.signal.aborted ? linked.signal.reason : error);
    }
  }
}

function describeOutcome(result: HttpResult): Parameters<RetryPolicy['mayRetry']>[0] {
  return result.kind === 'response' ? result.response : { reason: result.failure.reason };
}

/** How often this outcome is worth another try. A host that stays silent costs a full timeout each time. */
function retriesFor(result: HttpResult): number {
  if (result.kind === 'response')
    return retriedStatuses.has(result.response.status) ? Number.POSITIVE_INFINITY : 0;
  switch (result.failure.reason) {
    case 'connection':
      return Number.POSITIVE_INFINITY;
    case 'timeout':
      return 1;
    case 'tls':
    case 'bad-answer':
      return 0;
  }
}

async function attemptOnce(
  client: Client,
  request: HttpRequest,
  { url, authorization, tls, proxy }: Hop,
  signal: AbortSignal,
): Promise<HttpResult> {
  if (authorization !== undefined) validateHeaderValue('authorization', authorization);
  const transport = await client.transportFor((request.isSmall ?? false) && proxy === undefined);
  try {
    const answer = await transport.send(url, {
      method: request.method ?? 'GET',
      headers: {
        accept: '*/*',
        'user-agent': client.userAgent,
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal,
      proxy,
      tls,
    });
    return toResult(answer, url, client.retry.now());
  } catch (error) {
    return failureOrThrow(signal.aborted ? signal.reason : error);
  }
}

function toResult(answer: TransportAnswer, url: URL, nowMs: number): HttpResult {
  // Destroying a body that nobody reads must not end the process: readers add listeners of their own.
  answer.body.on('error', () => {});
  const headers = firstValues(answer.headers);
  const response: HttpResponse = {
    status: answer.status,
    headers,
    body: answer.body,
    url: url.href,
    retryAfterMs: parseRetryAfter(headers['retry-after'], nowMs),
    discard: answer.discard,
  };
  return { kind: 'response', response };
}

function firstValues(headers: TransportAnswer['headers']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'object' ? value[0] : value]),
  );
}

function failureOrThrow(error: unknown): HttpResult {
  const known = transportFailure(error);
  if (known === undefined) throw error;
  return { kind: 'failure', failure: known };
}

function failure(reason: HttpFailure['reason'], detail: string): HttpResult {
  return { kind: 'failure', failure: { reason, detail } };
}
