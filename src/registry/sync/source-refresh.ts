import type { SourceFailure } from '../../model/lookup.ts';

/** How reading one source's index went. */
export interface SourceRefresh {
  readonly source: string;
  /**
   * `held`: it was read, but lost modules or went back in history; its last good index stays in use until two
   * readings in a row agree.
   */
  readonly outcome: 'fresh' | 'unchanged' | 'held' | 'stale' | 'never-read';
  /** One line, for `held`, `stale` and `never-read`. */
  readonly detail?: string | undefined;
  /** For `stale` and `never-read`. */
  readonly reason?: SourceFailure['reason'] | undefined;
  /** What is in use. */
  readonly commit?: string | undefined;
  /** For `held`: what was read. */
  readonly heldCommit?: string | undefined;
  /** It was read, and says itself that it is not up to date. */
  readonly isStaleUpstream?: boolean | undefined;
}

/** What kind of trouble a source is in; unlike a failure's text, it may be told to anybody. */
export type FailureClass = SourceFailure['reason'] | 'held';
