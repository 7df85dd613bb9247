import type { ResolveInput } from '../sync/resolve-module.ts';
import type { SyncContext, SyncResult } from '../sync/sync-context.ts';

/** What modules are resolved on: a state with the snapshots that were read. */
export function resolveInput(
  { index, archives, now }: SyncContext,
  { state, snapshots, config, current }: Pick<SyncResult, 'state' | 'snapshots' | 'config' | 'current'>,
): ResolveInput {
  return { index, archives, config, state: { ...state, snapshots }, current, now: now().toISOString() };
}
