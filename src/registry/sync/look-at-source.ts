import type { Config, SourceConfig } from '../../config/config.ts';
import { indexAddress } from '../../config/index-address.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { detailOf, type Lookup } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import type { SourceListing } from '../decide/outlook.ts';
import { foresee } from '../decide/outlook.ts';
import { claimantOf, maySupply, type Policy, policyOf } from '../decide/policy.ts';
import { findAllFacts, type WholeIndex } from './find-facts.ts';
import type { HeldBack } from './held-back.ts';
import { heldBackOf } from './held-back.ts';
import { observationsFile, observeReadings, readObservations } from './observations.ts';
import { type Listing, type ListingContext, readListing, type TriedArchive } from './read-listing.ts';
import type { FailureClass, SourceRefresh } from './source-refresh.ts';
import { wasReadWell } from './unlisted.ts';

/** What a look at a source found, and what the next sync would decide then. Nothing of it is kept. */
export interface SourceLook {
  readonly source: string;
  /** Absent where it could not be read. */
  readonly listing: SourceListing | undefined;
  /** Why it could not be read; the text is for the operator alone. */
  readonly failure: { readonly class: FailureClass; readonly text: string } | undefined;
  /** One archive of it that was asked for, and why it could not be had; the text is for the operator alone. */
  readonly archive: TriedArchive | undefined;
  /** Which new names wait while it is not current, and of which enabled sources, all trusted less. */
  readonly holdsBack: { readonly names: 'all' | 'claimed'; readonly of: readonly string[] };
  /** How many names that are not served yet the next sync would serve. */
  readonly ready: number;
  /** What would wait even then. */
  readonly heldBack: readonly HeldBack[];
}

export interface LookContext extends ListingContext {
  readonly config: Config;
  readonly index: GitIndex;
  readonly now: () => Date;
}

/**
 * Looks at a source as it is now, and at what the next sync would then decide. It decides nothing itself: no snapshot, no pin, no
 * origin, no reading that counts for one of two.
 */
export async function lookAtSource(source: SourceConfig, context: LookContext): Promise<SourceLook> {
  const { config, index } = context;
  const state = await index.state();
  const before = policyOf(config, state.snapshots, state);
  const read = await readListing(source, context, (module) => isOwn(source.name, module, before));
  const now = context.now().toISOString();
  const observations = observeReadings(
    await readObservations(observationsFile(config)),
    [describeLook(source.name, read)],
    now,
  );
  const { listing, archive, hosts } = read.kind === 'found' ? read.value : {};
  const snapshots = withLook(state.snapshots, source, listing, hosts);
  const policy = policyOf(config, snapshots, state);
  const current = policy.sources.filter(({ isEnabled }) => isEnabled);
  const outlook = foresee({
    facts: factsWith(await findAllFacts(index, state, state.snapshots), source.name, listing),
    policy,
    current: new Set(current.filter((one) => wasReadWell(one, observations)).map(({ name }) => name)),
    source: source.name,
    now,
  });
  return {
    source: source.name,
    listing: listing && outlook.listing,
    failure: read.kind === 'unavailable' ? { class: read.cause.reason, text: read.cause.detail } : undefined,
    archive,
    holdsBack: whatItHoldsBack(source, policy),
    ready: outlook.ready,
    heldBack: heldBackOf(outlook.pending, { config, snapshots, observations }),
  };
}

/** Whether it may supply a name that no other source claims. */
function isOwn(source: string, module: ModuleName, policy: Policy): boolean {
  const own = policy.sources.find(({ name }) => name === source);
  const claimant = claimantOf(policy, module);
  return own !== undefined && maySupply(own, module) && (claimant === undefined || claimant === own);
}

function describeLook(source: string, read: Lookup<unknown>): SourceRefresh {
  if (read.kind === 'found') return { source, outcome: 'fresh' };
  const reason = read.kind === 'unavailable' ? read.cause.reason : undefined;
  return { source, outcome: 'never-read', detail: detailOf(read), reason };
}

/** What was recorded under this name was read at another address, or belongs to a source that was removed. */
function withLook(
  snapshots: readonly SnapshotRecord[],
  source: SourceConfig,
  listing: Listing | undefined,
  hosts: readonly string[] | undefined,
): SnapshotRecord[] {
  if (!listing) return [...snapshots];
  const { name, priority } = source;
  const indexUrl = indexAddress(source);
  const look = { source: name, commit: '', tree: '', since: '', priority, indexUrl, ...(hosts && { hosts }) };
  return [...snapshots.filter((record) => record.source !== name), look];
}

/** The facts of every module, as if the source listed just this. */
function* factsWith(
  whole: WholeIndex,
  source: string,
  listing: Listing | undefined,
): Generator<LocatedFacts, void, undefined> {
  for (const path of new Set([...whole.paths, ...(listing?.keys() ?? [])])) {
    const target = readIndexPath(path);
    if (target.kind !== 'module') continue;
    const facts = whole.locate(target.module);
    const listings = new Map(facts.listings);
    const id = listing?.get(path);
    if (listing) listings.delete(source);
    if (id !== undefined) listings.set(source, id);
    yield { ...facts, listings };
  }
}

function whatItHoldsBack(
  { name, holdsNewNames }: SourceConfig,
  { sources }: Policy,
): SourceLook['holdsBack'] {
  const position = sources.findIndex((source) => source.name === name);
  const lessTrusted = sources.slice(position + 1).filter(({ isEnabled }) => isEnabled);
  return { names: holdsNewNames, of: lessTrusted.map((source) => source.name) };
}
