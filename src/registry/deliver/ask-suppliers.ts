import type { Lookup } from '../../model/lookup.ts';
import { linkSignals } from '../../support/flow/link-signals.ts';

export interface Questions<S, T> {
  /** In the order to ask. */
  readonly suppliers: AsyncIterator<S, undefined>;
  /** Asks one, until the signal says that nobody waits any more. It calls `tellSlow`, once or more, when the next may begin. */
  readonly ask: (supplier: S, tellSlow: () => void, signal: AbortSignal) => Promise<Lookup<T>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Answers<S, T> {
  readonly found: T | undefined;
  readonly failures: readonly {
    readonly supplier: S;
    readonly outcome: Exclude<Lookup<T>, { kind: 'found' }>;
  }[];
}

/** How many are asked beside each other, however slow they are. */
const atOnce = 3;

/**
 * Asks one supplier after the other, the next also while one is slow, until the first has it; the others are stopped
 * then, and have ended when this resolves. Rejects when one throws, or with the signal's reason.
 */
export function askSuppliers<S, T>({ suppliers, ask, signal }: Questions<S, T>): Promise<Answers<S, T>> {
  const linked = linkSignals([signal]);
  const asked = new Set<Promise<void>>();
  const failures: { supplier: S; outcome: Exclude<Lookup<T>, { kind: 'found' }> }[] = [];
  let running = 0;
  let isExhausted = false;
  let isOver = false;

  return new Promise((resolve, reject) => {
    function end(settle: () => void): void {
      if (isOver) return;
      isOver = true;
      linked.abort(new Error('another supplier was faster'));
      void Promise.allSettled(asked).then(() => {
        linked.unlink();
        settle();
      });
    }

    const fail = (error: unknown) => end(() => reject(signal?.aborted ? signal.reason : error));

    async function askOne(supplier: S): Promise<void> {
      const outcome = await ask(supplier, askNext, linked.signal);
      if (outcome.kind === 'found') end(() => resolve({ found: outcome.value, failures }));
      else failures.push({ supplier, outcome });
    }

    async function takeNext(): Promise<void> {
      const next = await suppliers.next();
      if (next.done) isExhausted = true;
      if (isOver || next.done) return;
      const asking = askOne(next.value);
      asked.add(asking);
      await asking;
    }

    function askNext(): void {
      if (isOver || isExhausted || running >= atOnce) return;
      running += 1;
      void takeNext()
        .catch(fail)
        .then(() => {
          running -= 1;
          askNext();
          if (running === 0) end(() => resolve({ found: undefined, failures }));
        });
    }

    askNext();
  });
}
