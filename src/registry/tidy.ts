import type { GitIndex } from '../index/git-index.ts';
import type { Log } from '../support/log.ts';
import { removeAbandonedLocks } from '../support/process-lock.ts';
import { removeFiles } from '../support/temporary-file.ts';

interface TidyingInput {
  /** The folder of locks. */
  readonly locks: string;
  readonly index: Pick<GitIndex, 'removeStaleObjects'>;
  readonly log: Log;
  /** Files in the making that killed processes left. */
  readonly findAbandoned: () => Promise<string[]>;
}

/**
 * Runs work that writes while what killed processes left is removed: listing every folder takes a while, and so does
 * waiting for a source. Locks each time, files once in a process. Resolves when both are done; only the work can fail.
 */
export function createTidying({ locks, index, log, findAbandoned }: TidyingInput) {
  let tidied: Promise<unknown> | undefined;

  async function tidyLocks(): Promise<void> {
    try {
      await removeAbandonedLocks(locks);
    } catch (error) {
      log.warn('locks of processes that ended were not removed', { error });
    }
  }

  async function tidyFiles(): Promise<void> {
    try {
      tidied ??= Promise.all([findAbandoned().then(removeFiles), index.removeStaleObjects()]);
      await tidied;
    } catch (error) {
      tidied = undefined;
      log.warn('files of processes that ended were not removed', { error });
    }
  }

  return async <T>(work: () => Promise<T>): Promise<T> => {
    const tidying = Promise.all([tidyLocks(), tidyFiles()]);
    try {
      return await work();
    } finally {
      await tidying;
    }
  };
}
