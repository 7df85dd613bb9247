import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from '../registry/registry.ts';
import { type Answer, type AppRequest, type Headers, problem, type Route } from './answer.ts';
import { createApiRoutes } from './api-routes.ts';
import { createArchiveRoutes } from './archive-routes.ts';
import { createFileRoutes } from './file-routes.ts';
import { createIndexRoutes } from './index-routes.ts';
import { createInfoRoutes } from './info-routes.ts';
import type { Log, LogEntry } from './log.ts';
import { errorProblem, sendAnswer } from './respond.ts';
import { createStaleness, type Staleness } from './staleness.ts';
import { parseTarget } from './target.ts';
import { createUploadPack, type UploadPackStats } from './upload-pack.ts';

interface AppLimits {
  /** Of a request target; 414 beyond. */
  readonly targetCharacters: number;
  /** Of a request body, sent and inflated; 413 beyond. */
  readonly bodyBytes: number;
  /** Of all request bodies in memory, the first 64 KiB of each aside; 503 beyond. */
  readonly allBodiesBytes: number;
  readonly gitProcesses: number;
  /** Requests that may wait for a git process; 503 beyond. */
  readonly gitQueue: number;
  readonly gitCacheBytes: number;
  /** Larger answers of git are streamed and not kept. */
  readonly gitAnswerBytes: number;
  readonly gitTimeoutMs: number;
  readonly archiveCacheBytes: number;
  readonly smallArchiveBytes: number;
  readonly firstByteMs: number;
}

const mebibyte = 1024 * 1024;

const defaultLimits: AppLimits = {
  targetCharacters: 8192,
  bodyBytes: mebibyte,
  allBodiesBytes: 64 * mebibyte,
  gitProcesses: 8,
  gitQueue: 256,
  gitCacheBytes: 64 * mebibyte,
  gitAnswerBytes: 16 * mebibyte,
  gitTimeoutMs: 120_000,
  archiveCacheBytes: 64 * mebibyte,
  smallArchiveBytes: mebibyte,
  firstByteMs: 25_000,
};

const maxHeaderLines = 100;

export interface AppOptions {
  /** The address clients use; its path is accepted, and not required, in front of every route. */
  readonly baseUrl?: string | undefined;
  readonly log?: Log | undefined;
  /** Whether ordinary requests are news (level `info`) and not details (`debug`). */
  readonly accessLog?: boolean | undefined;
  readonly limits?: Partial<AppLimits> | undefined;
  /** Milliseconds since any moment. */
  readonly now?: (() => number) | undefined;
}

export interface App {
  /** Answers one request, whatever happens. Settles when the answer is on its way out. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  stats(): { readonly git: UploadPackStats };
}

/** Everything the server answers, as an ordered table of routes over raw request targets. */
export function createApp(registry: Registry, options: AppOptions = {}): App {
  const limits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? (() => {});
  const now = options.now ?? (() => performance.now());
  const baseUrl = options.baseUrl?.replace(/\/+$/, '');
  const prefix = baseUrl === undefined ? '' : new URL(baseUrl).pathname.replace(/\/+$/, '');
  const staleness = createStaleness(registry, log, now);
  const uploadPack = createUploadPack({
    gitDir: registry.indexDirectory,
    readCommit: () => registry.servedCommit(),
    processes: limits.gitProcesses,
    queue: limits.gitQueue,
    cacheBytes: limits.gitCacheBytes,
    answerBytes: limits.gitAnswerBytes,
    timeoutMs: limits.gitTimeoutMs,
    log,
  });
  const routes: readonly Route[] = [
    ...createArchiveRoutes(registry, limits),
    ...createIndexRoutes(registry, uploadPack, limits),
    ...createFileRoutes(registry),
    ...createApiRoutes(registry),
    ...createInfoRoutes(registry, { baseUrl, staleness }),
  ];
  const context = { routes, prefix, limits, log, now, staleness, accessLog: options.accessLog ?? false };
  return {
    handle: (request, response) => handle(context, request, response),
    stats: () => ({ git: uploadPack.stats() }),
  };
}

interface Context {
  readonly routes: readonly Route[];
  readonly prefix: string;
  readonly limits: AppLimits;
  readonly log: Log;
  readonly accessLog: boolean;
  readonly now: () => number;
  readonly staleness: Staleness;
}

async function handle(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = context.now();
  const id = randomUUID();
  const leaving = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) leaving.abort();
  });
  const { answer, headers, isForGit } = await findAnswer(context, request, id, leaving.signal);
  const send = (sent: Answer) =>
    sendAnswer(request, response, sent, { id, headers, problemsAsText: isForGit });
  try {
    if (!leaving.signal.aborted) await send(answer);
  } catch (error) {
    if (!leaving.signal.aborted) logFailure(context.log, id, request, error);
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) await send(errorProblem(error));
  } finally {
    const status = leaving.signal.aborted ? 499 : response.statusCode;
    context.log({
      level: levelOf(status, context.accessLog),
      message: 'request',
      fields: {
        id,
        method: request.method,
        target: request.url?.slice(0, 512),
        status,
        durationMs: Math.round(context.now() - startedAt),
        client: request.socket.remoteAddress,
        userAgent: request.headers['user-agent']?.slice(0, 200),
      },
    });
  }
}

