/** Work that several clients wait for: done once, and given up when the last of them has left. */
export interface SharedWork<T> {
  /**
   * Starts `work`, or joins the same key's. All callers share its value or failure. The signal that `work` gets
   * aborts once every caller's signal has; whoever comes later starts anew.
   */
  run(key: string, caller: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  has(key: string): boolean;
}

interface Shared<T> {
  readonly result: Promise<T>;
  readonly abandon: AbortController;
  waiting: number;
}

export function createSharedWork<T>(): SharedWork<T> {
  const underWay = new Map<string, Shared<T>>();

  function remove(key: string, shared: Shared<T>): void {
    if (underWay.get(key) === shared) underWay.delete(key);
  }

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const abandon = new AbortController();
    const result = work(abandon.signal).finally(() => remove(key, shared));
    const shared: Shared<T> = { result, abandon, waiting: 0 };
    underWay.set(key, shared);
    return shared;
  }

  return {
    async run(key, caller, work) {
      caller.throwIfAborted();
      const shared = underWay.get(key) ?? start(key, work);
      shared.waiting++;
      const leave = () => {
        shared.waiting--;
        if (shared.waiting > 0) return;
        remove(key, shared);
        shared.abandon.abort();
      };
      caller.addEventListener('abort', leave, { once: true });
      try {
        return await shared.result;
      } finally {
        caller.removeEventListener('abort', leave);
      }
    },
    has: (key) => underWay.has(key),
  };
}
