import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RegistryError, StorageError } from '../errors.ts';
import {
  type Answer,
  type AppRequest,
  type Guard,
  type Headers,
  type ProblemAnswer,
  problem,
  type ReadyAnswer,
} from '../http/answer.ts';
import type { ClientAddress } from '../http/client-address.ts';
import { wantsAll } from '../http/entity.ts';
import { ownOrigin } from '../http/own-origin.ts';
import { sendAnswer, sendReady } from '../http/respond.ts';
import { isFailure, isRefusal, statusOf } from '../http/status.ts';
import { parseTarget } from '../http/target.ts';
import { discardBody, hasBody } from '../http/unread-body.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';
import type { Log, LogLevel } from '../support/log.ts';
import { type Access, type Caller, type GuardedRoute, readsAll } from './access.ts';
import { type DataWatch, hasTrouble } from './data-watch.ts';
import { type EditionKind, findPlace } from './editions.ts';
import { takePathToken } from './path-token.ts';
import { errorProblem } from './problems.ts';
import type { Staleness } from './staleness.ts';
import { tellElsewhere } from './told-elsewhere.ts';

export interface HandlerOptions {
  readonly before: Guard;
  readonly access: Access;
  /** Whether a token may stand in an address. */
  readonly readsPathTokens: () => boolean;
  readonly readClient: (request: IncomingMessage) => ClientAddress;
  /** The first that matches answers. */
  readonly routes: readonly GuardedRoute[];
  /** Other indexes below names of their own, where no route of `routes` answers. */
  readonly editions: readonly EditionKind[];
  /** The answer to a GET for all of what is at a target (as sent), where it needs no route to be built. */
  readonly findReady: (target: string) => ReadyAnswer | undefined;
  /** As in `BaseAddress`. */
  readonly prefix: () => string;
  /** Of a body that no route reads. */
  readonly bodyBytes: number;
  readonly staleness: Staleness;
  readonly watch: DataWatch;
  readonly log: Log;
  readonly accessLog: boolean;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Answers one request, whatever happens. Settles when the answer is on its way out. */
type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createHandler(options: HandlerOptions): Handle {
  return async (request, response) => {
    // A connection that has ended no longer knows whose it was.
    const askedBy = options.readClient(request);
    const pathToken = hidePathToken(request, options.prefix());
    const { access } = options;
    const known = access.identify(request, askedBy, pathToken);
    const caller = known.failure ? await access.reconsider(known, request, askedBy, pathToken) : known;
    const exchange: Exchange = {
      id: randomUUID(),
      startedAt: options.now(),
      request,
      response,
      askedBy,
      caller,
      isByPath: pathToken !== undefined,
    };
    const refusal =
      options.before(request) ??
      (exchange.isByPath && !options.readsPathTokens() ? nothingHere() : undefined);
    const ready =
      refusal || !caller.readsAll || !wantsAll(request) || hasBody(request)
        ? undefined
        : options.findReady(request.url ?? '');
    if (!ready) return answer(options, exchange, refusal);
    sendReady(response, ready, exchange.id, cachingOf(options, exchange));
    logRequest(options, exchange, response.statusCode);
  };
}

/** One request and its answer on their way. */
interface Exchange {
  readonly id: string;
  readonly startedAt: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly askedBy: ClientAddress;
  readonly caller: Caller;
  /** Whether a token stood in the address; the request no longer has it. */
  readonly isByPath: boolean;
}

/** Takes a token out of the address before anything else sees that: routes, memories, logs, what is told of problems. */
function hidePathToken(request: IncomingMessage, prefix: string): string | undefined {
  const taken = takePathToken(request.url ?? '', prefix);
  if (taken) request.url = taken.target;
  return taken?.text;
}

/** Where reading needs a token, what one client is sent is for no other; what stood behind an address with one is kept nowhere. */
function cachingOf({ access }: HandlerOptions, { isByPath }: Exchange): string | undefined {
  if (isByPath) return 'no-store';
  return access.isPrivate() ? 'private, no-cache' : undefined;
}

async function answer(
  options: HandlerOptions,
  exchange: Exchange,
  refusal: Answer | undefined,
): Promise<void> {
  const { id, request, response } = exchange;
  const client = watchClient(response);
  const found = refusal
    ? refuse(refusal, isAskedByGit(request))
    : await findAnswer(options, exchange, client);
  discardBody(request, response, options.bodyBytes);
  const send = (sent: Answer) =>
    sendAnswer(
      request,
      response,
      exchange.isByPath && !found.isForGit
        ? tellElsewhere(request, sent, options.prefix(), options.editions)
        : sent,
      {
        ...{ id, headers: found.headers, problemsAsText: found.isForGit },
        caching: cachingOf(options, exchange),
      },
    );
  try {
    if (!client.hasLeft()) await send(found.answer);
  } catch (error) {
    if (!client.hasLeft()) logFailure(options.log, exchange, error);
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) await send(errorProblem(error));
  } finally {
    const problemAnswer = found.answer.kind === 'problem' ? found.answer : undefined;
    logRequest(
      options,
      exchange,
      client.hasLeft() ? statusOf['client-left'] : response.statusCode,
      problemAnswer,
    );
  }
}

/** Whether the client is still there. */
interface Client {
  hasLeft(): boolean;
  signal(): AbortSignal;
}

