import type { StateView } from '../../index/state-view.ts';
import type { ConflictOutcome } from './conflict.ts';
import type { Resolver } from './resolve-module.ts';
import type { SyncContext } from './sync-context.ts';

/** What comes of a ruling, before it is carried out. */
export type Taken = Pick<ConflictOutcome, 'decisions' | 'skipped'>;

/** What a ruling is judged by: the state that it will change. */
export interface RulingContext extends SyncContext {
  readonly state: StateView;
  readonly resolver: Resolver;
}

/** When something was decided by the operator, and by whom. */
export interface Stamp {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** A user of the operating system. */
  readonly by: string;
}
