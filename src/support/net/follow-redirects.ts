import type { Environment } from '../environment.ts';
import { showUrl } from '../redact.ts';
import { type Destinations, destinationProblem } from './destination.ts';
import { type Asking, attemptUntilAnswered, type Hop } from './http-attempts.ts';
import type { HttpFailure } from './http-failure.ts';
import type { HttpRequest, HttpResponse, HttpResult } from './http-request.ts';
import { proxyFor } from './proxy.ts';
import { withoutIdentity } from './tls-settings.ts';

/** How a request finds its way. */
export interface Following extends Asking {
  readonly destinations: Destinations;
  /** Names the proxies. */
  readonly environment: Environment;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** The answer at the end of the redirects, each of which is judged before anything is sent. */
export async function followRedirects(
  following: Following,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResult> {
  let url = new URL(request.url);
  let { authorization, tls } = request;
  for (let redirects = 0; ; redirects++) {
    const route = proxyFor(url, following.environment);
    if (route.kind === 'unusable') return failure('connection', route.problem);
    const isProxied = route.kind === 'proxy';
    const refusal = destinationProblem(following.destinations, url, isProxied);
    if (refusal !== undefined) return failure('bad-answer', refusal);
    const hop: Hop = { url, authorization, tls, proxy: isProxied ? route.url : undefined };
    const result = await attemptUntilAnswered(following, request, hop, signal);
    if (result.kind === 'failure') return isProxied ? throughProxy(result.failure, route.variable) : result;
    const { status, headers } = result.response;
    if (!redirectStatuses.has(status) || headers.location === undefined || request.body !== undefined)
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

function failure(reason: HttpFailure['reason'], detail: string): HttpResult {
  return { kind: 'failure', failure: { reason, detail } };
}
