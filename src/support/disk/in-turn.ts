import { type ProcessLockOptions, withProcessLock } from './process-lock.ts';

interface TurnOptions extends Pick<ProcessLockOptions, 'waitMs' | 'signal'> {
  /** Told of a failure after the answer, which nobody else hears of. */
  readonly onLateFailure: (error: unknown) => void;
}

/**
 * Runs `work` while no other process does under the same lock file. Resolves with what `work` answers; the turn goes
 * on until `work` ends. This spares doing the same again, no more: where the disk takes no lock, or waiting takes too
 * long, `work` runs without one.
 */
export function inTurn<T>(
  file: string,
  work: (answer: (value: T) => void) => Promise<void>,
  { onLateFailure, ...options }: TurnOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    let hasAnswered = false;
    const begin = () => {
      hasBegun = true;
      return work((value) => {
        hasAnswered = true;
        resolve(value);
      });
    };
    withProcessLock(file, begin, options)
      .catch((error: unknown) => {
        options.signal?.throwIfAborted();
        if (hasBegun) throw error;
        return begin();
      })
      .catch((error: unknown) => {
        if (hasAnswered) onLateFailure(error);
        else reject(error);
      });
  });
}
