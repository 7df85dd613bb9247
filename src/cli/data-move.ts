/** Edits of `registry.data_dir`: whoever moves it means the data to go along, and nothing else tells an empty folder from a first start. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import type { DataStanding } from '../registry/upkeep/data-standing.ts';
import { shellLine } from '../support/shell.ts';

/** The settings before and after the edit. */
export interface DataMove {
  readonly before: Config;
  readonly after: Config;
}

export async function lookAtDataOf({ directory, registry }: Config): Promise<DataStanding> {
  const { lookAtData } = await import('../registry/upkeep/data-standing.ts');
  return lookAtData(directory, registry.dataDir);
}

/** Throws `UsageError` where the data are not where they would be looked for. Nothing has changed then. */
export async function requireMovable(move: DataMove): Promise<void> {
  const { before, after } = move;
  const next = await lookAtDataOf(after);
  if (next.kind === 'lost' && !next.isGone) throw next.error;
  const [from, to] = [before.registry.dataDir, after.registry.dataDir];
  if (next.kind === 'there') {
    if (await holdsOwnData(after)) return;
    throw new UsageError(`${to} holds the data of another registry`, {
      hint: 'choose another folder; or add --yes to serve these data from now on, with their pins, origins and decisions',
    });
  }
  if ((await lookAtDataOf(before)).kind === 'none') return;
  throw new UsageError(
    `${to} has no data of this registry, so all modules would leave the index, and pins, origins and decisions be lost`,
    {
      hint: `stop "serve", move the data (${shellLine`mv ${from} ${to}`}), then run this again; or add --yes to begin anew there`,
    },
  );
}

async function holdsOwnData({ directory, registry }: Config): Promise<boolean> {
  const { isOwnIndex } = await import('../registry/upkeep/own-data.ts');
  return isOwnIndex(directory, join(registry.dataDir, 'index'));
}

/** The operator has said that what is there from now on may be nothing, or other data. */
export async function takeWhatIsThere({ after }: DataMove): Promise<void> {
  const standing = await lookAtDataOf(after);
  const isOther = standing.kind === 'there' && !(await holdsOwnData(after));
  if (!isOther && (standing.kind !== 'lost' || !standing.isGone)) return;
  const { forgetMarker } = await import('../registry/upkeep/registry-marker.ts');
  await forgetMarker(after.directory);
}

/** Whether the edit leads away from data that cannot be used: there is nothing to compare with. */
export async function leavesLostData(before: Config, after: Config): Promise<boolean> {
  return before.registry.dataDir !== after.registry.dataDir && (await lookAtDataOf(before)).kind === 'lost';
}