function watchClient(response: ServerResponse): Client {
  let hasLeft = false;
  let leaving: AbortController | undefined;
  response.once('close', () => {
    hasLeft = !response.writableFinished;
    if (hasLeft) leaving?.abort();
  });
  return {
    hasLeft: () => hasLeft,
    signal() {
      leaving ??= new AbortController();
      if (hasLeft) leaving.abort();
      return leaving.signal;
    },
  };
}

interface Found {
  readonly answer: Answer;
  readonly headers: Headers;
  readonly isForGit: boolean;
}

function refuse(answer: Answer, isForGit = false): Found {
  return { answer, headers: {}, isForGit };
}

/** git shows people what we say only if it is plain text. */
function isAskedByGit({ headers, url = '' }: IncomingMessage): boolean {
  return /^git\//.test(headers['user-agent'] ?? '') && url.includes('/git/');
}

async function findAnswer(options: HandlerOptions, exchange: Exchange, client: Client): Promise<Found> {
  const { id, request, askedBy } = exchange;
  const { method = '', url = '', headers } = request;
  const target = parseTarget(url, options.prefix());
  if (!target) return refuse(problem('malformed', 'The request target is not a path.'));
  const isForGit = isAskedByGit(request);
  const place = await findPlace(target.path, options, exchange.caller).catch((error: unknown) =>
    explainFailure(options, exchange, client, error),
  );
  if (place.kind === 'problem') return refuse(place, isForGit);
  const { routes, path, finish, need } = place;
  const route = routes.find(({ methods, pattern }) => methods.includes(method) && pattern.test(path));
  const barred = options.access.judge(exchange.caller, need?.() ?? route?.need?.(path) ?? readsAll);
  if (barred) return refuse(barred, isForGit);
  if (!route) return { answer: noRoute(method, path, routes), headers: {}, isForGit };
  const asked: AppRequest = {
    id,
    method,
    target: url,
    path,
    query: target.query,
    headers,
    client: askedBy,
    origin: () => ownOrigin(request, askedBy.scheme),
    body: request,
    signal: client.signal,
  };
  const answer = await route
    .handle(asked, exchange.caller)
    .catch((error: unknown) => explainFailure(options, exchange, client, error));
  if (finish) return { answer: finish(route, answer), headers: {}, isForGit };
  return { answer, headers: route.showsStaleness ? warningOf(options.staleness) : {}, isForGit };
}

function explainFailure(
  { watch, log }: HandlerOptions,
  exchange: Exchange,
  client: Client,
  error: unknown,
): ProblemAnswer {
  const isTold = isKnown(watch, error);
  if (!client.hasLeft() && !isTold) logFailure(log, exchange, error);
  return { ...errorProblem(error), isTold };
}

function noRoute(method: string, path: string, routes: readonly GuardedRoute[]): Answer {
  const matching = routes.filter(({ pattern }) => pattern.test(path));
  if (matching.length === 0) return nothingHere();
  const allowed = [...new Set(matching.flatMap(({ methods }) => methods))].join(', ');
  return problem('wrong-method', `This address does not take ${method}.`, { headers: { Allow: allowed } });
}

function nothingHere(): ProblemAnswer {
  return problem('absent', 'There is nothing at this address.', { hint: 'GET / lists what there is' });
}

/** `Warning: 110` is "response is stale" (RFC 7234 §5.5.1): the answer holds, but a source could not be read. */
function warningOf(staleness: Staleness): Headers {
  const stale = staleness.glance();
  if (stale.length === 0) return {};
  return { Warning: stale.map(({ source }) => `110 - "stale: ${source}"`).join(', ') };
}

/** Whether a failure is of data that are known to be in trouble. Of what is not known, somebody should find out. */
function isKnown(watch: DataWatch, error: unknown): boolean {
  if (!(unlessOwnFailure(error) instanceof StorageError)) return false;
  if (hasTrouble(watch.glance())) return true;
  watch.suspect();
  return false;
}

function logRequest(
  { log, accessLog, now }: HandlerOptions,
  exchange: Exchange,
  status: number,
  { cause, isTold = false }: Partial<Pick<ProblemAnswer, 'cause' | 'isTold'>> = {},
): void {
  const { id, startedAt, request, askedBy } = exchange;
  log[levelOf(isTold ? statusOf.whole : status, accessLog)]('request', {
    id,
    method: request.method,
    target: request.url?.slice(0, 512),
    status,
    cause,
    durationMs: Math.round(now() - startedAt),
    client: askedBy.address,
    token: exchange.caller.principal.kind === 'token' ? exchange.caller.principal.name : undefined,
    userAgent: request.headers['user-agent']?.slice(0, 200),
  });
}

/** Failures are always told, refusals unless `--quiet`; what clients ask every day is a detail. */
function levelOf(status: number, accessLog: boolean): LogLevel {
  if (isFailure(status)) return 'warn';
  return isRefusal(status) || accessLog ? 'info' : 'debug';
}

function logFailure(log: Log, { id, request, askedBy }: Exchange, thrown: unknown): void {
  const error = unlessOwnFailure(thrown);
  const stack = error instanceof Error ? error.stack : undefined;
  const hint = error instanceof RegistryError ? error.hint : undefined;
  const { address: client } = askedBy;
  const fields = { id, target: request.url?.slice(0, 512), client, error, hint, stack };
  log.error('request failed', fields);
}
