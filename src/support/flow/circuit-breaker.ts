import type { MonotonicClock } from './monotonic-clock.ts';

/** Failures in a row that open it. */
const failuresToOpen = 5;
/** How long it stays open at first. Doubles each time the probe fails. */
const firstPauseMs = 30_000;
const longestPauseMs = 300_000;

/**
 * Keeps calls from a far side that does not answer. Closed, everybody passes. Open, nobody does until its pause is
 * over, and then one call a pause: admitting that probe starts the next pause at once, so that a probe which hangs, is
 * cancelled or never tells what became of it holds nobody up for longer than one that failed. Any answer closes it.
 */
export interface CircuitBreaker {
  /** How long nobody passes, in milliseconds; 0 when a call may be tried. Admits nobody. */
  waitMs(): number;
  /** Whether failures speak against it, also while one call is tried. */
  isOpen(): boolean;
  /** Lets a call pass, or says how long to wait. */
  admit(): Pass | { readonly waitMs: number };
  /** For a call that is made whatever the state, and still tells what became of it. */
  admitAnyway(): Pass;
}

/** What became of one call. Saying nothing is allowed: of a call that was cancelled nothing is known. */
export interface Pass {
  answered(): void;
  /** Counts only while what the call passed is still as it was: late news says nothing about now. */
  failed(isDecisive?: boolean): void;
  /** It failed in a way that says nothing about the far side as a whole: the next may try in place of this one. */
  undecided(): void;
}

interface State {
  readonly failures: number;
  readonly openUntil: number | undefined;
  /** How many pauses there were in a row, each longer than the one before. */
  readonly pauses: number;
}

const closed: State = { failures: 0, openUntil: undefined, pauses: 0 };

export function createCircuitBreaker(clock: Pick<MonotonicClock, 'now' | 'random'>): CircuitBreaker {
  let state = closed;
  /** Changes whenever calls that passed before have nothing to say any more. */
  let era = {};

  function enter(next: State): void {
    state = next;
    era = {};
  }

  function pauseUntil(pauses: number): number {
    const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(pauses, 30));
    // A quarter of jitter, so that many who were told the same do not return as one.
    return clock.now() + ms * (1 - clock.random() / 4);
  }

  function waitMs(): number {
    return state.openUntil === undefined ? 0 : Math.max(0, state.openUntil - clock.now());
  }

  function createPass(isProbe: boolean): Pass {
    const passed = era;
    return {
      undecided: () => {
        if (isProbe && passed === era) enter({ ...state, openUntil: clock.now() });
      },
      answered: () => {
        if (state.openUntil === undefined) state = closed;
        else enter(closed);
      },
      failed: (isDecisive = false) => {
        if (passed !== era) return;
        if (isProbe) enter({ ...state, openUntil: pauseUntil(state.pauses + 1), pauses: state.pauses + 1 });
        if (state.openUntil !== undefined) return;
        const failures = state.failures + 1;
        if (isDecisive || failures >= failuresToOpen)
          enter({ failures, openUntil: pauseUntil(0), pauses: 0 });
        else state = { ...state, failures };
      },
    };
  }

  return {
    waitMs,
    isOpen: () => state.openUntil !== undefined,
    admit() {
      if (state.openUntil === undefined) return createPass(false);
      const remainingMs = waitMs();
      if (remainingMs > 0) return { waitMs: remainingMs };
      enter({ ...state, openUntil: pauseUntil(state.pauses) });
      return createPass(true);
    },
    admitAnyway: () => createPass(false),
  };
}
