import { type Block, nameOfBlock } from '../model/block.ts';
import { toVisibleLine } from '../support/visible-text.ts';

/** One line that says what is refused, why, since when and by whose decision. */
export function formatBlock(block: Block): string {
  const what = block.version === undefined ? `${block.module} (all versions)` : nameOfBlock(block);
  const kind = block.isWithdrawn ? 'Withdrawn' : 'Blocked';
  return toVisibleLine(`${kind}: ${what}: ${block.reason} (since ${block.at} by ${block.by})`);
}
