import type { GitIndex } from '../../index/git-index.ts';
import { ledgerFolder } from '../../index/layout.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import { hosted } from '../../model/hosted.ts';
import type { PlannedChange } from '../decide/planned-change.ts';
import type { PolicySettings } from '../decide/policy.ts';
import type { FactFinder } from './find-facts.ts';

/** A tree that cannot be read does not replace the one before: the next sync compares with that again. */
export function takeListable(
  snapshots: readonly SnapshotRecord[],
  before: readonly SnapshotRecord[],
  { unlistable }: FactFinder,
): SnapshotRecord[] {
  return snapshots.flatMap((record) => {
    if (!unlistable.has(record.source)) return [record];
    return before.find(({ source }) => source === record.source) ?? [];
  });
}

/** Of a source that is configured no longer, and from which nothing comes, nothing stays. */
export async function withoutForgotten(
  index: GitIndex,
  state: StateView,
  snapshots: readonly SnapshotRecord[],
  { sources }: PolicySettings,
  modules: readonly PlannedChange[],
): Promise<SnapshotRecord[]> {
  const kept: SnapshotRecord[] = [];
  for (const record of snapshots) {
    const isConfigured = record.source === hosted || sources.some(({ name }) => name === record.source);
    const { held: _, ...rest } = record;
    if (isConfigured) kept.push(record);
    else if (modules.some(({ ledger }) => ledger?.origin === record.source)) kept.push(rest);
    else if (await index.measure(`${state.commit}:${ledgerFolder}/${record.source}`)) kept.push(rest);
  }
  return kept;
}
