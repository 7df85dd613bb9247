/**
 * The one table from what becomes of a request to its status: whoever answers names an outcome, and no other file a number
 * (but `registry/hosting/publish-outcome.ts`, where they are the protocol of another registry).
 */
export const statusOf = {
  // There is something to send, or no need to.
  whole: 200,
  part: 206,
  elsewhere: 302,
  unchanged: 304,

  // The request cannot be served by anybody.
  malformed: 400,
  'wrong-method': 405,
  'too-slow': 408,
  'too-large': 413,
  'target-too-long': 414,
  'unsupported-type': 415,
  'no-such-range': 416,
  'other-host': 421,
  'too-many-headers': 431,

  // Whoever asks may not, or has not shown who it is.
  'no-token': 401,
  'not-allowed': 403,
  'too-many-attempts': 429,

  // It is served to nobody.
  refused: 403,
  blocked: 403,

  // There is no such thing (rule 4: a definitive no), or none any more.
  absent: 404,
  gone: 410,
  withdrawn: 410,

  // Asking again here is what helps: we are starting, busy, still fetching, or cannot tell yet. Sent with `Retry-After`.
  busy: 503,
  disabled: 503,
  lost: 503,
  'not-cached': 503,
  'not-current': 503,
  overloaded: 503,
  'no-credentials': 503,

  // Wrong upstream with one file: a registry in front of this one goes on asking for the others.
  timeout: 502,
  connection: 502,
  'rate-limited': 502,
  'server-error': 502,
  tls: 502,
  unauthorized: 502,
  'bad-answer': 502,
  'wrong-bytes': 502,

  // What was thrown, by the code of the error.
  usage: 400,
  'not-found': 404,
  unavailable: 502,
  integrity: 502,
  storage: 503,
  config: 500,

  // Our own fault.
  unforeseen: 500,

  // Nobody is there to hear it: for the log alone.
  'client-left': 499,
} as const;

export type Outcome = keyof typeof statusOf;

/** Whether a word is an outcome that somebody may be told of: no success, and not that nobody heard it. */
export function mayBeTold(word: string): word is Outcome {
  return (
    Object.hasOwn(statusOf, word) && statusOf[word as Outcome] >= statusOf.malformed && word !== 'client-left'
  );
}

/** Whether whoever asks may do so again at once, or soon. */
export function mayAskAgain(status: number): boolean {
  return status === statusOf.busy;
}

/** Whether something is wrong with us, or upstream. */
export function isFailure(status: number): boolean {
  return status >= statusOf.unforeseen;
}

/** Whether a request was turned down; that something is not here is an answer. */
export function isRefusal(status: number): boolean {
  return status >= statusOf.malformed && status !== statusOf.absent && status !== statusOf['client-left'];
}
