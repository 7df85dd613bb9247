import type { GitIndex, StateView } from '../index/git-index.ts';
import { ledgerFolder } from '../index/layout.ts';
import type { Pending } from '../index/pending-names.ts';
import type { SnapshotRecord } from '../index/registry-state.ts';
import type { Finding } from '../model/finding.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import type { TreeEdit } from '../support/git-import.ts';

/** Old names by new ones. */
export type Renames = ReadonlyMap<string, string>;

/**
 * A source of which the state knows nothing, at the address of exactly one that is configured no longer, is the same source under
 * another name.
 */
export function findRenames(
  snapshots: readonly Pick<SnapshotRecord, 'source' | 'indexUrl'>[],
  sources: readonly { readonly name: string; readonly indexUrl: string }[],
): Renames {
  const gone = snapshots.filter(({ source }) => !sources.some(({ name }) => name === source));
  const fresh = sources.filter(({ name }) => !snapshots.some(({ source }) => source === name));
  const renames = new Map<string, string>();
  for (const { name, indexUrl } of fresh) {
    const old = gone.filter((record) => record.indexUrl === indexUrl);
    const rivals = fresh.filter((other) => other.indexUrl === indexUrl);
    const [only] = old;
    if (only && old.length === 1 && rivals.length === 1) renames.set(name, only.source);
  }
  return renames;
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
  const ledgerEdits: TreeEdit[] = [];
  for (const [old, name] of newNames) {
    const tree = await index.measure(`${base.commit}:${ledgerFolder}/${old}`);
    if (!tree) continue;
    ledgerEdits.push({ path: `${ledgerFolder}/${name}`, mode: '040000', object: tree.id });
    ledgerEdits.push({ path: `${ledgerFolder}/${old}` });
  }
  const change = {
    base,
    state: {
      ...base,
      // Whatever is said about the sources is said anew.
      policy: '',
      snapshots: base.snapshots.map((record) => ({ ...record, source: nameOf(record.source) })),
    },
    ledgerEdits,
    findings: (await base.findings()).map((finding) => renameFinding(finding, nameOf)),
    decisions: (await base.decisions()).map((decision) => renameIn(decision, nameOf)),
    pending: new Map([...(await base.pending())].map(([module, reason]) => [module, rename(reason, nameOf)])),
    message: `Rename ${[...newNames].map(([old, name]) => `${old} to ${name}`).join(', ')}\n`,
    date,
  } satisfies Parameters<GitIndex['commit']>[0] & { pending: ReadonlyMap<ModuleName, Pending> };
  return isReal ? index.commit(change) : index.prepare(change);
}

function renameFinding(finding: Finding, nameOf: (old: string) => string): Finding {
  const { source, origin } = finding;
  return { ...finding, source: nameOf(source), ...(origin === undefined ? {} : { origin: nameOf(origin) }) };
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
