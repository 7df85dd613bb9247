import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import { findBlock } from '../../model/block.ts';
import type { SelectionChange } from '../../model/finding.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { selectVersion, type Version } from '../../model/version.ts';
import { batches } from '../../support/flow/batches.ts';
import { createByteBudget } from '../../support/flow/byte-budget.ts';
import type { PlannedChange } from '../decide/planned-change.ts';
import type { Policy } from '../decide/policy.ts';
import { measureAll } from './source-file.ts';

/** How many served files are read at a time, and how many bytes of them are in memory at most. */
const batchSize = 256;
const readingBytes = 32 * 1024 * 1024;
/** Different requirements of modules that lose something are looked at up to this number: a source may state any. */
const maxRequirements = 20_000;

/** What a module listed before, and lists afterwards. */
interface Loss {
  readonly source: string;
  readonly before: readonly Version[];
  readonly after: readonly Version[];
}

/**
 * What leaves the index although a listed requirement selects it: clients select another version then, or none (mvs.rs,
 * moon-protocol §10). The whole served index is read for it, but only when a version leaves that its source supplied.
 */
export async function findChangedSelections(
  index: GitIndex,
  state: StateView,
  changes: readonly PlannedChange[],
  sources: readonly { readonly name: string; readonly enabled: boolean }[],
  policy: Pick<Policy, 'blocked'>,
): Promise<SelectionChange[]> {
  const losses = new Map<string, Loss>();
  for (const { module, change } of changes) {
    if (change === undefined || change.kind === 'moved') continue;
    // What the operator blocks is taken by nobody instead, and no news to him.
    const removed = new Set(
      change.versionsRemoved.filter((version) => !findBlock(policy.blocked, module, version)),
    );
    if (removed.size === 0) continue;
    if (!sources.some(({ name, enabled }) => enabled && name === change.origin)) continue;
    const before = await servedVersions(index, state, module);
    const after = [...before.filter((version) => !removed.has(version)), ...change.versionsAdded];
    losses.set(module, { source: change.origin, before, after });
  }
  if (losses.size === 0) return [];
  const findings: SelectionChange[] = [];
  const seen = new Set<string>();
  const budget = createByteBudget(readingBytes);
  for (const batch of batches([...(await index.list(state.served))], batchSize))
    await Promise.all(
      batch.map(async ([path, id]) =>
        budget.run(await measureAll(index, [id]), async () => {
          const target = readIndexPath(path);
          const bytes = target.kind === 'module' ? await index.read(id) : undefined;
          if (target.kind !== 'module' || !bytes) return;
          for (const { entry } of parseIndexFile(bytes).lines)
            findings.push(...changedSelections(`${target.module}@${entry.version}`, entry, losses, seen));
        }),
      ),
    );
  const first = new Map(
    findings.reverse().map((finding) => [`${finding.module} ${finding.version}`, finding]),
  );
  return [...first.values()];
}

async function servedVersions(index: GitIndex, state: StateView, module: ModuleName): Promise<Version[]> {
  const id = await index.identify(state.served, indexPathOf(module));
  const bytes = id === undefined ? undefined : await index.read(id);
  return bytes ? [...new Set(parseIndexFile(bytes).lines.map(({ entry }) => entry.version))] : [];
}

/** `asker`: whose requirements they are. Each requirement is looked at once. */
function changedSelections(
  asker: string,
  { dependencies }: IndexEntry,
  losses: ReadonlyMap<string, Loss>,
  seen: Set<string>,
): SelectionChange[] {
  return dependencies.flatMap(({ module, requirement }): SelectionChange[] => {
    const loss = losses.get(module);
    const key = `${module} ${requirement}`;
    if (!loss || requirement === undefined || seen.has(key) || seen.size >= maxRequirements) return [];
    seen.add(key);
    const selected = selectVersion(requirement, loss.before);
    const instead = selectVersion(requirement, loss.after);
    if (selected === undefined || selected === instead) return [];
    const message = `version ${selected} has left, which ${asker} requires as ${requirement}; clients select ${instead ?? 'nothing'} instead`;
    return [{ kind: 'selection-changed', module, version: selected, source: loss.source, message }];
  });
}
