import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { toVisibleJson } from '../support/visible-text.ts';
import type { ClientAddress } from './client-address.ts';
import { mayAskAgain, type Outcome, statusOf } from './status.ts';

/** What a handler sees of a request. */
export interface AppRequest {
  /** Unique; in `X-Request-Id`, in problem bodies and in the log. */
  readonly id: string;
  readonly method: string;
  /** The request target, as sent. */
  readonly target: string;
  /** As sent, still percent-encoded: one leading slash, without query and without the base address's prefix. */
  readonly path: string;
  /** As sent, without the question mark. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Who asks, behind trusted proxies. */
  readonly client: ClientAddress;
  /** Scheme, host and port at which the client reached us, as far as the request tells. */
  readonly origin: () => string;
  readonly body: Readable;
  /** Aborted when the client leaves before it has the whole answer. Made when asked for: few do, and it costs. */
  readonly signal: () => AbortSignal;
}

export type Handler = (request: AppRequest) => Promise<Answer>;

/** `undefined` lets a request pass; an answer is sent instead. Never throws, and never waits. */
export type Guard = (request: IncomingMessage) => ProblemAnswer | undefined;

export interface Route {
  readonly methods: readonly string[];
  /** Tested against `AppRequest.path`. */
  readonly pattern: RegExp;
  readonly handle: Handler;
  /** Whether the answer depends on how recently sources were read. */
  readonly showsStaleness?: boolean;
}

export type Answer = ContentAnswer | ProblemAnswer;

/** An answer 200 to a GET that wants all of it, with nothing left to build. */
export interface ReadyAnswer {
  /** Names and values in turn, `Content-Length` aside. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export type Headers = Readonly<Record<string, string>>;

export interface ContentAnswer {
  readonly kind: 'content';
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer | StreamedBody | undefined;
}

/** Opened only when bytes will be sent, so not for HEAD. */
export interface StreamedBody {
  /** `undefined` for a chunked answer. */
  readonly sizeBytes: number | undefined;
  open(): Promise<Readable>;
}

/** Sent as RFC 9457 `application/problem+json`. */
export interface ProblemAnswer {
  readonly kind: 'problem';
  readonly outcome: Outcome;
  readonly status: number;
  readonly detail: string;
  readonly hint: string | undefined;
  readonly headers: Headers;
  /** Why, for the log alone. */
  readonly cause: string | undefined;
  /** The log has told of this trouble as a whole, and need not for each request. */
  readonly isTold: boolean;
  /** Instead of the status's usual words, which is all that some clients show: one line of ASCII (`toPhrase`). */
  readonly phrase: string | undefined;
  /** Further members of the body. */
  readonly members: Readonly<Record<string, unknown>>;
}

export function content(outcome: Outcome, headers: Headers, body?: Buffer | StreamedBody): ContentAnswer {
  return { kind: 'content', status: statusOf[outcome], headers, body };
}

/** Sends the client to another address here, for this once. */
export function redirect(location: string): ContentAnswer {
  return content('elsewhere', { Location: location, 'Cache-Control': 'no-store' }, Buffer.alloc(0));
}

export function json(value: unknown, headers: Headers = {}): ContentAnswer {
  const body = Buffer.from(`${toVisibleJson(value)}\n`);
  return content(
    'whole',
    { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-cache', ...headers },
    body,
  );
}

const defaultRetryAfterMs = 30_000;
const longestRetryAfterMs = 3_600_000;

export function problem(
  outcome: Outcome,
  detail: string,
  options: {
    readonly hint?: string | undefined;
    readonly headers?: Headers;
    readonly cause?: string | undefined;
    readonly isTold?: boolean;
    readonly phrase?: string | undefined;
    readonly members?: Readonly<Record<string, unknown>>;
    /** Of what asking again helps with; from a second to an hour, half a minute unless given. */
    readonly retryAfterMs?: number | undefined;
  } = {},
): ProblemAnswer {
  const { hint, cause, isTold = false, phrase, members = {}, retryAfterMs } = options;
  const status = statusOf[outcome];
  const headers = { ...(mayAskAgain(status) ? retryAfter(retryAfterMs) : {}), ...options.headers };
  return { kind: 'problem', outcome, status, detail, hint, headers, cause, isTold, phrase, members };
}

function retryAfter(delayMs = defaultRetryAfterMs): Headers {
  const seconds = Math.ceil(Math.min(delayMs, longestRetryAfterMs) / 1000);
  return { 'Retry-After': String(Math.max(seconds, 1)) };
}
