import { hosted } from '../../model/hosted.ts';
import { absent, type Lookup, type SourceFailure, unavailable } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { claimantOf, maySupplyNew, type Policy, type PolicySource } from '../decide/policy.ts';
import type { Observations } from './observations.ts';

/** When a client may ask again: about when the next sync has been. */
const retryAfterMs = 60_000;
/** When a server has seen an edit of the settings. */
const editSeenMs = 1000;

/** It was served, and has left the index for good as far as this registry can tell. */
export interface GoneArchive {
  readonly kind: 'gone';
  readonly firstSeen: string;
}

/** What is known of a version that the index does not list. */
export interface UnlistedVersion {
  readonly module: ModuleName;
  /** The module's origin. */
  readonly recorded: string | undefined;
  /** When it was first served; `undefined`: never. */
  readonly firstSeen: string | undefined;
  /** Whether an enabled source lists it with the checksum it was served with. */
  readonly isSupplied: boolean;
  /** Whether the index was made by other settings than this process has: it has not seen an edit yet, or nobody has planned it. */
  readonly isPlannedOtherwise: boolean;
}

/**
 * What to say of a version that is not listed: `absent` where every source that may supply it is known as it is now, so that
 * nobody has it; that nobody can tell (rule 4), and whom that is waiting for; or why what was served once is served no longer.
 */
export function unlisted(
  known: UnlistedVersion,
  policy: Policy,
  observations: Observations,
  /** Until when a source is left alone, where it is; ISO 8601, UTC. */
  leftAloneUntil: (source: string) => string | undefined,
): Lookup<never> | GoneArchive {
  const unread = suppliersOf(known, policy).find(
    (source) => source.isEnabled && !wasReadWell(source, observations),
  );
  if (unread) {
    const detail = `it is not listed, and source "${unread.name}", which may supply it, could not be read lately`;
    return unavailable({
      ...{ reason: 'not-current', detail, retryAfterMs },
      until: leftAloneUntil(unread.name),
    });
  }
  if (known.firstSeen === undefined) return absent('it is not in the index');
  if (known.isPlannedOtherwise) {
    const detail = 'it has left the index, by settings that this process has not read yet';
    return unavailable({ reason: 'not-current', detail, retryAfterMs: editSeenMs });
  }
  return heldBack(known, policy) ?? { kind: 'gone', firstSeen: known.firstSeen };
}

/** Why a version that was served can come back without anybody publishing it; `undefined` if nothing says so. */
function heldBack(
  { recorded, isSupplied }: UnlistedVersion,
  { sources, upstreamFallback }: Policy,
): Lookup<never> | undefined {
  const origin = sources.find(({ name }) => name === recorded);
  const held = (reason: SourceFailure['reason'], detail: string) => unavailable<never>({ reason, detail });
  if (!origin?.isEnabled)
    return held('disabled', `its origin, source "${recorded}", is disabled or configured no longer`);
  if (isSupplied && !upstreamFallback)
    return held('not-cached', 'the archive is not here and upstream_fallback is off');
  return undefined;
}

/** Who could bring a version: the claimant of the name, the module's origin, or whoever lists it first. */
function suppliersOf(
  { module, recorded }: Pick<UnlistedVersion, 'module' | 'recorded'>,
  policy: Policy,
): readonly PolicySource[] {
  const only = claimantOf(policy, module)?.name ?? recorded;
  return policy.sources.filter((source) =>
    only === undefined ? maySupplyNew(source, module) : source.name === only,
  );
}

/** Whether its last reading, by whichever process, was good; see `DecisionContext`. */
export function wasReadWell({ name, hasBeenRead }: PolicySource, observations: Observations): boolean {
  // What is published here is known as it is.
  if (name === hosted) return true;
  const last = observations[name];
  if (!hasBeenRead || last === undefined) return false;
  return last.failure === undefined && last.held === undefined && last.isStaleUpstream !== true;
}
