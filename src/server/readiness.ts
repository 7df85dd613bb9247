import { type ProblemAnswer, problem } from '../http/answer.ts';
import type { Freshness, Settings } from '../registry/registry.ts';
import type { DataWatch } from './data-watch.ts';

/**
 * Whether there is an index to serve; until then an empty one would tell clients that every module is gone, and a damaged one
 * would break off.
 */
export interface Readiness {
  /** Why not now; `undefined` when there is, as far as is known. */
  refusal(): Promise<ProblemAnswer | undefined>;
  /** As `refusal`, for whoever sends clients here: looks, and counts archives too. */
  wholeRefusal(): Promise<ProblemAnswer | undefined>;
  /** As `refusal`, once git has failed. */
  refusalAfterFailure(): Promise<ProblemAnswer | undefined>;
}

const retryAfterMs = 5000;

/** What was ready once stays so while the settings are the same and the data can be read, so that nobody looks twice. */
export function createReadiness(
  registry: Pick<Settings, 'config'> & Pick<Freshness, 'isReady'>,
  watch: DataWatch,
): Readiness {
  let readyFor: Settings['config'] | undefined;

  async function refusal(): Promise<ProblemAnswer | undefined> {
    if (watch.glance().index) return unreadable('The index of this registry cannot be read now.');
    const { config } = registry;
    if (readyFor === config) return undefined;
    if (!(await registry.isReady()))
      return problem('busy', 'No source of this registry has been read yet; ask again.', { retryAfterMs });
    readyFor = config;
    return undefined;
  }

  return {
    refusal,
    async wholeRefusal() {
      const { index, archives } = await watch.look();
      // Without its folder, an archive is fetched again.
      const isFetched = registry.config.server.upstreamFallback && archives?.isMissing;
      if (index === undefined && archives && !isFetched)
        return unreadable('The archives of this registry cannot be read now.');
      return refusal();
    },
    async refusalAfterFailure() {
      watch.suspect();
      return (await watch.look()).index ? refusal() : undefined;
    },
  };
}

function unreadable(detail: string): ProblemAnswer {
  return problem('busy', `${detail} Its operator can see why; ask again.`, { retryAfterMs, isTold: true });
}