/** Failures are always told, refusals unless `--quiet`; what clients ask every day is a detail. */
function levelOf(status: number, accessLog: boolean): LogEntry['level'] {
  if (status >= 500) return 'warn';
  const isRefusal = status >= 400 && status !== 404 && status !== 499;
  return isRefusal || accessLog ? 'info' : 'debug';
}

interface Found {
  readonly answer: Answer;
  readonly headers: Headers;
  readonly isForGit: boolean;
}

async function findAnswer(
  context: Context,
  request: IncomingMessage,
  id: string,
  signal: AbortSignal,
): Promise<Found> {
  const { method = '', url = '', headers } = request;
  const refuse = (answer: Answer): Found => ({ answer, headers: {}, isForGit: false });
  if (url.length > context.limits.targetCharacters)
    return refuse(problem(414, `The address is longer than ${context.limits.targetCharacters} characters.`));
  if (request.rawHeaders.length > 2 * maxHeaderLines)
    return refuse(problem(431, `The request has more than ${maxHeaderLines} header lines.`));
  if (headers.host === undefined && request.httpVersion === '1.1')
    return refuse(problem(400, 'The request has no Host header.'));
  const target = parseTarget(url, context.prefix);
  if (!target) return refuse(problem(400, 'The request target is not a path.'));
  const isForGit = target.path.startsWith('/git/') && /^git\//.test(headers['user-agent'] ?? '');
  const matching = context.routes.filter(({ pattern }) => pattern.test(target.path));
  const route = matching.find(({ methods }) => methods.includes(method));
  if (!route) return { answer: noRoute(method, matching), headers: {}, isForGit };
  const asked: AppRequest = { id, method, ...target, headers, body: request, signal };
  const answer = await route.handle(asked).catch((error: unknown) => {
    if (!signal.aborted) logFailure(context.log, id, request, error);
    return errorProblem(error);
  });
  return { answer, headers: route.showsStaleness ? warningOf(context.staleness) : {}, isForGit };
}

function noRoute(method: string, matching: readonly Route[]): Answer {
  if (matching.length === 0)
    return problem(404, 'There is nothing at this address.', { hint: 'GET / lists what there is' });
  const allowed = [...new Set(matching.flatMap(({ methods }) => methods))].join(', ');
  return problem(405, `This address does not take ${method}.`, { headers: { Allow: allowed } });
}

/** `Warning: 110` is "response is stale" (RFC 7234 §5.5.1): the answer holds, but a source could not be read. */
function warningOf(staleness: Staleness): Headers {
  const stale = staleness.glance();
  if (stale.length === 0) return {};
  return { Warning: stale.map(({ source }) => `110 - "stale: ${source}"`).join(', ') };
}

function logFailure(log: Log, id: string, request: IncomingMessage, error: unknown): void {
  const stack = error instanceof Error ? error.stack : undefined;
  const fields = { id, target: request.url?.slice(0, 512), error, stack };
  log({ level: 'error', message: 'request failed', fields });
}
