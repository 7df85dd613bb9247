import { createHash } from 'node:crypto';
import type { Config, SourceConfig } from '../../config/config.ts';
import { indexAddress } from '../../config/index-address.ts';
import { defaultSourceLimits } from '../../config/normalise.ts';
import type { RegistryState, SnapshotRecord } from '../../index/registry-state.ts';
import { type BlockSubject, findBlock } from '../../model/block.ts';
import { foldName } from '../../model/fold-name.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import { sourceKinds } from '../../sources/kinds.ts';

/**
 * Changes when the same sources and settings are decided otherwise than by an earlier program: data that another planner has
 * made are planned anew. 1: version 0.1.0. 2: a module moves only where it is claimed; look-alikes; requirements are pinned.
 */
export const plannerVersion = 2;

/** What decides origins: the operator's settings, and which sources have ever been read. */
export interface Policy {
  /** Most trusted first: by priority number, then in the order in which they were added; removed ones last. */
  readonly sources: readonly PolicySource[];
  readonly upstreamFallback: boolean;
  /** Look-alikes that the operator lists all the same: only what claims such a name as it is written counts. */
  readonly acceptedNames: readonly string[];
  /** What is refused to everybody. */
  readonly blocked: readonly BlockSubject[];
}

export interface PolicySource {
  readonly name: string;
  readonly priority: number;
  readonly isEnabled: boolean;
  /** No longer configured, but still the recorded origin of modules. */
  readonly isRemoved: boolean;
  /**
   * Whether a snapshot of its index is at hand, read at the address it has now. One of another address speaks only for
   * modules that are recorded as this source's.
   */
  readonly hasBeenRead: boolean;
  /** As `foldName` gives them, as are `exclude`: what claims or denies a name also claims or denies what looks like it. */
  readonly namespaces: readonly string[];
  /** As written. */
  readonly claims: readonly string[];
  /** As written: what grants a name grants no other. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Patterns, as written, of the only names that it is given anew; absent where those are all that it may supply. */
  readonly offers?: readonly string[] | undefined;
  /** Which new names of others wait while it is not current. */
  readonly holdsNewNames: SourceConfig['holdsNewNames'];
  readonly deletedUpstream: SourceConfig['deletedUpstream'];
  readonly fileLimits: FileLimits;
  /** How many findings about it are told. */
  readonly maxFindings: number;
}

/** What one index file of a source may be, and how many findings about it are told. */
interface FileLimits {
  readonly maxBytes: number;
  readonly maxLines: number;
  readonly maxMalformed: number;
}

/** The settings that decide. */
export interface PolicySettings {
  readonly sources: readonly (Partial<Pick<SourceConfig, 'type'>> &
    Pick<
      SourceConfig,
      | 'name'
      | 'indexUrl'
      | 'indexBranch'
      | 'priority'
      | 'enabled'
      | 'namespaces'
      | 'include'
      | 'exclude'
      | 'holdsNewNames'
      | 'deletedUpstream'
      | 'limits'
    >)[];
  readonly server: Pick<Config['server'], 'upstreamFallback'>;
  readonly hosting?: Pick<Config['hosting'], 'namespaces'> | undefined;
}

export function policyOf(
  config: PolicySettings,
  snapshots: readonly SnapshotRecord[],
  { acceptedNames = [], blocks = [] }: Partial<Pick<RegistryState, 'acceptedNames' | 'blocks'>> = {},
): Policy {
  const read = new Map(snapshots.map((snapshot) => [snapshot.source, snapshot]));
  const configured = config.sources.map(
    (source): PolicySource => ({
      name: source.name,
      priority: source.priority,
      isEnabled: source.enabled,
      isRemoved: false,
      hasBeenRead: isReadAt(read.get(source.name), indexAddress(source)),
      namespaces: source.namespaces.map(foldName),
      claims: source.namespaces,
      // A claim is a grant as well: the name itself, as it is written.
      include: source.include.length > 0 ? [...source.include, ...source.namespaces] : [],
      exclude: source.exclude.map(foldName),
      holdsNewNames: source.holdsNewNames,
      deletedUpstream: source.deletedUpstream,
      ...offersOf(source, read.get(source.name)),
      fileLimits: fileLimitsOf(source.limits),
      maxFindings: source.limits.findings,
    }),
  );
  const removed = snapshots
    .filter(({ source }) => source !== hosted && !config.sources.some(({ name }) => name === source))
    .map(
      ({ source, priority }): PolicySource => ({
        name: source,
        priority,
        isEnabled: false,
        isRemoved: true,
        hasBeenRead: true,
        namespaces: [],
        claims: [],
        include: [],
        exclude: [],
        holdsNewNames: 'claimed',
        deletedUpstream: 'keep',
        fileLimits: fileLimitsOf(defaultSourceLimits()),
        maxFindings: 0,
      }),
    );
  const own = hostedSource(config.hosting?.namespaces ?? [], read.has(hosted));
  const sources = [...own, ...configured, ...removed].sort((a, b) => a.priority - b.priority);
  const blocked = blocks.map(({ module, version }) => ({ module, version }));
  return { sources, upstreamFallback: config.server.upstreamFallback, acceptedNames, blocked };
}

