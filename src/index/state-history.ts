import pLimit from 'p-limit';
import { streamGit } from '../support/git/git.ts';
import { createRecordSplitter } from '../support/records.ts';
import { inRepository } from './in-repository.ts';
import { createStateTimeline, type StateTimeline } from './state-timeline.ts';

/** Of what git lists: some 130 bytes for each state. */
const maxListingBytes = 1024 * 1024 * 1024;

/** All states up to a commit of the state at least. They are listed once: of a later one, only what has been added. */
export type StateHistory = (tip: string) => Promise<StateTimeline>;

export function createStateHistory(directory: string): StateHistory {
  const inTurn = pLimit(1);
  let known: { readonly tip: string; readonly timeline: StateTimeline } | undefined;

  async function readUpTo(tip: string): Promise<StateTimeline> {
    if (known?.tip === tip || known?.timeline.startingWith(tip).length) return known.timeline;
    const added = known && (await listStates(directory, tip, known.tip));
    if (known && added) {
      for (let at = 0; at < added.count; at++) known.timeline.append(added.idAt(at), added.writtenAt(at));
      known = { tip, timeline: known.timeline };
      return known.timeline;
    }
    // Not even a restored backup goes on from another state than its last one: whoever replaces the data starts us anew.
    const timeline = (await listStates(directory, tip, undefined)) ?? createStateTimeline();
    known = { tip, timeline };
    return timeline;
  }

  return (tip) => inTurn(() => readUpTo(tip));
}

/** The states up to `tip` that follow `after`, or all; `undefined` where `after` is not what they follow. */
async function listStates(
  directory: string,
  tip: string,
  after: string | undefined,
): Promise<StateTimeline | undefined> {
  const listed = createStateTimeline();
  let follows = after === undefined;
  const take = createRecordSplitter(10, (record) => {
    const [seconds, id = '', parent] = record.toString('latin1').split(' ');
    if (listed.count === 0 && parent === after) follows = true;
    listed.append(id, Number(seconds));
  });
  // The first state's own parent is the first served commit, which has none and is no state.
  const shape = ['--first-parent', '--reverse', '--min-parents=1', '--timestamp', '--parents'];
  const range = after === undefined ? [tip] : [tip, `^${after}`];
  const args = ['rev-list', ...shape, ...range, '--'];
  const listing = streamGit(args, { gitDir: directory, maxStdoutBytes: maxListingBytes }, take);
  await inRepository(directory, 'read the history of the state', listing);
  return follows ? listed : undefined;
}
