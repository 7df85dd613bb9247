import type { ModuleName } from '../../model/module-name.ts';
import { claimantOf, maySupply, maySupplyNew, type Policy, type PolicySource } from './policy.ts';

/** What is known of one module before deciding. */
export interface ModuleFacts {
  readonly module: ModuleName;
  /** Sources whose snapshot has an index file for it: its object id. */
  readonly listings: ReadonlyMap<string, string>;
  /** Sources whose reading that is held back lists it. */
  readonly heldBy: ReadonlySet<string>;
  /** The origin in the ledger. */
  readonly recorded: string | undefined;
  /** Whether any version of it is pinned: without one, it was never served. */
  readonly isPinned: boolean;
}

/** The facts of one module, and where its files are: object ids, absent where there is no file. */
export interface LocatedFacts extends ModuleFacts {
  readonly ledger: string | undefined;
  readonly served: string | undefined;
  /** As it would be served if nothing of it were blocked; absent where that makes no difference. */
  readonly unblocked: string | undefined;
}

export type Rule =
  /** A source claims the name by its namespaces. */
  | 'claimed'
  /** The most trusted source that lists it supplies it, as before or for the first time. */
  | 'priority'
  /** The recorded origin; no other enabled source lists the module now. */
  | 'recorded'
  /** Where it was recorded before, now served from the source that claims the name, or that the operator chose. */
  | 'moved'
  /** Another source would supply it, but a module moves only where it is claimed, and changes nothing that was served (rule 2). */
  | 'held'
  /** A source of more trust has not been read in this sync: nobody can tell who supplies it (rule 4). */
  | 'undecided'
  | 'unlisted';

/** Which versions of an origin may be listed. */
type Supply =
  /** All it lists. */
  | 'all'
  /** What is pinned: another source claims the name, so nothing new comes from here. */
  | 'pinned'
  /** What is pinned, and cached or listed with the pinned checksum by an enabled source: this one is disabled or removed (rule 6). */
  | 'obtainable'
  /** Nothing: the operator denies it the name by `include` or `exclude`. */
  | 'none';

export interface Decision {
  readonly rule: Rule;
  /** Where the module comes from; absent when undecided or unlisted. */
  readonly origin: string | undefined;
  /** The origin's index file, where it lists the module and may supply it. */
  readonly file: string | undefined;
  readonly supply: Supply;
  /** The source that would supply it by priority or claim alone, where that is not the origin. */
  readonly contender: string | undefined;
  /** For `undecided`: the sources that have to be read first; none where only a sync is waited for. */
  readonly waitsFor: readonly string[];
}

export interface DecisionContext {
  /**
   * Whether that source's file keeps checksum and requirements of every version pinned so far; asked only of a source the module
   * would move to.
   */
  readonly agrees: (source: string) => boolean;
  /** Where the operator puts the module now. */
  readonly accepted?: string | undefined;
  /**
   * Sources that this sync itself has read, successfully and unheld, at the address they have now. `undefined`: this plan rests on
   * no reading, and gives no name away.
   */
  readonly current: ReadonlySet<string> | undefined;
  /** What the name waited for when readings last were at hand: without any, nothing else is known of what it waits for. */
  readonly waitedFor?: readonly string[] | undefined;
}

/**
 * Decides where a module comes from (rules 1, 2 and 4). The one decision that index, downloads, mirroring and
 * `explain` share (rule 8).
 */
export function decideOrigin(facts: ModuleFacts, policy: Policy, context: DecisionContext): Decision {
  const claimant = claimantOf(policy, facts.module);
  const recorded = policy.sources.find((source) => source.name === facts.recorded);
  // A name that a removed source never gave a readable version of means nothing yet: it is as new as any other.
  const isNew = facts.recorded === undefined || (recorded?.isRemoved !== false && !facts.isPinned);
  if (isNew) return claimant ? decided('claimed', facts, claimant) : decideFirst(facts, policy, context);
  if (claimant) return decideClaimed(facts, claimant, recorded, context);

  const candidates = candidatesFor(facts, policy);
  const accepted = candidates.find(({ name }) => name === context.accepted);
  if (accepted && accepted !== recorded) return decided('moved', facts, accepted, facts.recorded);
  const [best] = candidates;
  if (best && best === recorded) return decided('priority', facts, best);
  return staying(facts, recorded, best?.name);
}

