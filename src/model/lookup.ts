/**
 * What asking a source can end in. "I do not have it" and "I could not tell" are different values, and only the
 * first is an answer (rule 4).
 */
export type Lookup<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** A definitive no: HTTP 404 or 410, or not in the index. */
  | { readonly kind: 'absent'; readonly detail: string }
  | { readonly kind: 'unavailable'; readonly cause: SourceFailure };

/** What is not found, and whether that is an answer. */
export type Missed = Exclude<Lookup<unknown>, { kind: 'found' }>;

/** Why a source could not be read. `detail` is one line for people, without credentials. */
export interface SourceFailure {
  readonly reason:
    | 'timeout'
    | 'connection'
    | 'tls'
    | 'unauthorized'
    /** The credentials that are configured for it are not at hand, or cannot be sent: it was not asked. */
    | 'no-credentials'
    | 'rate-limited'
    | 'server-error'
    | 'bad-answer'
    | 'wrong-bytes'
    /** A bug of ours that asking it brought out. */
    | 'unforeseen'
    /** As many wait for the source as may (`limits.waiting_requests`). */
    | 'overloaded'
    /** No enabled source supplies it: its origin is disabled or removed, and no other lists it with the checksum it has here. */
    | 'disabled'
    /** It is not in the store, and nothing is fetched on demand (`server.upstream_fallback`). */
    | 'not-cached'
    /** Whether it has this cannot be told before a source that may have it is read. */
    | 'not-current';
  readonly detail: string;
  /** What the operator can do about it, in a clause that goes after `detail`; where a setting is, and never a secret. */
  readonly advice?: string | undefined;
  /** HTTP status, where there was one. */
  readonly status?: number | undefined;
  /** How long the source asked us to wait (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
  /** Until when this holds, where that is known; ISO 8601, UTC. */
  readonly until?: string | undefined;
}

const publicReasons: Readonly<Record<SourceFailure['reason'], string>> = {
  timeout: 'the source did not answer in time',
  connection: 'the source cannot be reached',
  tls: 'the source has no valid certificate',
  unauthorized: 'the source refuses the credentials it was given',
  'no-credentials': 'this registry lacks the credentials for the source',
  'rate-limited': 'the source asks for fewer requests',
  'server-error': 'the source reports a failure of its own',
  'bad-answer': 'the answer of the source is not what it should be',
  'wrong-bytes': 'the source sends other bytes than its index says',
  unforeseen: 'reading the source brought out a fault of this program',
  overloaded: 'too many requests wait for the source',
  disabled: 'no source that is enabled supplies it',
  'not-cached': 'it is not in the store of this registry, which fetches nothing on demand',
  'not-current': 'a source that may have it could not be read lately',
};

/** All that clients are told of a failure: nothing in it comes from the source, and it names no place (`detail` may do both). */
export function publicReason(reason: SourceFailure['reason']): string {
  return publicReasons[reason];
}

/** Whether the failure's text itself says which credentials to set: looking once more tells nothing else. */
export function isAboutCredentials(reason: string | undefined): boolean {
  return reason === 'unauthorized' || reason === 'no-credentials';
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
