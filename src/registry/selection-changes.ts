import type { GitIndex, StateView } from '../index/git-index.ts';
import { type IndexFile, parseIndexFile } from '../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../index/layout.ts';
import type { Finding } from '../model/finding.ts';
import type { ModuleName } from '../model/module-name.ts';
import { selectVersion, type Version } from '../model/version.ts';
import { batches } from '../support/batches.ts';
import type { PlannedChange } from './planned-change.ts';

/** How many served files are read at a time. */
const batchSize = 256;

/**
 * What leaves the index although a listed requirement selects it: clients select another version then, or none (mvs.rs,
 * moon-protocol §10). The whole served index is read for it, but only when a version leaves.
 */
export async function findChangedSelections(
  index: GitIndex,
  state: StateView,
  changes: readonly PlannedChange[],
  sources: readonly { readonly name: string }[],
): Promise<Finding[]> {
  const leaving = new Map<ModuleName, PlannedChange>();
  for (const planned of changes)
    if (planned.change?.kind === 'changed' && planned.change.versionsRemoved.length > 0)
      leaving.set(planned.module, planned);
  if (leaving.size === 0) return [];
  const versions = new Map<ModuleName, { readonly before: Version[]; readonly after: Version[] }>();
  for (const [module, { change }] of leaving) {
    const id = await index.identify(state.served, indexPathOf(module));
    const before = versionsOf(id === undefined ? undefined : await index.read(id));
    const removed = new Set(change?.versionsRemoved);
    const after = [...before.filter((version) => !removed.has(version)), ...(change?.versionsAdded ?? [])];
    versions.set(module, { before, after });
  }
  const findings = new Map<string, Finding>();
  const files = [...(await index.list(state.served))];
  for (const batch of batches(files, batchSize)) {
    const read = await Promise.all(batch.map(async ([path, id]) => [path, await index.read(id)] as const));
    for (const [path, bytes] of read) {
      const target = readIndexPath(path);
      if (target.kind !== 'module' || !bytes) continue;
      for (const { entry } of parseIndexFile(bytes).lines)
        for (const { module, requirement } of entry.dependencies) {
          const listed = versions.get(module as ModuleName);
          if (!listed || requirement === undefined) continue;
          const selected = selectVersion(requirement, listed.before);
          const instead = selectVersion(requirement, listed.after);
          if (selected === undefined || selected === instead) continue;
          const source = leaving.get(module as ModuleName)?.change?.origin ?? '';
          if (!sources.some(({ name }) => name === source)) continue;
          const asker = `${target.module}@${entry.version}`;
          const message = `version ${selected} has left, which ${asker} requires as ${requirement}; clients select ${instead ?? 'nothing'} instead`;
          const key = `${module} ${selected}`;
          if (!findings.has(key))
            findings.set(key, { kind: 'selection-changed', module, version: selected, source, message });
        }
    }
  }
  return [...findings.values()];
}

function versionsOf(bytes: Buffer | undefined): Version[] {
  const file: Pick<IndexFile, 'lines'> = bytes ? parseIndexFile(bytes) : { lines: [] };
  return [...new Set(file.lines.map(({ entry }) => entry.version))];
}
