import type { ModuleName } from '../model/module-name.ts';
import { claimantOf, maySupply, type Policy, type PolicySource } from './policy.ts';

/** What is known of one module before deciding. */
export interface ModuleFacts {
  readonly module: ModuleName;
  /** Sources whose snapshot has an index file for it: its object id. */
  readonly listings: ReadonlyMap<string, string>;
  /** The origin in the ledger. */
  readonly recorded: string | undefined;
}

export type Rule =
  /** A source claims the name by its namespaces. */
  | 'claimed'
  /** The most trusted source that lists it supplies it, as before or for the first time. */
  | 'priority'
  /** The recorded origin; no enabled source lists the module now. */
  | 'recorded'
  /** A source of more trust has begun to list it, and agrees on every version served so far. */
  | 'moved'
  /** Another source would supply it, but a module moves only towards more trust (rule 2). */
  | 'held'
  /** A source of more trust has never been read: nobody can tell who supplies it (rule 4). */
  | 'undecided'
  | 'unlisted';

export interface Decision {
  readonly rule: Rule;
  /** Where the module comes from; absent when undecided or unlisted. */
  readonly origin: string | undefined;
  /** The origin's index file, where it lists the module and may supply it. */
  readonly file: string | undefined;
  /** Whether only cached versions may be listed: the origin is disabled or removed (rule 6). */
  readonly isCachedOnly: boolean;
  /** The source that would supply it by priority alone, where that is not the origin; for `undecided`, the unread one. */
  readonly contender: string | undefined;
}

/**
 * Decides where a module comes from (rules 1, 2 and 4). The one decision that index, downloads, mirroring and
 * `explain` share (rule 8). `agrees(source)` tells whether that source's file keeps the checksum of every
 * version pinned so far; it is asked only of a source the module would move to. `accepted` is where the operator moves
 * the module now: it counts if that is the source that would supply it by priority.
 */
export function decideOrigin(
  facts: ModuleFacts,
  policy: Policy,
  agrees: (source: string) => boolean,
  accepted?: string,
): Decision {
  const claimant = claimantOf(policy, facts.module);
  if (claimant) return decided('claimed', facts, claimant, undefined);

  const candidates = policy.sources.filter(
    (source) => source.isEnabled && facts.listings.has(source.name) && maySupply(source, facts.module),
  );
  const best = candidates[0];
  const recorded = policy.sources.find((source) => source.name === facts.recorded);
  if (!recorded)
    return facts.recorded === undefined ? decideFirst(facts, policy, best) : orphaned(facts, best, accepted);
  if (!best) return decided('recorded', facts, recorded, undefined);
  if (best.name === recorded.name) return decided('priority', facts, recorded, undefined);
  if (best.name === accepted || (best.priority < recorded.priority && agrees(best.name)))
    return decided('moved', facts, best, recorded.name);
  return decided('held', facts, recorded, best.name);
}

function decideFirst(facts: ModuleFacts, policy: Policy, best: PolicySource | undefined): Decision {
  if (!best)
    return {
      rule: 'unlisted',
      origin: undefined,
      file: undefined,
      isCachedOnly: false,
      contender: undefined,
    };
  const unread = policy.sources
    .slice(0, policy.sources.indexOf(best))
    .find((source) => source.isEnabled && !source.hasBeenRead && maySupply(source, facts.module));
  if (unread)
    return {
      rule: 'undecided',
      origin: undefined,
      file: undefined,
      isCachedOnly: false,
      contender: unread.name,
    };
  return decided('priority', facts, best, undefined);
}

/** Recorded for a source of which nothing is left: its modules still belong to nobody else. */
function orphaned(
  facts: ModuleFacts,
  best: PolicySource | undefined,
  accepted: string | undefined,
): Decision {
  if (best && best.name === accepted) return decided('moved', facts, best, facts.recorded);
  const rule = best ? 'held' : 'recorded';
  return { rule, origin: facts.recorded, file: undefined, isCachedOnly: true, contender: best?.name };
}

function decided(
  rule: Rule,
  facts: ModuleFacts,
  origin: PolicySource,
  contender: string | undefined,
): Decision {
  return {
    rule,
    origin: origin.name,
    file: maySupply(origin, facts.module) ? facts.listings.get(origin.name) : undefined,
    isCachedOnly: !origin.isEnabled,
    contender,
  };
}
