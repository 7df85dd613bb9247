import { indexAddress } from '../../config/index-address.ts';
import type { Pending, PendingNames } from '../../index/pending-names.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import { type ModuleName, ownerOf } from '../../model/module-name.ts';
import { isReadAt, type PolicySettings } from '../decide/policy.ts';
import type { Observations } from './observations.ts';
import type { FailureClass } from './source-refresh.ts';

/** Names that are held back until the same sources were read (rule 4). They wait for nobody's decision: no conflict. */
export interface HeldBack {
  /** `new`: not given to any source, and not listed. `claimed`: served as before, but nothing new of them, until their claimant was read. */
  readonly kind: 'new' | 'claimed';
  /** How many. */
  readonly names: number;
  /** Who has most of them, and how many. */
  readonly owners: readonly { readonly owner: string; readonly names: number }[];
  /** The first of them. */
  readonly examples: readonly ModuleName[];
  /** Most trusted first; none: any sync decides them. */
  readonly waitsFor: readonly AwaitedSource[];
  /** Since when the first of them waits; ISO 8601, UTC. */
  readonly since: string;
}

/** A source that has to be read first, and why it is not current. */
export interface AwaitedSource {
  readonly source: string;
  /** `stale-upstream`: it says so itself. `not-read`: nobody has read it yet, or the last sync did not wait for it. */
  readonly failureClass: FailureClass | 'stale-upstream' | 'not-read';
  /** One line, for the operator alone: it may say what the source said. */
  readonly failure: string;
  /** Whether it claims names. */
  readonly claims: boolean;
}

/** How many owners, and how many names, are told of those that wait for the same. */
const told = 10;

/** What is known of the sources that names wait for. */
export interface SourceConditions {
  readonly config: Pick<PolicySettings, 'sources'>;
  readonly snapshots: readonly SnapshotRecord[];
  readonly observations: Observations;
}

/**
 * Names that only wait for sources to be read, by what they wait for; most names first. Nobody has to decide about them: they are
 * no conflicts.
 */
export function heldBackOf(pending: PendingNames, conditions: SourceConditions): HeldBack[] {
  const isAwaited = awaitedSources(conditions);
  const groups = new Map<string, { readonly wait: Wait; readonly modules: ModuleName[]; since: string }>();
  for (const [module, reason] of pending) {
    const wait = waitOf(reason, isAwaited);
    if (!wait) continue;
    const key = JSON.stringify(wait);
    const group = groups.get(key) ?? { wait, modules: [], since: reason.since };
    groups.set(key, group);
    group.modules.push(module);
    if (reason.since < group.since) group.since = reason.since;
  }
  return [...groups.values()]
    .sort((a, b) => b.modules.length - a.modules.length)
    .map(({ wait, modules, since }) => ({
      kind: wait.kind,
      names: modules.length,
      owners: countOwners(modules).slice(0, told),
      examples: modules.sort().slice(0, told),
      waitsFor: wait.waitsFor.map((source) => describeAwaited(source, conditions)),
      since,
    }));
}

/** Enabled sources of which nothing was ever read at the address they have now: what they claim can be decided only afterwards. */
export function awaitedSources({
  config,
  snapshots,
}: Pick<SourceConditions, 'config' | 'snapshots'>): (source: string) => boolean {
  const recordOf = (name: string) => snapshots.find(({ source }) => source === name);
  const unread = config.sources.filter(
    (source) => source.enabled && !isReadAt(recordOf(source.name), indexAddress(source)),
  );
  const names = new Set(unread.map(({ name }) => name));
  return (source) => names.has(source);
}

type Wait = Pick<HeldBack, 'kind'> & { readonly waitsFor: readonly string[] };

function waitOf(reason: Pending, isAwaited: (source: string) => boolean): Wait | undefined {
  if (reason.kind === 'undecided') return { kind: 'new', waitsFor: reason.waitsFor };
  return isAwaited(reason.source) ? { kind: 'claimed', waitsFor: [reason.source] } : undefined;
}

function countOwners(modules: readonly ModuleName[]): HeldBack['owners'][number][] {
  const counts = new Map<string, number>();
  for (const module of modules) counts.set(ownerOf(module), (counts.get(ownerOf(module)) ?? 0) + 1);
  return [...counts]
    .map(([owner, names]) => ({ owner, names }))
    .sort((a, b) => b.names - a.names || (a.owner < b.owner ? -1 : 1));
}

function describeAwaited(source: string, { config, observations }: SourceConditions): AwaitedSource {
  const settings = config.sources.find(({ name }) => name === source);
  return { source, claims: (settings?.namespaces.length ?? 0) > 0, ...whyNotCurrent(observations[source]) };
}

function whyNotCurrent(
  observation: Observations[string] | undefined,
): Pick<AwaitedSource, 'failureClass' | 'failure'> {
  if (observation?.failure !== undefined)
    return { failureClass: observation.failureClass ?? 'bad-answer', failure: observation.failure };
  if (observation?.isStaleUpstream)
    return { failureClass: 'stale-upstream', failure: 'it says itself that it is not up to date' };
  const hasBeenRead = observation?.readAt !== undefined;
  return { failureClass: 'not-read', failure: `it was not read ${hasBeenRead ? 'in the last sync' : 'yet'}` };
}
