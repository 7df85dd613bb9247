import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { toVisibleJson, toVisibleText } from '../support/visible-text.ts';
import type { Answer, Headers, ProblemAnswer, ReadyAnswer } from './answer.ts';
import { statusOf } from './status.ts';

/** Sends an answer that was built before, with one write. `caching` instead of what it says of caches, if given. */
export function sendReady(
  response: ServerResponse,
  { headers, body }: ReadyAnswer,
  id: string,
  caching: string | undefined,
): void {
  const lines = ['Content-Length', String(body.length), ...ownHeaders(id), ...headers];
  const at = caching === undefined ? -1 : lines.indexOf('Cache-Control');
  if (caching !== undefined) {
    if (at < 0) lines.push('Cache-Control', caching);
    else lines[at + 1] = caching;
  }
  response.writeHead(statusOf.whole, lines);
  response.end(body);
}

export interface SendOptions {
  readonly id: string;
  readonly headers: Headers;
  /** What caches on the way may do, instead of what the answer says. */
  readonly caching: string | undefined;
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
  const isKeptNowhere = answer.kind === 'problem' || answer.headers['Cache-Control'] === 'no-store';
  const rule = isKeptNowhere ? 'no-store' : options.caching;
  const caching: Headers = rule === undefined ? {} : { 'Cache-Control': rule };
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

/** Names and values in turn, of a name the last that was said, which Node sends as they are: visible ASCII, as some values come from settings and requests. */
function flatten(id: string, parts: readonly Headers[]): string[] {
  const lines = ownHeaders(id);
  const whole = Object.assign({}, ...parts) as Headers;
  for (const name in whole) lines.push(name, toHeaderValue(whole[name] ?? ''));
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
