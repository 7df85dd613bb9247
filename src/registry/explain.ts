import { findEntry, parseIndexFile } from '../index/index-file.ts';
import type { ModuleName } from '../model/module-name.ts';
import { compareVersions, type Version } from '../model/version.ts';
import type { Decision, Rule } from './decide-origin.ts';
import type { Observations } from './observations.ts';
import { claimantOf, maySupply, type Policy, type PolicySource } from './policy.ts';
import type { Explanation } from './reports.ts';
import { createResolver, type ResolvedModule, type ResolveInput } from './resolve-module.ts';

/** Shows the decision for one module, source by source (rule 8), from the state and the snapshots at hand. */
export async function explain(
  module: ModuleName,
  version: Version | undefined,
  input: ResolveInput,
  observations: Observations,
): Promise<Explanation> {
  const resolver = createResolver(input);
  const resolved = await resolver.resolve(module);
  const { decision, facts, pins } = resolved;
  const servedFile = facts.served === undefined ? undefined : await input.index.read(facts.served);
  const served = servedFile ? parseIndexFile(servedFile) : { lines: [], malformed: [] };
  const versions = [...new Set(served.lines.map((line) => line.entry.version))].sort(compareVersions);
  const pin = pins.find((candidate) => candidate.version === version);
  const entry = version === undefined ? undefined : findEntry(served, version);
  const checksum = entry?.checksum ?? pin?.checksum;
  const findings = (await input.state.findings()).filter((finding) => finding.module === module);
  return {
    module,
    version,
    isServed: version === undefined ? versions.length > 0 : entry !== undefined,
    origin: decision.origin,
    rule: decision.rule,
    because: reasonOf(decision, resolver.policy),
    sources: await Promise.all(
      resolver.policy.sources.map((source) =>
        describeSource(source, resolved, resolver.policy, version, input, observations),
      ),
    ),
    pin: pin && { checksum: pin.checksum, firstSeen: pin.firstSeen, source: pin.source },
    isCached: checksum === undefined ? undefined : await input.archives.has(checksum),
    versions,
    findings,
  };
}

async function describeSource(
  source: PolicySource,
  { module, facts }: ResolvedModule,
  policy: Policy,
  version: Version | undefined,
  { index }: ResolveInput,
  observations: Observations,
): Promise<Explanation['sources'][number]> {
  const id = facts.listings.get(source.name);
  const bytes = id === undefined ? undefined : await index.read(id);
  const file = bytes ? parseIndexFile(bytes) : { lines: [], malformed: [] };
  return {
    source: source.name,
    priority: source.priority,
    listing: listingOf(source, module, policy, id !== undefined),
    isStale: source.isEnabled && observations[source.name]?.failure !== undefined,
    versions: [...new Set(file.lines.map((line) => line.entry.version))].sort(compareVersions),
    checksum: version === undefined ? undefined : findEntry(file, version)?.checksum,
  };
}

function listingOf(
  source: PolicySource,
  module: ModuleName,
  policy: Policy,
  isListed: boolean,
): Explanation['sources'][number]['listing'] {
  const claimant = claimantOf(policy, module);
  if (claimant && claimant !== source) return 'claimed-elsewhere';
  if (source.isRemoved) return 'removed';
  if (!source.isEnabled) return 'disabled';
  if (!maySupply(source, module)) return 'excluded';
  if (!source.hasBeenRead) return 'never-read';
  return isListed ? 'listed' : 'absent';
}

const reasons: Readonly<Record<Rule, (origin: string, contender: string) => string>> = {
  claimed: (origin) =>
    `source "${origin}" claims this name in its namespaces, so no other source may supply it`,
  priority: (origin) => `of the enabled sources that list it, "${origin}" has the lowest priority number`,
  recorded: (origin) => `it was first served from "${origin}", and no enabled source lists it now`,
  moved: (origin, contender) =>
    `"${origin}" is trusted more than "${contender}", where it came from, and agrees with it`,
  held: (origin, contender) =>
    `it was first served from "${origin}"; a module moves only towards more trust and only with the same checksums, so "${contender}" cannot take it over`,
  undecided: (_, contender) =>
    `source "${contender}", which is trusted more, has never been read, so nobody can tell whether it supplies this name`,
  unlisted: () => 'no enabled source that may supply it lists it',
};

function reasonOf(decision: Decision, policy: Policy): string {
  const reason = reasons[decision.rule](decision.origin ?? '', decision.contender ?? '');
  const origin = policy.sources.find((source) => source.name === decision.origin);
  if (!origin || origin.isEnabled) return reason;
  const condition = origin.isRemoved ? 'is no longer configured' : 'is disabled';
  return `${reason}; "${origin.name}" ${condition}, so only cached versions are listed`;
}
