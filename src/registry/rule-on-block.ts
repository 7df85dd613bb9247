import { NotFoundError } from '../errors.ts';
import { parseLedgerFile } from '../index/ledger-file.ts';
import { type Block, type BlockSubject, nameOfBlock } from '../model/block.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { compareVersions, type Version } from '../model/version.ts';
import { shellLine } from '../support/shell.ts';
import { findFactsByPath } from './module-facts.ts';
import type { BlockOutcome, BlockRuling } from './reports.ts';
import { readOwnFile } from './source-file.ts';
import { aggregate, type SyncContext } from './sync.ts';

/** Blocks or unblocks, in one change of the state. Throws `NotFoundError`, with nothing changed, where there is nothing to lift. */
export async function ruleOnBlock(
  context: SyncContext,
  ruling: BlockRuling,
  by: string,
): Promise<BlockOutcome> {
  let decision: OperatorDecision | undefined;
  const { report } = await aggregate(context, {
    decide: async (state) => {
      decision = decide(state.blocks, ruling, { at: context.now().toISOString(), by });
      return [decision];
    },
  });
  if (!decision) throw new Error('the decision was not asked for');
  return { decision, versions: await servedVersions(context, ruling), report };
}

/** Of what the ruling is about, the versions that clients have ever been served. */
async function servedVersions(
  { index }: SyncContext,
  { module, version }: BlockSubject,
): Promise<readonly Version[]> {
  const state = await index.state();
  const { ledger } = await findFactsByPath(index, state, state.snapshots).find(module);
  const pins = ledger === undefined ? [] : parseLedgerFile(await readOwnFile(index, ledger));
  return pins
    .map((pin) => pin.version)
    .filter((pinned) => version === undefined || pinned === version)
    .sort(compareVersions);
}

function decide(
  blocks: readonly Block[],
  ruling: BlockRuling,
  stamp: { readonly at: string; readonly by: string },
): OperatorDecision {
  const { module, version } = ruling;
  const facts = { module, ...(version === undefined ? {} : { version }), ...stamp };
  if (ruling.action === 'block') return { ...facts, action: 'block', reason: ruling.reason };
  const stands = blocks.some((block) => nameOfBlock(block) === nameOfBlock(ruling));
  if (stands) return { ...facts, action: 'unblock' };
  throw notBlocked(blocks, ruling);
}

/** One version of a blocked module cannot be let out alone, and a module does not stand for its blocked versions. */
function notBlocked(blocks: readonly Block[], ruling: BlockRuling): NotFoundError {
  const own = blocks.filter(({ module }) => module === ruling.module).map(nameOfBlock);
  const what = nameOfBlock(ruling);
  if (own.length === 0)
    return new NotFoundError(`${what} is not blocked`, { hint: 'moonbit-registry block --list' });
  const [first = ''] = own;
  return new NotFoundError(`${what} is not blocked as such; what is: ${own.join(', ')}`, {
    hint: shellLine`moonbit-registry unblock ${first}`,
  });
}
