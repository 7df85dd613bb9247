import { LRUCache } from 'lru-cache';
import type { GitIndex } from '../index/git-index.ts';
import { findEntry, type IndexFile, parseIndexFile } from '../index/index-file.ts';
import type { Checksum } from '../model/checksum.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { LocatedFacts } from './module-facts.ts';
import { claimantOf, maySupply, type Policy } from './policy.ts';

export interface WantedArchive {
  readonly module: ModuleName;
  readonly version: Version;
  readonly checksum: Checksum;
}

/** Reads index files by their object id; what was read lately is remembered. */
export type Listings = (id: string) => Promise<IndexFile | undefined>;

const rememberedListings = 64;

export function createListings(index: Pick<GitIndex, 'read'>): Listings {
  const known = new LRUCache<string, IndexFile>({ max: rememberedListings });
  return async (id) => {
    const before = known.get(id);
    if (before) return before;
    const file = await index.read(id);
    if (!file) return undefined;
    const parsed = parseIndexFile(file);
    known.set(id, parsed);
    return parsed;
  };
}

/**
 * The enabled sources whose own index has the module, in the order in which they are asked for bytes: the one that claims
 * the name first, then the most trusted. Who decided what the name means, the origin, has no precedence (rule 5).
 */
export function listCandidates(
  { module, listings }: Pick<LocatedFacts, 'module' | 'listings'>,
  policy: Policy,
): string[] {
  const claimant = claimantOf(policy, module)?.name;
  const names = policy.sources
    .filter((source) => source.isEnabled && listings.has(source.name) && maySupply(source, module))
    .map((source) => source.name);
  return [...names.filter((name) => name === claimant), ...names.filter((name) => name !== claimant)];
}

/** Those of the candidates that list the version with the checksum; one at a time, as each is a file to read. */
export async function* findSuppliers(
  { version, checksum }: WantedArchive,
  candidates: readonly string[],
  facts: Pick<LocatedFacts, 'listings'>,
  read: Listings,
): AsyncGenerator<string, undefined> {
  for (const name of candidates) {
    const id = facts.listings.get(name);
    const file = id === undefined ? undefined : await read(id);
    if (file && findEntry(file, version)?.checksum === checksum) yield name;
  }
  return undefined;
}
