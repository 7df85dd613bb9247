import type { GitIndex } from '../../index/git-index.ts';
import type { StateView } from '../../index/state-view.ts';
import { findBlock, nameOfBlock } from '../../model/block.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Withdrawal } from '../../model/withdrawal.ts';
import { findFactsByPath } from './find-facts.ts';
import { readPins } from './source-file.ts';
import type { AddressedReading } from './take-readings.ts';

/**
 * What the publishers of other registries have taken back, as blocks: nobody is given it here either, and the reason says why. A source
 * speaks of modules that are recorded for it, and of the bytes that are pinned, and of nothing else. The operator has the last
 * word: what was let out again after that stays so.
 */
export async function blockWithdrawn(
  index: GitIndex,
  state: StateView,
  readings: readonly AddressedReading[],
  at: string,
): Promise<readonly OperatorDecision[]> {
  const told = readings.flatMap(({ source, result, objection }) => {
    const isTaken = result.kind === 'found' && objection === undefined;
    return isTaken ? (result.value.withdrawn ?? []).map((one) => ({ source, one })) : [];
  });
  const news = told.filter(({ one }) => findBlock(state.blocks, one.module, one.version) === undefined);
  if (news.length === 0) return [];
  const facts = findFactsByPath(index, state, state.snapshots);
  const letOut = await listLetOut(state);
  const blocks: OperatorDecision[] = [];
  for (const { source, one } of news) {
    if (letOut.has(nameOfBlock(one))) continue;
    const { recorded, ledger } = await facts.find(one.module);
    if (recorded !== source) continue;
    const pin = (await readPins(index, { ledger })).find(({ version }) => version === one.version);
    if (pin?.checksum === one.checksum) blocks.push(blockOf(one, source, at));
  }
  return blocks;
}

function blockOf({ module, version, reason }: Withdrawal, source: string, at: string): OperatorDecision {
  const why = reason === '' ? '' : `: ${reason}`;
  return {
    ...{ action: 'block', module, version, at, by: `source ${source}` },
    reason: `withdrawn by whoever published it${why}`,
  };
}

/** What the operator has let out since it was blocked last. */
async function listLetOut(state: StateView): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const decision of await state.decisions()) {
    if (decision.action === 'unblock') names.add(nameOfBlock(decision));
    if (decision.action === 'block') names.delete(nameOfBlock(decision));
  }
  return names;
}
