import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { transportFailure } from '../support/net/http-failure.ts';
import type { HttpRequest, HttpResponse } from '../support/net/http-request.ts';
import { readAtMost } from '../support/read-at-most.ts';
import { showUrl } from '../support/redact.ts';
import type { Credentials } from './credentials.ts';
import { endOfIdentity } from './tls-files.ts';

/** What a source's HTTP server answered, as rule 4 reads it. */
export type HttpAnswer =
  | { readonly kind: 'ok'; readonly response: HttpResponse }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'missing'; readonly status: number }
  | { readonly kind: 'failed'; readonly cause: SourceFailure };

export interface HttpAsker {
  readonly http: HttpClient;
  readonly credentials: Credentials;
}

/** Asks with the source's credentials, if they belong there. Only an `ok` answer leaves a body to deal with. */
export async function askHttp(
  asker: HttpAsker,
  request: Omit<HttpRequest, 'authorization'>,
): Promise<HttpAnswer> {
  const authorization = asker.credentials.authorizationFor(request.url);
  const tls = asker.credentials.tlsFor(request.url);
  const result = await asker.http.request({ ...request, authorization, tls });
  if (result.kind === 'failure') {
    const { lacks, ...failure } = result.failure;
    const ended = endOfIdentity(tls, Date.now());
    const detail = `${showUrl(request.url)}: ${failure.detail}${ended === undefined ? '' : `; our client certificate ended on ${ended}`}`;
    const lacking = lacks ?? (ended === undefined ? undefined : 'identity');
    const advice = lacking && asker.credentials.tlsAdvice[lacking];
    const { reason } = lacks === 'identity' ? ({ reason: 'unauthorized' } as const) : failure;
    const cause = { ...failure, reason, detail, ...(advice === undefined ? {} : { advice }) };
    return { kind: 'failed', cause };
  }
  const { response } = result;
  const isPart = response.status === 206 && request.headers?.range !== undefined;
  if (response.status === 200 || isPart) return { kind: 'ok', response };
  response.discard();
  if (response.status === 304 && request.headers?.['if-none-match'] !== undefined)
    return { kind: 'not-modified' };
  if (response.status === 404 || response.status === 410) return { kind: 'missing', status: response.status };
  if (response.status === 401 || response.status === 403)
    return { kind: 'failed', cause: refusal(asker, request.url, response, authorization !== undefined) };
  return { kind: 'failed', cause: statusFailure(request.url, response) };
}

function statusFailure(url: string, response: HttpResponse): SourceFailure {
  const { status, retryAfterMs } = response;
  const failed = (reason: SourceFailure['reason'], explanation: string): SourceFailure => ({
    reason,
    detail: `${showUrl(url)}: HTTP ${status}, ${explanation}`,
    status,
    retryAfterMs,
  });
  if (status === 429) return failed('rate-limited', 'too many requests');
  if (status === 408) return failed('timeout', 'the server gave up waiting');
  if (status >= 500) return failed('server-error', 'the server failed');
  return failed('bad-answer', 'which means nothing here');
}

function refusal(
  { credentials }: HttpAsker,
  url: string,
  { status, url: end, retryAfterMs }: HttpResponse,
  hasAuthorization: boolean,
): SourceFailure {
  const refused = (explanation: string, advice?: string): SourceFailure => {
    const detail = `${showUrl(url)}: HTTP ${status}, ${explanation}`;
    return { reason: 'unauthorized', detail, advice, status, retryAfterMs };
  };
  if (!credentials.areConfigured) return refused('access is refused without credentials', credentials.advice);
  if (!hasAuthorization) return refused('access is refused at an address to which credentials are not sent');
  return new URL(end).origin === new URL(url).origin
    ? refused('the credentials are refused', credentials.advice)
    : refused(`access is refused at ${showUrl(end)}, where it redirects to and credentials are not sent`);
}

/** Whether the body says it is a web page, which no archive, index or asset is. */
export function isWebPage(response: HttpResponse): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(response.headers['content-type'] ?? '');
}

/** A whole body in memory, or why it did not arrive; more than `limitBytes` is a bad answer. */
export async function readBody(
  response: HttpResponse,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<Lookup<Buffer>> {
  const failed = (cause: SourceFailure) =>
    unavailable<Buffer>({ ...cause, detail: `${showUrl(response.url)}: ${cause.detail}` });
  try {
    const bytes = await readAtMost(response.body, limitBytes);
    const detail = `the answer is longer than ${limitBytes} bytes`;
    return bytes === undefined ? failed({ reason: 'bad-answer', detail }) : found(bytes);
  } catch (error) {
    signal?.throwIfAborted();
    const cause = transportFailure(error);
    if (cause === undefined) throw error;
    return failed(cause);
  }
}
