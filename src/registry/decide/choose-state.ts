import type { StateTimeline } from '../../index/state-timeline.ts';
import { formatSeconds, type When } from '../../model/when.ts';

/** Which state a moment of the past means, or why none. */
export type ChosenState =
  | { readonly kind: 'chosen'; readonly position: number }
  | {
      readonly kind: 'none';
      readonly reason: 'not-over' | 'before-first' | 'unknown-state' | 'ambiguous-state';
      /** One sentence for anybody. */
      readonly detail: string;
      /** What could be asked instead; `undefined` where nothing can. */
      readonly instead: string | undefined;
    };

export interface ChoosingFacts {
  readonly timeline: StateTimeline;
  /** The first state in which anything was served; `undefined`: nothing ever was. */
  readonly first: number | undefined;
  /** The time now, in seconds since 1970. */
  readonly nowSeconds: number;
}

/**
 * A state is dated a moment before it counts. A moment is answered once what was being written then is there, so that what is
 * answered never changes.
 */
const settledSeconds = 60;

/** The state that was in force at a moment that is over, or that has this id. */
export function chooseState(when: When, facts: ChoosingFacts): ChosenState {
  const position = when.kind === 'state' ? findById(when.text, facts) : findByTime(when, facts);
  if (typeof position !== 'number') return position;
  return facts.first !== undefined && position >= facts.first
    ? { kind: 'chosen', position }
    : beforeFirst(when, facts);
}

function findByTime(when: Exclude<When, { kind: 'state' }>, facts: ChoosingFacts): ChosenState | number {
  const { atSeconds, text } = when;
  const { timeline, first, nowSeconds } = facts;
  const isOver = atSeconds + settledSeconds < nowSeconds;
  if (isOver) return timeline.inForceAt(atSeconds);
  return {
    ...{ kind: 'none', reason: 'not-over' },
    detail: `${text} is not over (UTC), or for less than a minute: what it means may still change.`,
    // Where no day is over yet, what is served now.
    instead:
      first === undefined ? undefined : unlessItIsToCome(lastDay(nowSeconds), timeline.count - 1, facts),
  };
}

const daySeconds = 24 * 60 * 60;

/** The last day that is answered. */
function lastDay(nowSeconds: number): string {
  return formatSeconds(nowSeconds - settledSeconds - daySeconds).slice(0, 10);
}

/** A day, or the state at this position where nothing was served on that day, or it is not over. */
function unlessItIsToCome(
  day: string,
  position: number,
  { timeline, first, nowSeconds }: ChoosingFacts,
): string {
  const begun = first === undefined ? day : formatSeconds(timeline.secondsAt(first)).slice(0, 10);
  const isDay = begun <= day && day <= lastDay(nowSeconds);
  return isDay ? day : timeline.idAt(position).slice(0, shownDigits);
}

const shownDigits = 12;

function findById(prefix: string, { timeline }: ChoosingFacts): ChosenState | number {
  const [position, another] = timeline.startingWith(prefix);
  if (position === undefined)
    return {
      ...{ kind: 'none', reason: 'unknown-state', instead: undefined },
      detail: `This registry never had a state ${prefix}.`,
    };
  if (another === undefined) return position;
  return {
    ...{ kind: 'none', reason: 'ambiguous-state', instead: undefined },
    detail: `Several states of this registry begin with ${prefix}: write more of its id.`,
  };
}

function beforeFirst(when: When, facts: ChoosingFacts): ChosenState {
  const { timeline, first } = facts;
  const subject = when.kind === 'state' ? `state ${when.text.slice(0, shownDigits)}` : when.text;
  if (first === undefined)
    return {
      ...{ kind: 'none', reason: 'before-first', instead: undefined },
      detail: `Nothing has been served here yet, so there is nothing of ${subject}.`,
    };
  const since = formatSeconds(timeline.secondsAt(first));
  return {
    ...{ kind: 'none', reason: 'before-first', instead: unlessItIsToCome(since.slice(0, 10), first, facts) },
    detail: `Nothing was served here at ${subject}: the first date is ${since.slice(0, 10)} (${since}).`,
  };
}
