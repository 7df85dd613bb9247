import { publicReason } from '../model/lookup.ts';
import type { StaleSource } from '../registry/sync/read-times.ts';
import { type DataTrouble, hasTrouble } from './data-watch.ts';

/** The index is not refreshed at all, through no fault of a source. */
export interface RefreshTrouble {
  /** When it last was, or when that began to fail; ISO 8601, UTC. */
  readonly since: string;
}

interface HealthFacts {
  /** The served commit; `undefined` where it cannot be read. */
  readonly commit: string | undefined;
  readonly stale: readonly StaleSource[];
  readonly leftAlone: readonly {
    readonly source: string;
    readonly cause: Parameters<typeof describePause>[0];
  }[];
  readonly trouble: RefreshTrouble | undefined;
  readonly data: DataTrouble;
  /** Archives are fetched anew for each who asks, as the disk's room is for the index. */
  readonly isCachingPaused: boolean;
}

/**
 * What `/health` tells anybody who asks: names of sources, classes of failure, times. Never what a source said, an address
 * or a place on our disk; those are in the log and in `status`.
 */
export function describeHealth({ commit, stale, leftAlone, trouble, data, isCachingPaused }: HealthFacts) {
  const isWell = stale.length === 0 && trouble === undefined && !hasTrouble(data);
  const index = describeIndex(data, trouble);
  return {
    status: isWell ? 'ok' : 'degraded',
    commit,
    sources: stale.map((source) => ({
      source: source.source,
      class: source.failureClass ?? 'never-read',
      failure: describeFailure(source),
      since: source.failingSince,
      readAt: source.readAt,
    })),
    leftAlone: leftAlone.map(({ source, cause }) => ({ source, ...describePause(cause) })),
    ...(index && { index }),
    ...(isCachingPaused && { caching: { reason: 'archives are not cached: the disk is nearly full' } }),
    ...(data.archives && {
      archives: { reason: 'stored archives cannot be read', since: data.archives.since },
    }),
  };
}

function describeIndex({ index }: DataTrouble, trouble: RefreshTrouble | undefined) {
  if (index) return { reason: 'the index cannot be read', since: index.since };
  return trouble && { reason: `the index was not refreshed since ${trouble.since}`, since: trouble.since };
}

function describeFailure({ failure, failureClass }: StaleSource): string {
  if (failureClass === 'held') return 'its new index is held back until it is read like that once more';
  if (failureClass !== undefined) return publicReason(failureClass);
  return failure === undefined ? 'it was not read yet' : 'it could not be read';
}

function describePause({
  reason,
  retryAfterMs = 0,
}: {
  readonly reason: Parameters<typeof publicReason>[0];
  readonly retryAfterMs?: number | undefined;
}) {
  const seconds = Math.ceil(retryAfterMs / 1000);
  return { class: reason, reason: `it is not asked for another ${seconds} s: ${publicReason(reason)}` };
}
