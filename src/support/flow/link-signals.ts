import { setMaxListeners } from 'node:events';

/**
 * One signal that aborts as soon as any of `signals` does, with the same reason. `unlink` takes the listeners off
 * again: without it a long-lived signal would keep every call it was ever given to.
 */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  unlink(): void;
}

export function linkSignals(signals: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    // As many calls as run at once may listen; each takes its listener off again.
    setMaxListeners(0, signal);
    if (signal.aborted) controller.abort(signal.reason);
    const forward = () => controller.abort(signal.reason);
    signal.addEventListener('abort', forward, { once: true });
    releases.push(() => signal.removeEventListener('abort', forward));
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => {
      for (const release of releases) release();
    },
  };
}
