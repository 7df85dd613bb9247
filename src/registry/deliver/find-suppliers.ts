import { LRUCache } from 'lru-cache';
import type { GitIndex } from '../../index/git-index.ts';
import { findEntry, type IndexFile } from '../../index/index-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import { claimantOf, maySupply, type Policy } from '../decide/policy.ts';
import { readListed } from '../sync/source-file.ts';

/** An archive as the index or a pin names it: where it may be had. */
export interface WantedArchive {
  readonly module: ModuleName;
  readonly version: Version;
  readonly checksum: Checksum;
}

/** Reads a source's index file by its object id; what was read lately is remembered. */
export type Listings = (source: string, id: string) => Promise<IndexFile>;

const rememberedListingBytes = 4 * 1024 * 1024;

export function createListings(index: GitIndex, policy: Policy): Listings {
  const known = new LRUCache<string, IndexFile>({ maxSize: rememberedListingBytes });
  return async (source, id) => {
    const key = `${source} ${id}`;
    const before = known.get(key);
    if (before) return before;
    const file = await readListed(index, policy, source, id);
    known.set(key, file, { size: Math.max(1, file.sizeBytes) });
    return file;
  };
}

/**
 * The enabled sources whose own index has the module, in the order in which they are asked for bytes: the one that claims
 * the name first, then the most trusted. Who decided what the name means, the origin, has no precedence (rule 5); but only
 * for it does an index speak that was read at another address than the source has now.
 */
export function listCandidates(
  { module, listings, recorded }: Pick<LocatedFacts, 'module' | 'listings' | 'recorded'>,
  policy: Policy,
): string[] {
  const claimant = claimantOf(policy, module)?.name;
  const names = policy.sources
    .filter((source) => source.isEnabled && listings.has(source.name) && maySupply(source, module))
    .filter((source) => source.hasBeenRead || source.name === recorded)
    .map((source) => source.name);
  return [...names.filter((name) => name === claimant), ...names.filter((name) => name !== claimant)];
}

/** Those of the candidates that list the version with the checksum; one at a time, as each is a file to read. */
export async function* findSuppliers(
  { version, checksum }: WantedArchive,
  candidates: readonly string[],
  facts: Pick<LocatedFacts, 'listings'>,
  read: Listings,
  /** The recorded one, if it may be asked. */
  origin: string | undefined,
): AsyncGenerator<string, undefined> {
  let isListed = false;
  let isContradicted = false;
  for (const name of candidates) {
    const id = facts.listings.get(name);
    const file = id === undefined ? undefined : await read(name, id);
    const stated = file && findEntry(file, version)?.checksum;
    if (stated === checksum) {
      isListed = true;
      yield name;
    } else if (name === origin && stated !== undefined) isContradicted = true;
  }
  // What stays listed after its file broke, or after a deletion, was listed by its origin once: that is no news to it.
  if (!isListed && !isContradicted && origin !== undefined) yield origin;
  return undefined;
}
