import type { Registry } from '../registry/registry.ts';
import type { ProblemAnswer } from './answer.ts';
import { busyProblem } from './respond.ts';

/** Whether there is an index to serve; until then an empty one would tell clients that every module is gone. */
export interface Readiness {
  /** Why not yet; `undefined` when there is. */
  refusal(): Promise<ProblemAnswer | undefined>;
}

const retryAfterMs = 5000;

/** What was ready once stays so while the settings are the same, so that nobody looks twice. */
export function createReadiness(registry: Registry): Readiness {
  let readyFor: Registry['config'] | undefined;
  return {
    async refusal() {
      const { config } = registry;
      if (readyFor === config) return undefined;
      if (!(await registry.isReady()))
        return busyProblem('No source of this registry has been read yet; ask again.', retryAfterMs);
      readyFor = config;
      return undefined;
    },
  };
}
