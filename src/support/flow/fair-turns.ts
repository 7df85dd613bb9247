/** At most so many pieces of work at a time; among those that wait, each key has its turn. */
export interface FairTurns {
  /** Runs `work` when it is its turn: however many wait under other keys, after one of each. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createFairTurns(count: number): FairTurns {
  let free = count;
  /** By key, in the order in which keys have their turns; no list is empty. */
  const waiting = new Map<string, (() => void)[]>();

  async function enter(key: string): Promise<void> {
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      const queue = waiting.get(key) ?? [];
      queue.push(resolve);
      waiting.set(key, queue);
    });
  }

  function leave(): void {
    const [next] = waiting;
    if (!next) {
      free += 1;
      return;
    }
    const [key, queue] = next;
    waiting.delete(key);
    const start = queue.shift();
    if (queue.length > 0) waiting.set(key, queue);
    start?.();
  }

  return {
    async run(key, work) {
      await enter(key);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
