import type { Lookup, SourceFailure } from '../model/lookup.ts';
import { createCircuitBreaker, type Pass } from '../support/circuit-breaker.ts';
import type { MonotonicClock } from '../support/monotonic-clock.ts';

/** A source that asks for a longer pause than this gets one of this. */
const longestPauseMs = 10 * 60_000;
/** The pause after a 429 that asks for none in particular. */
const usualPauseMs = 5_000;

type Unavailable = Extract<Lookup<never>, { kind: 'unavailable' }>;

/** What a source's answers so far say about asking it now. */
export interface SourceHealth {
  /** Why it is not asked now, and until when. Admits nobody. */
  refusal(): Unavailable | undefined;
  /** Lets a call through to it, or says why not. */
  admit(): Pass | Unavailable;
  /** Lets a call through although failures speak against it; only a pause that the source asked for is kept. */
  admitAnyway(): Pass | Unavailable;
  /** Takes in what became of a call. */
  learn(result: Lookup<unknown>, pass: Pass): void;
  /** How long until the pause it asked for is over: 0 if there is none, infinite while failures keep calls away. */
  pauseMs(): number;
}

export function createSourceHealth(clock: Pick<MonotonicClock, 'now' | 'random'>): SourceHealth {
  const breaker = createCircuitBreaker({ clock });
  let failure: SourceFailure = { reason: 'connection', detail: 'it does not answer' };
  let pause: { readonly until: number; readonly cause: SourceFailure } | undefined;

  const pauseMs = () => Math.max(0, (pause?.until ?? 0) - clock.now());
  const pauseRefusal = () => (pause && pauseMs() > 0 ? refuse(pause.cause, pauseMs()) : undefined);

  return {
    refusal: () => pauseRefusal() ?? (breaker.waitMs() > 0 ? refuse(failure, breaker.waitMs()) : undefined),
    admit() {
      const refused = pauseRefusal();
      if (refused) return refused;
      const admission = breaker.admit();
      return 'waitMs' in admission ? refuse(failure, admission.waitMs) : admission;
    },
    admitAnyway: () => pauseRefusal() ?? breaker.admitAnyway(),
    learn(result, pass) {
      const cause = result.kind === 'unavailable' ? result.cause : undefined;
      const askedMs = cause && pauseAskedFor(cause);
      if (cause && askedMs !== undefined && askedMs > pauseMs())
        pause = { until: clock.now() + askedMs, cause };
      if (cause && isTrouble(cause)) {
        failure = cause;
        pass.failed(cause.reason === 'timeout');
      } else pass.answered();
    },
    pauseMs: () => (breaker.waitMs() > 0 ? Number.POSITIVE_INFINITY : pauseMs()),
  };
}

function pauseAskedFor({ reason, retryAfterMs }: SourceFailure): number | undefined {
  const askedMs = retryAfterMs ?? (reason === 'rate-limited' ? usualPauseMs : undefined);
  return askedMs === undefined ? undefined : Math.min(askedMs, longestPauseMs);
}

/** Whether nothing but trouble came. Whatever else came, a 4xx (408 included) or nonsense, the source is there. */
function isTrouble({ reason, status }: SourceFailure): boolean {
  if (reason === 'timeout') return status === undefined;
  return reason === 'connection' || reason === 'tls' || reason === 'server-error';
}

function refuse(cause: SourceFailure, waitMs: number): Unavailable {
  const detail = `it is not asked for another ${Math.ceil(waitMs / 1000)} s: ${cause.detail}`;
  return { kind: 'unavailable', cause: { ...cause, detail, retryAfterMs: waitMs } };
}
