import type { AbandonedUpload } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { removeAbandonedLocks } from '../../support/disk/process-lock.ts';
import { createComplaints } from '../../support/flow/complaints.ts';
import type { Log } from '../../support/log.ts';

interface TidyingInput {
  /** The folder of locks. */
  readonly locks: string;
  readonly index: Pick<GitIndex, 'removeStaleObjects'>;
  readonly log: Log;
  /** Files in the making that killed processes left. */
  readonly findAbandoned: () => Promise<readonly AbandonedUpload[]>;
  /** Whoever only looks leaves everything where it is. */
  readonly isReading: boolean;
  /** Whether people have been told of a failure already. */
  readonly isTold: (error: unknown) => boolean;
  /** Removes what sources left that are configured no longer. */
  readonly removeLeftovers: () => Promise<void>;
}

/**
 * Runs work that writes while what killed processes left is removed: listing every folder takes a while, and so does
 * waiting for a source. Locks each time, files once in a process. What sources left that are gone is removed after it, by
 * the settings that it ended with. Resolves when all is done; only the work can fail.
 */
export function createTidying(input: TidyingInput) {
  const { locks, index, log, findAbandoned, removeLeftovers } = input;
  let tidied: Promise<unknown> | undefined;
  const complaints = createComplaints();

  async function orComplain(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      complaints.isWell(what);
    } catch (error) {
      if (!input.isTold(error) && complaints.isNew(what, error)) log.warn(`${what} not removed`, { error });
    }
  }
  async function removeAbandoned(): Promise<void> {
    for (const abandoned of await findAbandoned()) await abandoned.remove();
  }
  const tidyLocks = () => orComplain('locks of processes that ended were', () => removeAbandonedLocks(locks));
  const tidyFiles = () =>
    orComplain('files of processes that ended were', async () => {
      tidied ??= Promise.all([removeAbandoned(), index.removeStaleObjects()]).catch((error) => {
        tidied = undefined;
        throw error;
      });
      await tidied;
    });
  const tidyLeftovers = () =>
    orComplain('what sources left that are configured no longer was', removeLeftovers);

  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (input.isReading) return work();
    const tidying = Promise.all([tidyLocks(), tidyFiles()]);
    try {
      const outcome = await work();
      await tidyLeftovers();
      return outcome;
    } finally {
      await tidying;
    }
  };
}
