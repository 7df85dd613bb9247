/** What a scenario started, ended in reverse order, whatever happens. */
export interface Resources {
  /** Calls `end` when the scenario is over. */
  add(end: () => Promise<unknown>): void;
  close(): Promise<void>;
}

export function createResources(): Resources {
  const ends: (() => Promise<unknown>)[] = [];
  return {
    add: (end) => void ends.push(end),
    async close() {
      for (let end = ends.pop(); end; end = ends.pop()) await end();
    },
  };
}
