import type { GitIndex } from '../index/git-index.ts';
import { decidesNames, formatMirrorPattern, isTarget, type MirrorTarget } from '../model/mirror-target.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { offerOf, trustedMore } from './offers.ts';
import { createResolver, type Resolver } from './resolve-module.ts';
import { aggregate, type SyncContext, type SyncResult } from './sync.ts';

/** A name to give to the source that the operator mirrors it from. */
export interface Naming {
  readonly module: ModuleName;
  readonly target: MirrorTarget;
}

/**
 * Whoever mirrors a name from a source, and spells out its owner, has decided that the name is that source's (rule 4): undecided
 * names that such a target matches are given to it, in one change of the state. Nothing that is decided, claimed, in conflict, or
 * listed by a reading that is held back is touched.
 */
export async function decideMirrored(
  context: SyncContext,
  synced: SyncResult,
  namings: readonly Naming[],
  by: string,
  signal: AbortSignal | undefined,
): Promise<SyncResult> {
  if (namings.length === 0) return synced;
  const at = context.now().toISOString();
  const decided = await aggregate(context, {
    signal,
    // Whatever another process has decided meanwhile stands.
    decide: async (state, config) => {
      const { index, archives } = context;
      const { snapshots } = state;
      const resolver = createResolver({ index, archives, config, state, snapshots, current: synced.current });
      const open: OperatorDecision[] = [];
      for (const { module, target } of namings) {
        if (!(await mayBeNamed(module, target.source, resolver, index))) continue;
        const pattern = formatMirrorPattern(target);
        open.push({ module, at, by, action: 'accept-origin', to: target.source, pattern });
      }
      return open;
    },
  });
  return { ...decided, current: synced.current };
}

/** Names that mirroring these targets decides, as far as a sync's outcome tells. */
export async function findNamings(
  { index, archives }: Pick<SyncContext, 'index' | 'archives'>,
  { state, snapshots, config, current, report }: SyncResult,
  targets: readonly MirrorTarget[],
): Promise<Naming[]> {
  const deciding = targets.filter(decidesNames);
  if (deciding.length === 0) return [];
  // A dry run has written nothing, so what it would leave waiting is not in the state.
  const waiting = new Set([
    ...(await state.pending()).keys(),
    ...report.newlyHeld.map(({ module }) => module),
  ]);
  const resolver = createResolver({ index, archives, config, state, snapshots, current });
  const namings: Naming[] = [];
  for (const module of [...waiting].sort())
    for (const target of deciding)
      if (isTarget(target, module) && (await mayBeNamed(module, target.source, resolver, index))) {
        namings.push({ module, target });
        break;
      }
  return namings;
}

async function mayBeNamed(
  module: ModuleName,
  source: string,
  resolver: Resolver,
  index: GitIndex,
): Promise<boolean> {
  const { decision, facts } = await resolver.locate(module);
  if (decision.rule !== 'undecided') return false;
  if (trustedMore(resolver.policy, source, module).some(({ name }) => facts.heldBy.has(name))) return false;
  return (await offerOf(module, source, resolver, index)).kind === 'offered';
}
