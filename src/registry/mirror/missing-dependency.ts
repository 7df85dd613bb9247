import type { GitIndex } from '../../index/git-index.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { selectVersion, type Version } from '../../model/version.ts';
import { claimantOf, maySupplyNew } from '../decide/policy.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { readListed } from '../sync/source-file.ts';
import { missing, type WhyMissing } from './dependency-closure.ts';

/**
 * Tells a requirement that no source lists from one that may yet be had: somebody could not be read, the name is not decided, or it
 * belongs to a source that lacks what another one lists.
 */
export function createWhyMissing(
  resolver: Resolver,
  index: GitIndex,
  current: ReadonlySet<string>,
): WhyMissing {
  return async (module, requirement, isListed) => {
    const { decision } = await resolver.locate(module);
    if (decision.rule === 'undecided')
      return { kind: 'open', reason: 'nobody has decided yet where this module comes from' };
    const { policy } = resolver;
    const claimant = claimantOf(policy, module);
    const deciding = policy.sources.filter(
      (source) => source.isEnabled && maySupplyNew(source, module) && (!claimant || claimant === source),
    );
    const unread = deciding.filter(({ name }) => !current.has(name)).map(({ name }) => `"${name}"`);
    if (unread.length > 0)
      return { kind: 'open', reason: `source ${unread.join(', ')}, which may have it, could not be read` };
    const other = await findElsewhere(module, requirement, resolver, index);
    if (other === undefined) return missing(module, requirement, isListed);
    const origin = decision.origin ?? claimant?.name ?? '';
    return { kind: 'open', reason: `"${other}" lists it, but the module comes from "${origin}"` };
  };
}

/** An enabled source that lists a version that would do. */
async function findElsewhere(
  module: ModuleName,
  requirement: Version,
  { policy, locate }: Resolver,
  index: GitIndex,
): Promise<string | undefined> {
  const { facts } = await locate(module);
  for (const { name, isEnabled, hasBeenRead } of policy.sources) {
    const id = isEnabled && hasBeenRead ? facts.listings.get(name) : undefined;
    if (id === undefined) continue;
    const { lines } = await readListed(index, policy, name, id);
    const versions = lines.map(({ entry }) => entry.version);
    if (selectVersion(requirement, versions) !== undefined) return name;
  }
  return undefined;
}
