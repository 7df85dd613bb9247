/**
 * What asking a source can end in. "I do not have it" and "I could not tell" are different values, and only the
 * first is an answer (rule 4).
 */
export type Lookup<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** A definitive no: HTTP 404 or 410, or not in the index. */
  | { readonly kind: 'absent'; readonly detail: string }
  | { readonly kind: 'unavailable'; readonly cause: SourceFailure };

/** Why a source could not be read. `detail` is one line for people, without credentials. */
export interface SourceFailure {
  readonly reason:
    | 'timeout'
    | 'connection'
    | 'tls'
    | 'unauthorized'
    | 'rate-limited'
    | 'server-error'
    | 'bad-answer'
    | 'wrong-bytes'
    /** A bug of ours that asking it brought out. */
    | 'unforeseen'
    | 'disabled';
  readonly detail: string;
  /** HTTP status, where there was one. */
  readonly status?: number | undefined;
  /** How long the source asked us to wait (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
}

/** Why it was not found, in one line for people. */
export function detailOf(outcome: Exclude<Lookup<unknown>, { kind: 'found' }>): string {
  return outcome.kind === 'absent' ? outcome.detail : outcome.cause.detail;
}

export function found<T>(value: T): Lookup<T> {
  return { kind: 'found', value };
}

export function absent<T>(detail: string): Lookup<T> {
  return { kind: 'absent', detail };
}

export function unavailable<T>(cause: SourceFailure): Lookup<T> {
  return { kind: 'unavailable', cause };
}
