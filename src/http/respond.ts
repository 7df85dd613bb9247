import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, RegistryError } from '../errors.ts';
import { type Lookup, publicReason, type SourceFailure } from '../model/lookup.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';
import { toVisibleJson, toVisibleText } from '../support/visible-text.ts';
import { type Answer, type Headers, type ProblemAnswer, problem, type ReadyAnswer } from './answer.ts';

/**
 * The one table from failures and outcomes to statuses (rule 4: absent is 404, "could not tell" is 502 or 503). What is
 * wrong upstream with one file is 502, so that a registry in front of this one goes on asking for the others; 503, with
 * `Retry-After`, is for what asking again here will answer: we are starting, busy, still fetching, or cannot tell yet.
 */
const errorStatus: Record<ErrorCode, number> = {
  usage: 400,
  config: 500,
  'not-found': 404,
  unavailable: 502,
  integrity: 502,
  storage: 503,
};
const absentStatus = 404;
const failureStatus: Record<SourceFailure['reason'], number> = {
  disabled: 503,
  'not-cached': 503,
  'not-current': 503,
  timeout: 502,
  connection: 502,
  'rate-limited': 502,
  'server-error': 502,
  overloaded: 503,
  tls: 502,
  unauthorized: 502,
  'no-credentials': 503,
  'bad-answer': 502,
  'wrong-bytes': 502,
  unforeseen: 500,
};

/**
 * What is told of failures that were thrown. Their messages name places on our disk, addresses and what sources said,
 * and go to the log.
 */
const errorDetail: Record<ErrorCode, string> = {
  usage: 'This cannot be asked.',
  config: 'The settings of this registry cannot be used; its log says why.',
  'not-found': 'There is no such thing here.',
  unavailable: 'This is not available now: its source did not supply it.',
  integrity: 'This is not available now: its bytes are not what the index says.',
  storage: 'This registry cannot read or write its own disk; its log says why.',
};

const defaultRetryAfterSeconds = 30;
const longestRetryAfterSeconds = 3600;

/** `what` names the thing asked for, where it comes from included. */
export function lookupProblem(
  what: string,
  outcome: Exclude<Lookup<unknown>, { kind: 'found' }>,
): ProblemAnswer {
  if (outcome.kind === 'absent')
    return problem(absentStatus, `${what} is not here: the index does not list it, or no source has it.`);
  const { reason, detail, retryAfterMs } = outcome.cause;
  const status = failureStatus[reason];
  return problem(status, `${what} is not available now: ${publicReason(reason)}.`, {
    headers: status === 503 ? retryAfter(retryAfterMs) : {},
    cause: detail,
  });
}

/** What a thrown error is answered with; whoever caught it logs it. */
export function errorProblem(thrown: unknown): ProblemAnswer {
  const error = unlessOwnFailure(thrown);
  if (!(error instanceof RegistryError)) return problem(500, 'Something went wrong here; the log says what.');
  const status = errorStatus[error.code];
  return problem(status, errorDetail[error.code], {
    headers: status === 503 ? retryAfter(undefined) : {},
  });
}

/** 503: the server has as much to do as it accepts, or is not done yet. */
export function busyProblem(detail: string, retryAfterMs: number): ProblemAnswer {
  return problem(503, detail, { headers: retryAfter(retryAfterMs) });
}

export function retryAfter(delayMs: number | undefined): Headers {
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
  // An error holds for this moment alone, whatever it is about and whoever says it.
  const caching: Headers = answer.status >= 400 ? { 'Cache-Control': 'no-store' } : {};
  const length = sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) };
  if (answer.kind === 'problem' && answer.phrase !== undefined) response.statusMessage = answer.phrase;
  response.writeHead(answer.status, flatten(options.id, [length, options.headers, headers, caching]));
  if (stream) await pipeline(stream, response);
  else response.end(hasBody ? body : undefined);
}

/** Of every answer. */
function ownHeaders(id: string): string[] {
  return ['X-Content-Type-Options', 'nosniff', 'X-Request-Id', id];
}

/** Names and values in turn, which Node sends as they are: visible ASCII, as some values come from settings and requests. */
function flatten(id: string, parts: readonly Headers[]): string[] {
  const lines = ownHeaders(id);
  for (const part of parts) for (const name in part) lines.push(name, toHeaderValue(part[name] ?? ''));
  return lines;
}

function toHeaderValue(text: string): string {
  if (!/[^\u0020-\u007e]/.test(text)) return text;
  return text.replaceAll(
    /[^\u0020-\u007e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function renderProblem(answer: ProblemAnswer, id: string, asText: boolean) {
  const { status, detail, hint, members } = answer;
  if (asText) {
    const lines = [detail, ...(hint === undefined ? [] : [`hint: ${hint}`]), `request: ${id}`];
    return {
      body: Buffer.from(toVisibleText(`${lines.join('\n')}\n`)),
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
    ...members,
  };
  return {
    body: Buffer.from(`${toVisibleJson(value)}\n`),
    headers: { ...answer.headers, 'Content-Type': 'application/problem+json' },
  };
}
