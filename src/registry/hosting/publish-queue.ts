import type { Publication } from './publication.ts';
import type { Judgement } from './publish-outcome.ts';

/** Makes publications real together, and tells what has become of each. */
export type PublishTogether = (
  publications: readonly Publication[],
) => Promise<(publication: Publication) => Judgement>;

/** Publications of one process: what comes while others are being published waits, and becomes one change together. */
export interface PublishQueue {
  publish(publication: Publication): Promise<Judgement>;
}

interface Waiting {
  readonly publication: Publication;
  readonly resolve: (outcome: Judgement) => void;
  readonly reject: (error: unknown) => void;
}

/** As many as one change of the state takes, so that nobody waits for an endless one. */
const mostTogether = 200;

export function createPublishQueue(publishTogether: PublishTogether): PublishQueue {
  const waiting: Waiting[] = [];
  let isRunning = false;

  async function work(): Promise<void> {
    isRunning = true;
    for (let batch = take(); batch.length > 0; batch = take()) {
      try {
        const outcomeOf = await publishTogether(batch.map(({ publication }) => publication));
        for (const { publication, resolve } of batch) resolve(outcomeOf(publication));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  }

  const take = () => waiting.splice(0, mostTogether);

  return {
    publish: (publication) =>
      new Promise((resolve, reject) => {
        waiting.push({ publication, resolve, reject });
        if (!isRunning) void work();
      }),
  };
}
