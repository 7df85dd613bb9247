import { indexPathOf } from '../../index/layout.ts';
import type { PendingNames } from '../../index/pending-names.ts';
import type { Finding } from '../../model/finding.ts';
import { isModuleName } from '../../model/module-name.ts';
import { changedPathsOf } from './find-facts.ts';
import type { SyncInput } from './sync-plan.ts';

/** Paths to plan where the policy is the same: what changed, what the operator or an archive touches, what can be decided now. */
export async function changedPaths(
  { index, state, snapshots, current, touched, taken }: SyncInput,
  pending: PendingNames,
  findings: readonly Finding[],
  unlistable: Map<string, string>,
): Promise<Set<string>> {
  const known = new Map(state.snapshots.map((record) => [record.source, record]));
  const diffs = await Promise.all(
    snapshots.map(async ({ source, tree }) => {
      const before = known.get(source)?.tree;
      if (before === undefined || before === tree) return [];
      return changedPathsOf(index, source, { before, after: tree }, unlistable);
    }),
  );
  const decidable = [...pending].flatMap(([module, reason]) =>
    reason.kind === 'undecided' && isReady(reason.waitsFor, current) ? [module] : [],
  );
  // What a fault of ours kept from being planned is tried again.
  const failed = findings.flatMap(({ kind, module }) =>
    kind === 'unplanned' && isModuleName(module) ? [module] : [],
  );
  const named = [...touched, ...taken.map(({ module }) => module), ...decidable, ...failed];
  return new Set([...diffs.flat(), ...named.map(indexPathOf)]);
}

function isReady(waitsFor: readonly string[], current: ReadonlySet<string> | undefined): boolean {
  if (current === undefined) return false;
  return waitsFor.length === 0 || waitsFor.some((source) => current.has(source));
}
