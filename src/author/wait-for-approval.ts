import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';
import { isRecord } from '../support/is-record.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import { askStaged } from './staged-reader.ts';

export interface ApprovalWait {
  /** The registry's address. */
  readonly registry: string;
  readonly token: string;
  /** Under which it waits. */
  readonly id: string;
  readonly limitMs: number;
  readonly clock: MonotonicClock;
  readonly signal: AbortSignal;
}

/** `dropped`: it will not be published; `why` is the end of a sentence about it. */
export type Approval =
  | { readonly kind: 'approved' | 'not-yet' }
  | { readonly kind: 'dropped'; readonly why: string };

const firstPauseMs = 200;
const longestPauseMs = 3000;

/** Asks, ever more seldom, whether somebody has decided. What cannot be told is `not-yet`. */
export async function waitForApproval(http: HttpClient, wait: ApprovalWait): Promise<Approval> {
  const { clock, signal } = wait;
  const until = clock.now() + wait.limitMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const found = await look(http, wait);
    if (found.kind !== 'not-yet' || clock.now() + pauseMs > until) return found;
    await clock.sleep(pauseMs, signal);
  }
}

async function look(http: HttpClient, { registry, token, id, signal }: ApprovalWait): Promise<Approval> {
  const reply = await askStaged(http, { registry, token }, `/${id}`, signal).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
  const decision = isRecord(reply?.value) && reply.status === 200 ? reply.value.decision : undefined;
  if (!isRecord(decision)) return { kind: 'not-yet' };
  const { kind, by, reason } = decision;
  if (kind === 'approved') return { kind: 'approved' };
  const who = typeof by === 'string' ? ` by ${by}` : '';
  const why = typeof reason === 'string' ? `: ${reason}` : '';
  return { kind: 'dropped', why: toVisibleLine(`it was ${String(kind)}${who}${why}`) };
}
