import type { SourceConfig } from '../../config/config.ts';
import { indexAddress } from '../../config/index-address.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { ledgerFolder } from '../../index/layout.ts';
import type { Pending } from '../../index/pending-names.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';

/** Old names by new ones. */
export type Renames = ReadonlyMap<string, string>;

/**
 * A name that the state does not know at the address it has now is that source's which was read there, if nobody else has the
 * address: names may be given, exchanged and passed on in one edit. What was recorded under such a name before, and is not renamed
 * itself, keeps a name of its own: nothing is handed to whoever is called so now.
 */
export function findRenames(
  snapshots: readonly Pick<SnapshotRecord, 'source' | 'indexUrl'>[],
  configured: readonly Pick<SourceConfig, 'name' | 'indexUrl' | 'indexBranch'>[],
): Renames {
  const sources = configured.map((source) => ({ name: source.name, indexUrl: indexAddress(source) }));
  const renames = new Map<string, string>();
  const isInPlace = ({ source, indexUrl }: (typeof snapshots)[number]) =>
    sources.some((now) => now.name === source && (indexUrl ?? now.indexUrl) === now.indexUrl);
  for (const { name, indexUrl } of sources) {
    if (snapshots.some((record) => record.source === name && isInPlace(record))) continue;
    const old = snapshots.filter((record) => record.indexUrl === indexUrl && !isInPlace(record));
    const rivals = sources.filter((other) => other.indexUrl === indexUrl);
    const [only] = old;
    if (only && old.length === 1 && rivals.length === 1) renames.set(name, only.source);
  }
  const renamed = new Set(renames.values());
  const taken = new Set([...snapshots.map(({ source }) => source), ...sources.map(({ name }) => name)]);
  for (const { source } of snapshots) {
    if (!renames.has(source) || renamed.has(source)) continue;
    const free = freeName(source, taken);
    taken.add(free);
    renames.set(free, source);
  }
  return renames;
}

/** For what is left of a source whose name another one has now. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const free = number === 1 ? `${name}.former` : `${name}.former${number}`;
    if (!taken.has(free)) return free;
  }
}

/** What a source is recorded as under renames that are not real yet; `undefined` if under no name. */
export function recordedName(renames: Renames, name: string): string | undefined {
  const old = renames.get(name);
  if (old !== undefined) return old;
  return [...renames.values()].includes(name) ? undefined : name;
}

/** Writes the state with each source under its new name; the ledger goes along as it is. Real only if `isReal`. */
export async function renameSources(
  index: GitIndex,
  base: StateView,
  renames: Renames,
  date: Date,
  isReal: boolean,
): Promise<StateView> {
  if (renames.size === 0) return base;
  const newNames = new Map([...renames].map(([name, old]) => [old, name]));
  const nameOf = (old: string) => newNames.get(old) ?? old;
  const trees = new Map<string, string>();
  for (const [old, name] of newNames) {
    const tree = await index.measure(`${base.commit}:${ledgerFolder}/${old}`);
    if (tree) trees.set(name, tree.id);
  }
  const left = [...newNames.keys()].filter((old) => !trees.has(old));
  const stateEdits: TreeEdit[] = [
    ...[...trees].map(([name, object]) => ({ path: `${ledgerFolder}/${name}`, mode: '040000', object })),
    ...left.map((old) => ({ path: `${ledgerFolder}/${old}` })),
  ];
  const change = {
    base,
    state: {
      ...base,
      // Whatever is said about the sources is said anew.
      policy: '',
      snapshots: base.snapshots.map((record) => ({ ...record, source: nameOf(record.source) })),
    },
    stateEdits,
    findings: (await base.findings()).map((finding) => renameFinding(finding, nameOf)),
    decisions: (await base.decisions()).map((decision) => renameIn(decision, nameOf)),
    pending: new Map([...(await base.pending())].map(([module, reason]) => [module, rename(reason, nameOf)])),
    message: `Rename ${[...newNames].map(([old, name]) => `${old} to ${name}`).join(', ')}\n`,
    date,
  } satisfies Parameters<GitIndex['commit']>[0] & { pending: ReadonlyMap<ModuleName, Pending> };
  return isReal ? index.commit(change) : index.prepare(change);
}

function renameFinding(finding: Finding, nameOf: (old: string) => string): Finding {
  const renamed = { ...finding, source: nameOf(finding.source) };
  return renamed.kind === 'origin-conflict' && renamed.origin !== undefined
    ? { ...renamed, origin: nameOf(renamed.origin) }
    : renamed;
}

/** What is kept is found again by its finding; who was meant by other decisions is history. */
function renameIn(decision: OperatorDecision, nameOf: (old: string) => string): OperatorDecision {
  return decision.action === 'keep'
    ? { ...decision, finding: renameFinding(decision.finding, nameOf) }
    : decision;
}

function rename(pending: Pending, nameOf: (old: string) => string): Pending {
  return pending.kind === 'undecided'
    ? { ...pending, waitsFor: pending.waitsFor.map(nameOf) }
    : { ...pending, source: nameOf(pending.source), origin: nameOf(pending.origin) };
}
