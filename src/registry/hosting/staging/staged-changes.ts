import type { StagedArchives } from '../../../archives/staged-archives.ts';
import type { Config } from '../../../config/config.ts';
import { stagedFile } from '../../../index/layout.ts';
import { formatStagings, type StagingRecord } from '../../../index/staged-file.ts';
import { editState } from '../../sync/edit-state.ts';
import type { SyncContext } from '../../sync/sync-context.ts';
import { readStagings } from './read-stagings.ts';
import { isWaiting } from './stagings.ts';

/** What to write of what waits, and what it is for the state's history. */
export interface StagedChange {
  readonly records: readonly StagingRecord[];
  readonly message: string;
}

/**
 * Changes what waits, in one change of the state, and then removes archives that wait no more. `decide` is asked while nobody else
 * changes the registry.
 */
export async function changeStagings(
  context: SyncContext,
  archives: StagedArchives,
  decide: (records: readonly StagingRecord[], config: Config, now: Date) => Promise<StagedChange | undefined>,
): Promise<void> {
  await editState(
    context,
    async (state, config) => {
      const change = await decide(await readStagings(context.index, state), config, context.now());
      return (
        change && {
          edits: [{ path: stagedFile, content: formatStagings(change.records) }],
          message: change.message,
        }
      );
    },
    async (state) => removeDecided(context, archives, await readStagings(context.index, state)),
  );
}

/** What nothing names was sent by somebody who was killed, or is on its way here just now. */
const abandonedAfterMs = 86_400_000;

/** Housekeeping: what was decided stands, and the next change tries again. */
async function removeDecided(
  { log, now }: SyncContext,
  archives: StagedArchives,
  records: readonly StagingRecord[],
): Promise<void> {
  const checksums = (some: readonly StagingRecord[]) =>
    some.flatMap(({ versions }) => versions.map(({ checksum }) => checksum));
  const needed = new Set(checksums(records.filter(isWaiting)));
  const decided = new Set(checksums(records.filter((one) => !isWaiting(one))));
  try {
    const before = now().getTime() - abandonedAfterMs;
    for (const { checksum, since } of await archives.list())
      if (!needed.has(checksum) && (decided.has(checksum) || since < before)) await archives.remove(checksum);
  } catch (error) {
    log.warn('archives that wait for approval no more were not removed', { error });
  }
}
