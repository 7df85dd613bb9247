import type { GitIndex } from '../../index/git-index.ts';
import type { Block } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { findFactsByPath } from '../sync/find-facts.ts';
import { readPins } from '../sync/source-file.ts';

export interface WithdrawRuling {
  readonly module: ModuleName;
  readonly version: Version;
  /** One line, which whoever asks for it is told. */
  readonly reason: string;
}

export interface WithdrawnVersion extends WithdrawRuling {
  /** What is given out no more, under no name that this version had. */
  readonly checksum: Checksum;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What was withdrawn here, by name. */
export async function listWithdrawn(index: GitIndex): Promise<readonly WithdrawnVersion[]> {
  const state = await index.state();
  const facts = findFactsByPath(index, state, state.snapshots);
  const found: WithdrawnVersion[] = [];
  for (const { module, version, reason, at } of state.blocks.filter(isOfVersion)) {
    const pin = (await readPins(index, await facts.find(module))).find((one) => one.version === version);
    if (pin) found.push({ module, version, checksum: pin.checksum, reason, at });
  }
  return found;
}

function isOfVersion(block: Block): block is Block & { readonly version: Version } {
  return block.isWithdrawn === true && block.version !== undefined;
}
