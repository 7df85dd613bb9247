export interface Flight {
  /** Aborts when it is given up: by itself, or because every caller has left before there was a value. */
  readonly signal: AbortSignal;
  giveUp(): void;
  /** Nobody is to join it any more, as they could also after it had its value. */
  land(): void;
}

interface UnderWay<T> {
  readonly result: Promise<T>;
  readonly flight: Flight;
  waiting: number;
}

/** Work that several clients wait for: done once, and given up when the last of them has left. */
export function createFlights<T>() {
  const underWay = new Map<string, UnderWay<T>>();

  function start(key: string, work: (flight: Flight) => Promise<T>): UnderWay<T> {
    const abandon = new AbortController();
    const land = () => {
      if (underWay.get(key) === one) underWay.delete(key);
    };
    const giveUp = () => {
      land();
      abandon.abort();
    };
    const flight = { signal: abandon.signal, giveUp, land };
    const result = work(flight).catch((error: unknown) => {
      land();
      throw error;
    });
    const one = { result, flight, waiting: 0 };
    underWay.set(key, one);
    return one;
  }

  return {
    has: (key: string) => underWay.has(key),
    /**
     * Starts `work`, or joins the same key's. All callers share its value or failure; whoever comes once it has landed, failed
     * or was given up starts anew.
     */
    async join(key: string, caller: AbortSignal, work: (flight: Flight) => Promise<T>): Promise<T> {
      caller.throwIfAborted();
      const one = underWay.get(key) ?? start(key, work);
      one.waiting++;
      const leave = () => {
        one.waiting--;
        if (one.waiting === 0) one.flight.giveUp();
      };
      caller.addEventListener('abort', leave, { once: true });
      try {
        return await one.result;
      } finally {
        caller.removeEventListener('abort', leave);
      }
    },
  };
}
