import type { GitIndex } from '../../index/git-index.ts';
import { findEntry } from '../../index/index-file.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { maySupplyNew, type Policy, type PolicySource } from '../decide/policy.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { readListed } from '../sync/source-file.ts';

/** What one source has of a name that nobody has decided yet. */
export type Offer =
  | { readonly kind: 'offered'; readonly entries: readonly IndexEntry[] }
  /** It lists nothing of it that may come from it. */
  | { readonly kind: 'nothing' }
  /** A source trusted more lists a version of it with other bytes: which of them the name will mean is open. */
  | { readonly kind: 'contradicted'; readonly reason: string };

/** Of an undecided name; see `Offer`. */
export async function offerOf(
  module: ModuleName,
  source: string,
  resolver: Resolver,
  index: GitIndex,
): Promise<Offer> {
  const { decision, facts, entries } = await resolver.resolveFor(module, source);
  if (decision.origin !== source || entries.length === 0) return { kind: 'nothing' };
  const reason = await findContradiction(entries, source, facts, resolver.policy, index);
  return reason === undefined ? { kind: 'offered', entries } : { kind: 'contradicted', reason };
}

/** Sources that may supply the name and are trusted more than `source`. */
export function trustedMore(policy: Policy, source: string, module: ModuleName): PolicySource[] {
  const position = policy.sources.findIndex(({ name }) => name === source);
  return policy.sources
    .slice(0, Math.max(position, 0))
    .filter((other) => other.isEnabled && maySupplyNew(other, module));
}

async function findContradiction(
  entries: readonly IndexEntry[],
  source: string,
  { module, listings }: LocatedFacts,
  policy: Policy,
  index: GitIndex,
): Promise<string | undefined> {
  for (const { name, hasBeenRead } of trustedMore(policy, source, module)) {
    const id = hasBeenRead ? listings.get(name) : undefined;
    // Most that list it too list the very same file.
    if (id === undefined || id === listings.get(source)) continue;
    const stated = await readListed(index, policy, name, id);
    const other = entries.find(
      ({ version, checksum }) => (findEntry(stated, version)?.checksum ?? checksum) !== checksum,
    );
    if (other)
      return `"${name}", which is trusted more, lists version ${other.version} with another checksum`;
  }
  return undefined;
}