/** Of another registry of our kind, unless the operator says what it supplies: what it hosts, and what it was given to claim. */
function offersOf(
  source: PolicySettings['sources'][number],
  record: SnapshotRecord | undefined,
): Pick<PolicySource, 'offers'> {
  const { type, include, namespaces } = source;
  if (type === undefined || !sourceKinds[type].describesItself || include.length > 0) return {};
  const hosts = isReadAt(record, indexAddress(source)) ? record?.hosts : undefined;
  return hosts === undefined ? {} : { offers: [...hosts, ...namespaces] };
}

/** Below any number that a source may have. */
export const hostedPriority = -1;

/** What is published here, as a source: trusted before all others, and never out of date. None where nothing may be, nor was. */
function hostedSource(namespaces: readonly string[], hasModules: boolean): PolicySource[] {
  if (namespaces.length === 0 && !hasModules) return [];
  return [
    {
      ...{ name: hosted, priority: hostedPriority, isEnabled: true, isRemoved: false, hasBeenRead: true },
      ...{ namespaces: namespaces.map(foldName), claims: namespaces, include: [], exclude: [] },
      ...{ holdsNewNames: 'claimed', deletedUpstream: 'keep', maxFindings: 0 },
      fileLimits: ownLimits,
    },
  ];
}

/** We have written it ourselves. */
const ownLimits: FileLimits = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  maxLines: Number.MAX_SAFE_INTEGER,
  maxMalformed: 20,
};

function fileLimitsOf(limits: SourceConfig['limits']): FileLimits {
  return {
    maxBytes: limits.indexFileBytes,
    maxLines: limits.indexLines,
    maxMalformed: limits.findingsPerFile,
  };
}

/** Whether a snapshot is of the index at this address; of data that do not say, it is taken to be. */
export function isReadAt(snapshot: SnapshotRecord | undefined, address: string): boolean {
  return snapshot !== undefined && (snapshot.indexUrl ?? address) === address;
}

/** Two policies with one digest decide alike. Which sources are current just now is no part of it. */
export function policyDigest(policy: Policy): string {
  return createHash('sha256').update(JSON.stringify(policy)).digest('hex');
}

export function sourceNamed({ sources }: Policy, name: string | undefined): PolicySource | undefined {
  return sources.find((source) => source.name === name);
}

/** Whether the operator lets this source supply the name at all. */
export function maySupply(source: PolicySource, module: ModuleName): boolean {
  if (source.include.length > 0 && !matchesAny(source.include, module)) return false;
  return source.exclude.length === 0 || !matchesAny(source.exclude, foldName(module));
}

/**
 * Whether a name that is not this source's yet may become so. What it was given stays its own, whatever it says later of what it
 * hosts: nothing that a source says takes away what is served.
 */
export function maySupplyNew(source: PolicySource, module: ModuleName): boolean {
  return maySupply(source, module) && (source.offers === undefined || matchesAny(source.offers, module));
}

/** The source that claims the name, or what looks like it, for itself, whatever its condition (rule 1). */
export function claimantOf(policy: Policy, module: ModuleName): PolicySource | undefined {
  if (policy.sources.every(({ namespaces }) => namespaces.length === 0)) return undefined;
  if (policy.acceptedNames.includes(module))
    return policy.sources.find((source) => matchesAny(source.claims, module));
  const folded = foldName(module);
  return policy.sources.find((source) => matchesAny(source.namespaces, folded));
}

/** Tells the versions of a module that are refused; `undefined` where none can be. */
export function blockedVersions(
  { blocked }: Policy,
  module: ModuleName,
): ((version: Version) => boolean) | undefined {
  const own = blocked.filter((block) => block.module === module);
  return own.length === 0 ? undefined : (version) => findBlock(own, module, version) !== undefined;
}
