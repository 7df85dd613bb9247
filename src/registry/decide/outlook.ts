import type { Pending, PendingNames } from '../../index/pending-names.ts';
import { type ModuleName, ownerOf } from '../../model/module-name.ts';
import type { LocatedFacts } from './decide-origin.ts';
import { decideOrigin } from './decide-origin.ts';
import { pendingOf } from './pending-findings.ts';
import type { Policy } from './policy.ts';

export interface SourceListing {
  /** How many modules its index lists. */
  readonly modules: number;
  /** How many owners these modules have. */
  readonly owners: number;
  /** The other enabled sources that have been read. */
  readonly comparedWith: readonly string[];
  /** How many of its modules these list too, by who would supply them; without a supplier while that cannot be told. */
  readonly shared: readonly { readonly supplier: string | undefined; readonly modules: number }[];
  /** Owners of whom these list nothing, with how many of its modules are theirs. */
  readonly ownOwners: readonly { readonly owner: string; readonly modules: number }[];
}

/** What the next sync would decide, if every source were then as it was last read. */
export interface Outlook {
  /** How many names that nobody supplies yet it would serve. */
  readonly ready: number;
  readonly pending: PendingNames;
  /** Of the source in question. */
  readonly listing: SourceListing;
}

export interface OutlookInput {
  /** Of every name that anybody lists or that is recorded. */
  readonly facts: Iterable<LocatedFacts>;
  readonly policy: Policy;
  /** Sources that would be current. */
  readonly current: ReadonlySet<string>;
  /** Whose modules are compared with those of the others. */
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly now: string;
}

/**
 * Decides every name as a sync does. Whether a claimant's files agree with what was served is taken for granted: that takes a look
 * into them.
 */
export function foresee({ facts: all, policy, current, source, now }: OutlookInput): Outlook {
  const others = policy.sources.filter(
    ({ name, isEnabled, hasBeenRead }) => isEnabled && hasBeenRead && name !== source,
  );
  const names = others.map(({ name }) => name);
  const pending = new Map<ModuleName, Pending>();
  const comparison = createComparison();
  let ready = 0;
  for (const facts of all) {
    const decision = decideOrigin(facts, policy, { agrees: () => true, current });
    const waits = pendingOf(decision, false, undefined, now);
    if (waits) pending.set(facts.module, waits);
    const isNew = facts.recorded === undefined && facts.served === undefined;
    if (isNew && decision.file !== undefined && decision.supply === 'all') ready += 1;
    comparison.add(facts, source, names, decision.origin);
  }
  return { ready, pending, listing: comparison.result(names) };
}

function createComparison() {
  const suppliers = new Map<string | undefined, number>();
  const own = new Map<string, number>();
  const owners = new Set<string>();
  const ownersOfOthers = new Set<string>();
  let modules = 0;
  return {
    add({ module, listings }: LocatedFacts, source: string, others: readonly string[], origin?: string) {
      const owner = ownerOf(module);
      const isShared = others.some((name) => listings.has(name));
      if (isShared) ownersOfOthers.add(owner);
      if (!listings.has(source)) return;
      modules += 1;
      owners.add(owner);
      if (isShared) suppliers.set(origin, (suppliers.get(origin) ?? 0) + 1);
      else own.set(owner, (own.get(owner) ?? 0) + 1);
    },
    result: (comparedWith: readonly string[]): SourceListing => ({
      modules,
      owners: owners.size,
      comparedWith,
      shared: [...suppliers]
        .map(([supplier, number]) => ({ supplier, modules: number }))
        .sort((a, b) => b.modules - a.modules),
      ownOwners: [...own]
        .filter(([owner]) => !ownersOfOthers.has(owner))
        .map(([owner, number]) => ({ owner, modules: number }))
        .sort((a, b) => b.modules - a.modules || (a.owner < b.owner ? -1 : 1)),
    }),
  };
}