/** Enabled sources that list the module, at the address they have now, and may supply it; most trusted first. */
function candidatesFor(facts: ModuleFacts, policy: Policy): PolicySource[] {
  return policy.sources.filter(
    (source) => source.isEnabled && listingOf(facts, source) !== undefined && isGranted(source, facts),
  );
}

function isGranted(source: PolicySource, { module, recorded }: ModuleFacts): boolean {
  return source.name === recorded ? maySupply(source, module) : maySupplyNew(source, module);
}

/** A claim takes a recorded module over only from less trust, and only if its source lists it and nothing that was served changes. */
function decideClaimed(
  facts: ModuleFacts,
  claimant: PolicySource,
  recorded: PolicySource | undefined,
  { agrees, accepted }: DecisionContext,
): Decision {
  if (claimant === recorded) return decided('claimed', facts, claimant);
  const isTrustedMore = recorded === undefined || claimant.priority <= recorded.priority;
  // Of a source that was not read, nobody can tell what it would change (rule 4); one that lacks the module would change all.
  const agreesForSure = () =>
    claimant.hasBeenRead &&
    facts.listings.has(claimant.name) &&
    maySupply(claimant, facts.module) &&
    agrees(claimant.name);
  const mayMove = accepted === claimant.name || (isTrustedMore && agreesForSure());
  if (mayMove) return decided('claimed', facts, claimant, facts.recorded);
  const decision = staying(facts, recorded, claimant.name);
  return { ...decision, supply: decision.supply === 'all' ? 'pinned' : decision.supply };
}

/** Its origin stays what it is, whoever else lists it. */
function staying(
  facts: ModuleFacts,
  recorded: PolicySource | undefined,
  contender: string | undefined,
): Decision {
  const rule = contender === undefined ? 'recorded' : 'held';
  if (recorded) return decided(rule, facts, recorded, contender);
  // Recorded for a source of which nothing is left: its modules still belong to nobody else.
  return {
    ...nowhere(rule),
    origin: facts.recorded,
    supply: 'obtainable',
    contender,
  };
}

/** A new name goes to the most trusted source that lists it, once nobody of more trust can turn out to have it. */
function decideFirst(
  facts: ModuleFacts,
  policy: Policy,
  { accepted, current, waitedFor = [] }: DecisionContext,
): Decision {
  const candidates = candidatesFor(facts, policy);
  const chosen = candidates.find(({ name }) => name === accepted);
  if (chosen) return decided('priority', facts, chosen);
  const [best] = candidates;
  if (!best) return nowhere('unlisted');
  const isUnread = (name: string) => (current === undefined ? waitedFor.includes(name) : !current.has(name));
  const waitsFor = policy.sources
    .slice(0, policy.sources.indexOf(best))
    .filter((source) => source.isEnabled && maySupplyNew(source, facts.module))
    .filter(
      ({ name, holdsNewNames }) => facts.heldBy.has(name) || (holdsNewNames === 'all' && isUnread(name)),
    )
    .map(({ name }) => name);
  if (waitsFor.length > 0) return { ...nowhere('undecided'), waitsFor, contender: waitsFor[0] };
  return current === undefined ? nowhere('undecided') : decided('priority', facts, best);
}

function nowhere(rule: Rule): Decision {
  return { rule, origin: undefined, file: undefined, supply: 'all', contender: undefined, waitsFor: [] };
}

function decided(rule: Rule, facts: ModuleFacts, origin: PolicySource, contender?: string): Decision {
  return {
    rule,
    origin: origin.name,
    file: maySupply(origin, facts.module) ? listingOf(facts, origin) : undefined,
    supply: maySupply(origin, facts.module) ? (origin.isEnabled ? 'all' : 'obtainable') : 'none',
    contender,
    waitsFor: [],
  };
}

/** A snapshot of another address is not the source's word on anything but what it has given already. */
function listingOf(facts: ModuleFacts, source: PolicySource): string | undefined {
  return source.hasBeenRead || facts.recorded === source.name ? facts.listings.get(source.name) : undefined;
}
