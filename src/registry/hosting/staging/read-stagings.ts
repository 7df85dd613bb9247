import type { GitIndex } from '../../../index/git-index.ts';
import { stagedFile } from '../../../index/layout.ts';
import { parseStagings, type StagingRecord } from '../../../index/staged-file.ts';
import type { StateView } from '../../../index/state-view.ts';

/** What one state has that waits, and what became of the rest, in the order in which it came. Throws `StorageError`. */
export async function readStagings(
  index: Pick<GitIndex, 'read'>,
  { commit }: Pick<StateView, 'commit'>,
): Promise<StagingRecord[]> {
  const file = await index.read(`${commit}:${stagedFile}`);
  return file === undefined ? [] : parseStagings(file);
}
