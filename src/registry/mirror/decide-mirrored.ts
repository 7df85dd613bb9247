import { formatMirrorPattern, type MirrorTarget } from '../../model/mirror-target.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import { aggregate } from '../sync/aggregate.ts';
import { createResolver, resolveState } from '../sync/resolve-module.ts';
import type { SyncContext, SyncResult } from '../sync/sync-context.ts';
import { createNamingJudge } from './naming-judge.ts';

/** A name to give to the source that the operator mirrors it from. */
export interface Naming {
  readonly module: ModuleName;
  readonly target: MirrorTarget;
}

/**
 * Whoever mirrors a name from a source, and spells out its owner, has decided that the name is that source's (rule 4): undecided
 * names are given to it, in one change of the state. Tells which names are its own now: what another process has decided
 * meanwhile stands.
 */
export async function decideMirrored(
  context: SyncContext,
  synced: SyncResult,
  namings: readonly Naming[],
  by: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly named: SyncResult; readonly decided: readonly Naming[] }> {
  if (namings.length === 0) return { named: synced, decided: [] };
  const { index, archives } = context;
  const { current } = synced;
  const at = context.now().toISOString();
  const named = await aggregate(context, {
    signal,
    decide: async (state, config) => {
      const resolver = createResolver({ index, archives, config, state, current, now: at });
      const judge = createNamingJudge({ index, state, resolver, current });
      const decisions: OperatorDecision[] = [];
      for (const { module, target } of namings) {
        const isOpen = (await resolver.locate(module)).decision.rule === 'undecided';
        if (!isOpen || 'problem' in (await judge(module, target.source))) continue;
        const pattern = formatMirrorPattern(target);
        decisions.push({ module, at, by, action: 'accept-origin', to: target.source, pattern });
      }
      return decisions;
    },
  });
  const { locate } = resolveState({ ...context, config: named.config }, named.state);
  const decided: Naming[] = [];
  for (const naming of namings)
    if ((await locate(naming.module)).facts.recorded === naming.target.source) decided.push(naming);
  return { named: { ...named, current }, decided };
}
