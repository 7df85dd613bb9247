/** Places for work of which few are done at a time, and a bounded number waits: each client's has its turn. */
export interface FairQueue {
  /**
   * Resolves with what gives the place back, once it is the client's turn: however many wait for others, after one of each.
   * `undefined`: too many wait. Then it is the client with the most that loses one, so that nobody fills the queue
   * while others want to wait; a client that is alone has all of it. Rejects with the signal's reason.
   */
  enter(client: string, signal?: AbortSignal, task?: string): Promise<(() => void) | undefined>;
  /** One more client wants `task`: if it still waits, its turn is when either's is. */
  join(task: string, client: string): void;
  counts(): { readonly running: number; readonly waiting: number };
}

export interface FairQueueLimits {
  readonly atOnce: number;
  /** How many may wait; asked for anew each time. */
  readonly waiting: number;
}

interface Waiting {
  readonly task: string | undefined;
  /** All who want it: its turn is when any of theirs is. */
  readonly clients: Set<string>;
  readonly settle: (place: (() => void) | undefined) => void;
}

export function createFairQueue(limits: FairQueueLimits): FairQueue {
  const line = createLine();
  let running = 0;

  function takePlace(): () => void {
    running++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      running--;
      if (running < limits.atOnce) line.next()?.settle(takePlace());
    };
  }

  /** Whether there is room for one more of `client`, which another one may have to make. */
  function makeRoom(client: string): boolean {
    if (line.all.size < limits.waiting) return true;
    const last = line.lastOfMost(client);
    if (last === undefined) return false;
    line.remove(last);
    last.settle(undefined);
    return true;
  }

  return {
    async enter(client, signal, task) {
      signal?.throwIfAborted();
      if (running < limits.atOnce) return takePlace();
      if (!makeRoom(client)) return undefined;
      return new Promise((resolve, reject) => {
        const leave = () => {
          line.remove(one);
          reject(signal?.reason);
        };
        const one: Waiting = {
          task,
          clients: new Set(),
          settle(place) {
            signal?.removeEventListener('abort', leave);
            resolve(place);
          },
        };
        signal?.addEventListener('abort', leave, { once: true });
        line.add(one, client);
      });
    },
    join(task, client) {
      for (const one of line.all) if (one.task === task && !one.clients.has(client)) line.add(one, client);
    },
    counts: () => ({ running, waiting: line.all.size }),
  };
}

/** Who waits, and whose turn it is. */
function createLine() {
  const all = new Set<Waiting>();
  /** In the order in which clients have their turns; no set is empty. */
  const byClient = new Map<string, Set<Waiting>>();

  function remove(one: Waiting): void {
    all.delete(one);
    for (const client of one.clients) {
      const theirs = byClient.get(client);
      theirs?.delete(one);
      if (theirs?.size === 0) byClient.delete(client);
    }
  }

  return {
    all,
    add(one: Waiting, client: string): void {
      all.add(one);
      one.clients.add(client);
      byClient.set(client, (byClient.get(client) ?? new Set()).add(one));
    },
    remove,
    /** Takes out the first of the client whose turn it is; the next turn of that one is after all others'. */
    next(): Waiting | undefined {
      const [turn] = byClient;
      if (!turn) return undefined;
      const [client, theirs] = turn;
      const [first] = theirs;
      if (first) remove(first);
      if (byClient.delete(client)) byClient.set(client, theirs);
      return first;
    },
    /** The latest that is of nobody else, of the client who has most, if that is more than `client` has with one more. */
    lastOfMost(client: string): Waiting | undefined {
      const own = byClient.get(client)?.size ?? 0;
      const [most] = [...byClient.values()].sort((a, b) => b.size - a.size);
      if (!most || most.size <= own + 1) return undefined;
      return [...most].findLast(({ clients }) => clients.size === 1);
    },
  };
}

/** Places for work of which any number waits. */
export interface FairTurns {
  /** Runs `work` when it is the client's turn: however many wait for others, after one of each. */
  run<T>(client: string, work: () => Promise<T>): Promise<T>;
}

export function createFairTurns(atOnce: number): FairTurns {
  const queue = createFairQueue({ atOnce, waiting: Number.POSITIVE_INFINITY });
  return {
    async run(client, work) {
      const leave = await queue.enter(client);
      try {
        return await work();
      } finally {
        leave?.();
      }
    },
  };
}
