import type { IndexFile } from '../../index/index-file.ts';
import type { Pin } from '../../index/ledger-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Decision } from './decide-origin.ts';
import type { Policy } from './policy.ts';

/** What was found of one module. Whoever plans has read it before: nothing is looked up while it is planned. */
export interface PlanningFacts {
  readonly module: ModuleName;
  /** The origin in the ledger; `undefined` for a name that was never given to anybody. */
  readonly recorded: string | undefined;
  /** The origin's index file; `undefined` when it does not list the module. */
  readonly sourceFile: IndexFile | undefined;
  /** The index file served now, as it would be if nothing of it were blocked. */
  readonly servedFile: IndexFile | undefined;
  readonly pins: readonly Pin[];
  /** Archives that are here, of those for which it matters. */
  readonly cached: ReadonlySet<Checksum>;
  /** What enabled sources other than the origin list, where it matters (see `Supply`). */
  readonly elsewhere: readonly IndexFile[];
  /** What the contender lists, where that is something else than what is served. */
  readonly contender: IndexFile | undefined;
}

/**
 * All that planning one module rests on: of equal inputs the plans are equal, whoever makes them. Nothing has a default: whoever
 * plans says what is known, and which time it is.
 */
export interface PlanningInput {
  readonly policy: Policy;
  readonly decision: Decision;
  readonly facts: PlanningFacts;
  /** ISO 8601, UTC. */
  readonly now: string;
}
