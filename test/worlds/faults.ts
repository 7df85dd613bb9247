import { type Answer, answer } from '../../src/demo/git-http-backend.ts';

/** What an embedded registry does wrong, on purpose. Change the fields at any time; `{}` is a healthy registry. */
export interface Faults {
  /** Limits every fault, the delay included, to the index, the archives, or the requests for which it is true. */
  only?: 'index' | 'archives' | ((request: UpstreamRequest) => boolean) | undefined;
  /** How many requests are still affected; counts down to 0. Without it all are. */
  times?: number | undefined;
  /** Waits before anything else happens. */
  delayMs?: number | undefined;
  /** Closes the connection without an answer. */
  down?: boolean | undefined;
  /** Takes the request and never answers. */
  blackHole?: boolean | undefined;
  /** Answers with this status and an empty body. */
  status?: number | undefined;
  /** The `Retry-After` of that answer. */
  retryAfter?: string | undefined;
  /** Answers 302 to the same path and query under this base URL. */
  redirectTo?: string | undefined;
  /** Answers 200 with a page for people. */
  html?: boolean | undefined;
  /** Answers with other bytes of the same length. */
  wrongBytes?: boolean | undefined;
  /** Announces the whole body, sends half of it and closes the connection. */
  truncate?: boolean | undefined;
}

export interface UpstreamRequest {
  readonly method: string;
  /** The raw request target, undecoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The faults that hold for `request`, which thereby counts against `times`; `area` is the part it asks. */
export function takeFaults(faults: Faults, request: UpstreamRequest, area: string): Faults {
  const isMeant =
    faults.only === undefined ||
    (typeof faults.only === 'function' ? faults.only(request) : faults.only === area);
  if (!isMeant) return {};
  if (faults.times === undefined) return { ...faults };
  if (faults.times <= 0) return {};
  faults.times--;
  return { ...faults };
}

/** The answer that a fault gives instead of the real one, if any does. */
export function answerOfFault(faults: Faults, request: UpstreamRequest): Answer | undefined {
  if (faults.redirectTo !== undefined)
    return answer(302, '', { location: `${faults.redirectTo}${request.url}` });
  if (faults.status !== undefined)
    return answer(
      faults.status,
      '',
      faults.retryAfter === undefined ? {} : { 'retry-after': faults.retryAfter },
    );
  if (faults.html)
    return answer(200, '<!doctype html><title>Welcome</title>', { 'content-type': 'text/html' });
  return undefined;
}

export function corrupt(body: Buffer): Buffer {
  return Buffer.from(body.map((byte) => byte ^ 0xff));
}
