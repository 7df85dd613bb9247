import type { Config } from '../../config/config.ts';
import type { StateView } from '../../index/state-view.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';
import { whileLocked } from './aggregate.ts';
import type { SyncContext } from './sync-context.ts';

/** A change to what the state's tree has beside what is served, which stays as it is. */
export interface StateEdit {
  readonly edits: readonly TreeEdit[];
  /** For the state's history: a line that says what was done, and by whom. */
  readonly message: string;
}

/**
 * Changes what the state has beside what is served, in one change of it, while nobody else changes the registry; then, as long
 * as that is so, `finish`.
 */
export async function editState(
  context: SyncContext,
  edit: (state: StateView, config: Config) => Promise<StateEdit | undefined>,
  finish: (state: StateView) => Promise<void> = async () => {},
): Promise<void> {
  const { index, currentConfig, now } = context;
  await whileLocked(context, undefined, async () => {
    await index.settle();
    const base = await index.state();
    const change = await edit(base, await currentConfig());
    if (!change) return finish(base);
    const after = await index.commit({
      base,
      state: base,
      stateEdits: change.edits,
      findings: await base.findings(),
      pending: await base.pending(),
      message: `${change.message}\n`,
      date: now(),
    });
    await finish(after);
  });
}
