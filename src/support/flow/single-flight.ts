export interface SingleFlight<K, V> {
  /**
   * Starts `work`, or joins the call under way for `key` (compared as a `Map` compares). All callers share its value
   * or its failure, a synchronous throw included; the key is free again once it settles, so nothing is remembered.
   */
  run(key: K, work: () => Promise<V>): Promise<V>;
  /** How many calls are under way. */
  readonly size: number;
}

export function createSingleFlight<K, V>(): SingleFlight<K, V> {
  const underWay = new Map<K, Promise<V>>();

  return {
    run(key, work) {
      const joined = underWay.get(key);
      if (joined !== undefined) return joined;
      const started = start(work).finally(() => underWay.delete(key));
      underWay.set(key, started);
      return started;
    },
    get size() {
      return underWay.size;
    },
  };
}

async function start<V>(work: () => Promise<V>): Promise<V> {
  return work();
}
