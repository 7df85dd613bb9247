import { validateHeaderValue } from 'node:http';
import { parseRetryAfter, type RetryPolicy, retryDelayMs } from '../flow/retry.ts';
import { transportFailure } from './http-failure.ts';
import type { HttpRequest, HttpResponse, HttpResult } from './http-request.ts';
import type { HttpTransport, TransportAnswer } from './http-transport.ts';
import type { TlsSettings } from './tls-settings.ts';

/** How one place is asked. */
export interface Asking {
  readonly userAgent: string;
  readonly retry: RetryPolicy;
  readonly transportFor: (isSmall: boolean) => Promise<HttpTransport>;
}

/** One of the places that a request leads to, and what is shown there. */
export interface Hop {
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly tls: TlsSettings | undefined;
  /** The proxy to ask; `undefined` for a connection to the place itself. */
  readonly proxy: string | undefined;
}

const retriedStatuses = new Set([408, 429, 500, 502, 503, 504]);

/** Asks until something usable came, or asking again is worth nothing. */
export async function attemptUntilAnswered(
  asking: Asking,
  request: HttpRequest,
  hop: Hop,
  signal: AbortSignal,
): Promise<HttpResult> {
  for (let attempt = 0; ; attempt++) {
    const result = await attemptOnce(asking, request, hop, signal);
    const isLast = attempt >= Math.min(request.retries ?? asking.retry.retries, retriesFor(result));
    if (isLast || !asking.retry.mayRetry(describeOutcome(result))) return result;
    const retryAfterMs = result.kind === 'response' ? result.response.retryAfterMs : undefined;
    if (result.kind === 'response') result.response.discard();
    try {
      await asking.retry.sleep(retryDelayMs(asking.retry, attempt, retryAfterMs), signal);
    } catch (error) {
      return failureOrThrow(signal.aborted ? signal.reason : error);
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
  asking: Asking,
  request: HttpRequest,
  { url, authorization, tls, proxy }: Hop,
  signal: AbortSignal,
): Promise<HttpResult> {
  if (authorization !== undefined) validateHeaderValue('authorization', authorization);
  const { body } = request;
  const isSmall = (request.isSmall ?? false) && proxy === undefined && body === undefined;
  const transport = await asking.transportFor(isSmall);
  try {
    const answer = await transport.send(url, {
      method: request.method ?? 'GET',
      headers: {
        accept: '*/*',
        'user-agent': asking.userAgent,
        ...request.headers,
        ...(body && { 'content-type': body.contentType, 'content-length': String(body.sizeBytes) }),
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(body && { body: body.open() }),
      signal,
      proxy,
      tls,
    });
    return toResult(answer, url, asking.retry.now());
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
