import { LRUCache } from 'lru-cache';
import type { GitIndex } from '../../index/git-index.ts';
import { createStateHistory } from '../../index/state-history.ts';
import type { StateTimeline } from '../../index/state-timeline.ts';
import type { StateView } from '../../index/state-view.ts';
import { formatSeconds, type When } from '../../model/when.ts';
import { type ChosenState, chooseState } from '../decide/choose-state.ts';

/** A state that is, or was, in force, and never changes. */
export interface PastState extends StateDates {
  /** What it changed, in one line: it may hold names as sources wrote them. */
  readonly summary: string;
  readonly view: StateView;
}

/** When a state counted; ISO 8601, UTC, to the second. */
export interface StateDates {
  readonly commit: string;
  readonly since: string;
  /** When the next one began to; `undefined` where it is the one of now. */
  readonly until: string | undefined;
}

export type FoundState =
  | { readonly kind: 'found'; readonly state: PastState }
  | Extract<ChosenState, { kind: 'none' }>;

/** Every state that this registry ever had: none is forgotten, since each is an ancestor of the one of now. */
export interface PastStates {
  find(when: When): Promise<FoundState>;
  /** The newest first, at most so many. */
  newest(count: number): Promise<readonly PastState[]>;
}

const rememberedStates = 64;

export function createPastStates({
  index,
  now,
}: {
  readonly index: Pick<GitIndex, 'directory' | 'stateCommit' | 'stateAt' | 'read'>;
  readonly now: () => Date;
}): PastStates {
  const readHistory = createStateHistory(index.directory);
  const views = new LRUCache<string, StateView>({ max: rememberedStates });
  let first: { readonly timeline: StateTimeline; readonly position: number } | undefined;

  async function viewAt(commit: string): Promise<StateView> {
    const view = views.get(commit) ?? (await index.stateAt(commit));
    views.set(commit, view);
    return view;
  }

  /** Before that, an index without a module would have been no answer, and a server gave none. */
  async function findFirst(timeline: StateTimeline): Promise<number | undefined> {
    for (let position = 0; first?.timeline !== timeline && position < timeline.count; position++) {
      const { snapshots, modules } = await index.stateAt(timeline.idAt(position));
      if (snapshots.length > 0 || modules > 0) first = { timeline, position };
    }
    return first?.timeline === timeline ? first.position : undefined;
  }

  async function describe(timeline: StateTimeline, position: number): Promise<PastState> {
    const commit = timeline.idAt(position);
    const isLast = position + 1 >= timeline.count;
    return {
      commit,
      since: formatSeconds(timeline.secondsAt(position)),
      until: isLast ? undefined : formatSeconds(timeline.secondsAt(position + 1)),
      summary: summaryOf(await index.read(commit)),
      view: await viewAt(commit),
    };
  }

  const timelineOfNow = async () => readHistory(await index.stateCommit());

  return {
    async find(when) {
      const timeline = await timelineOfNow();
      const nowSeconds = now().getTime() / 1000;
      const chosen = chooseState(when, { timeline, nowSeconds, first: await findFirst(timeline) });
      if (chosen.kind === 'none') return chosen;
      return { kind: 'found', state: await describe(timeline, chosen.position) };
    },
    async newest(count) {
      const timeline = await timelineOfNow();
      const states: PastState[] = [];
      for (let position = timeline.count - 1; position >= 0 && states.length < count; position--)
        states.push(await describe(timeline, position));
      return states;
    },
  };
}

/** A commit is headers, an empty line, and the message. */
function summaryOf(commit: Buffer | undefined): string {
  const text = commit?.toString('utf8') ?? '';
  return text.slice(text.indexOf('\n\n') + 2).split('\n', 1)[0] ?? '';
}
