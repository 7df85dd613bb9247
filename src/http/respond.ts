import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, RegistryError } from '../errors.ts';
import type { Lookup, SourceFailure } from '../model/lookup.ts';
import { type Answer, type Headers, type ProblemAnswer, problem, type ReadyAnswer } from './answer.ts';

/** The one table from failures and outcomes to statuses (rule 4: absent is 404, "could not tell" is 502 or 503). */
const errorStatus: Record<ErrorCode, number> = {
  usage: 400,
  config: 500,
  'not-found': 404,
  unavailable: 503,
  integrity: 502,
  storage: 503,
};
const absentStatus = 404;
const failureStatus: Record<SourceFailure['reason'], number> = {
  timeout: 503,
  connection: 503,
  'rate-limited': 503,
  'server-error': 503,
  disabled: 503,
  tls: 502,
  unauthorized: 502,
  'bad-answer': 502,
  'wrong-bytes': 502,
  unforeseen: 500,
};

const defaultRetryAfterSeconds = 30;
const longestRetryAfterSeconds = 3600;

/** `what` names the thing asked for, where it comes from included. */
export function lookupProblem(
  what: string,
  outcome: Exclude<Lookup<unknown>, { kind: 'found' }>,
): ProblemAnswer {
  if (outcome.kind === 'absent') return problem(absentStatus, `${what}: ${outcome.detail}`);
  const { reason, detail, retryAfterMs } = outcome.cause;
  const status = failureStatus[reason];
  return problem(status, `${what} is not available now: ${detail}`, {
    headers: status === 503 ? retryAfter(retryAfterMs) : {},
  });
}

/** What a thrown error is answered with. Only `RegistryError` was written for people to read. */
export function errorProblem(error: unknown): ProblemAnswer {
  if (!(error instanceof RegistryError)) return problem(500, 'Something went wrong here; the log says what.');
  const status = errorStatus[error.code];
  return problem(status, error.message, {
    hint: error.hint,
    headers: status === 503 ? retryAfter(undefined) : {},
  });
}

/** 503: the server has as much to do as it accepts. */
export function busyProblem(detail: string, retryAfterMs: number): ProblemAnswer {
  return problem(503, detail, { headers: retryAfter(retryAfterMs) });
}

function retryAfter(delayMs: number | undefined): Headers {
  const seconds = delayMs === undefined ? defaultRetryAfterSeconds : Math.ceil(delayMs / 1000);
  return { 'Retry-After': String(Math.min(Math.max(seconds, 1), longestRetryAfterSeconds)) };
}

/** Sends an answer that was built before, with one write. */
export function sendReady(response: ServerResponse, { headers, body }: ReadyAnswer, id: string): void {
  response.writeHead(200, ['Content-Length', String(body.length), ...ownHeaders(id), ...headers]);
  response.end(body);
}

export interface SendOptions {
  readonly id: string;
  readonly headers: Headers;
  /** git shows people the body of a failed request, but only if it is plain text. */
  readonly problemsAsText: boolean;
}

/**
 * Sends one answer, and resolves when it is out or the client has left. Rejects when the body fails; if headers
 * were sent by then, the connection is destroyed, so that a client never takes half an answer for a whole one.
 */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  options: SendOptions,
): Promise<void> {
  const { body, headers } =
    answer.kind === 'content' ? answer : renderProblem(answer, options.id, options.problemsAsText);
  const sizeBytes = Buffer.isBuffer(body) ? body.length : body?.sizeBytes;
  const hasBody = request.method !== 'HEAD' && body !== undefined;
  const stream = hasBody && !Buffer.isBuffer(body) ? await body.open() : undefined;
  if (response.destroyed) {
    stream?.destroy();
    return;
  }
  const length = sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) };
  response.writeHead(answer.status, flatten(options.id, [length, options.headers, headers]));
  if (stream) await pipeline(stream, response);
  else response.end(hasBody ? body : undefined);
}

/** Of every answer. */
function ownHeaders(id: string): string[] {
  return ['X-Content-Type-Options', 'nosniff', 'X-Request-Id', id];
}

/** Names and values in turn, which Node sends as they are. */
function flatten(id: string, parts: readonly Headers[]): string[] {
  const lines = ownHeaders(id);
  for (const part of parts) for (const name in part) lines.push(name, part[name] ?? '');
  return lines;
}

function renderProblem(answer: ProblemAnswer, id: string, asText: boolean) {
  const { status, detail, hint } = answer;
  if (asText) {
    const lines = [detail, ...(hint === undefined ? [] : [`hint: ${hint}`]), `request: ${id}`];
    return {
      body: Buffer.from(`${lines.join('\n')}\n`),
      headers: { ...answer.headers, 'Content-Type': 'text/plain; charset=utf-8' },
    };
  }
  const value = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    instance: `urn:uuid:${id}`,
    hint,
  };
  return {
    body: Buffer.from(`${JSON.stringify(value)}\n`),
    headers: { 'Cache-Control': 'no-store', ...answer.headers, 'Content-Type': 'application/problem+json' },
  };
}
