import { StorageError } from '../errors.ts';
import { nameOfBlock } from '../model/block.ts';
import { hosted } from '../model/hosted.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { runGit } from '../support/git/git.ts';
import { gitOnDisk } from '../support/git/git-disk.ts';
import { importCommits, type TreeEdit } from '../support/git/git-import.ts';
import { shellLine } from '../support/shell.ts';
import type { GitIndex } from './git-index.ts';
import { parseIndexFile } from './index-file.ts';
import { heldPathOf, ledgerFolder, unblockedFolder } from './layout.ts';
import { formatLedgerFile, parseLedgerFile } from './ledger-file.ts';
import type { PendingNames } from './pending-names.ts';
import {
  currentFormat,
  formatFile,
  formatState,
  type OlderFormat,
  pendingFile,
  type RegistryState,
  stateFile,
} from './registry-state.ts';
import { formatLines } from './state-lines.ts';
import type { StateView } from './state-view.ts';

/** Where the last state of an older format stays. */
export function keptRefOf(format: number): string {
  return `refs/registry/format-${format}`;
}

/**
 * Format 1 -> 2 of one module's ledger file: each pin gets the requirements of the line that is served, whatever sources
 * say now. A version that is not served gets none, and learns them when it is served again.
 */
export function upgradeLedgerFile(ledger: Buffer, served: Buffer | undefined): Buffer {
  const lines = served ? parseIndexFile(served).lines : [];
  const pins = parseLedgerFile(ledger).map((pin) => {
    const line = lines.findLast(
      ({ entry }) => entry.version === pin.version && entry.checksum === pin.checksum,
    );
    return line && pin.requirements === undefined ? { ...pin, requirements: line.entry.requirements } : pin;
  });
  return Buffer.from(formatLedgerFile(pins));
}

/** Format 2 -> 1 of one module's ledger file. */
export function downgradeLedgerFile(ledger: Buffer): Buffer {
  const lines = parseLedgerFile(ledger).map(
    ({ version, checksum, firstSeen, source }) => `${version} ${checksum} ${firstSeen} ${source}\n`,
  );
  return Buffer.from(lines.join(''));
}

/** Format 3 -> 2 of `state.json`. */
export function downgradeToFormat2(state: RegistryState): string {
  const { blocks: _, ...rest } = JSON.parse(formatState(state)) as Record<string, unknown>;
  return `${JSON.stringify(rest, undefined, 2)}\n`;
}

/** Format 2 -> 1 of `state.json`. */
export function downgradeState({
  served,
  modules,
  changedSinceRoot,
  policy,
  snapshots,
}: RegistryState): string {
  const records = snapshots.map(({ source, commit, tree, since, priority }) => ({
    ...{ source, commit, tree, since, priority },
  }));
  const state = { served, modules, changedSinceRoot, policy, snapshots: records };
  return `${JSON.stringify(state, undefined, 2)}\n`;
}

/** The first fact that format 1 cannot hold, as the end of a sentence; `undefined` where there is none. */
export function downgradeProblem(facts: {
  readonly snapshots: RegistryState['snapshots'];
  readonly pending: PendingNames;
  readonly decisions: readonly OperatorDecision[];
  readonly findingKinds: ReadonlySet<string>;
}): string | undefined {
  const undecided = [...facts.pending].find(([, reason]) => reason.kind === 'undecided');
  if (undecided) return `the name ${undecided[0]} is undecided, and the older program would give it away`;
  const held = facts.snapshots.find((record) => record.held);
  if (held) return `a reading of source "${held.source}" is held back`;
  const decision = facts.decisions.find(({ action }) => !oldActions.has(action));
  if (decision) return `the operator has decided about ${decision.module} (${decision.action})`;
  const kind = newFindings.find((candidate) => facts.findingKinds.has(candidate));
  if (kind) return `what is served rests on a finding of the kind "${kind}"`;
  return undefined;
}

const oldActions = new Set<string>(['keep', 'accept-version', 'accept-origin']);
/** What the older program would act on otherwise: it would pass on, or remove, what these findings hold back. */
const newFindings = ['requirements-conflict', 'look-alike', 'broken-file'];

/**
 * Brings the state to the current format by one commit, keeping the old one under a ref. `addressOf`: where each source's
 * index is now, which format 1 did not record. Only while holding the registry's lock.
 */
export async function migrate(
  index: GitIndex,
  date: Date,
  addressOf: (source: string) => string | undefined,
): Promise<void> {
  const base = await index.state();
  if (base.format === currentFormat) return;
  const snapshots = base.snapshots.map((record) => ({
    ...record,
    indexUrl: record.indexUrl ?? addressOf(record.source),
  }));
  const edits: TreeEdit[] = [
    { path: formatFile, content: `${currentFormat}\n` },
    { path: stateFile, content: formatState({ ...base, snapshots }) },
    ...(base.format < 2 ? [{ path: pendingFile, content: '' }, ...(await upgradeLedger(index, base))] : []),
  ];
  const message = `Upgrade the data from format ${base.format} to ${currentFormat}\n`;
  await moveTo(index, base, { message, date, edits });
}

async function upgradeLedger(index: GitIndex, base: StateView): Promise<TreeEdit[]> {
  const served = await index.list(base.served);
  return rewriteLedger(index, base, async (path, ledger) => {
    const id = served.get(path);
    return upgradeLedgerFile(ledger, id === undefined ? undefined : await index.read(id));
  });
}

/**
 * Brings the state back to an older format, for a program that knows no newer one. Throws `StorageError` where it holds a fact
 * that this format has no place for; nothing has changed then. Only while holding the registry's lock.
 */
export async function downgrade(index: GitIndex, date: Date, format: OlderFormat): Promise<void> {
  const base = await index.state();
  if (base.format <= format)
    throw new StorageError(`the data have format ${base.format} already, which is no newer than ${format}`);
  const problem =
    blockProblem(base) ?? hostedProblem(base) ?? (format === 1 ? await format1Problem(base) : undefined);
  if (problem !== undefined)
    throw new StorageError(`the data cannot go back to format ${format}: ${problem.what}`, {
      hint:
        problem.hint ??
        `a state of before the upgrade is kept under refs/registry/format-N; what has happened since is not in it`,
    });
  const edits: TreeEdit[] = [
    { path: formatFile, content: `${format}\n` },
    // Of look-alikes, perhaps: nothing is blocked.
    ...((await index.measure(`${base.commit}:${unblockedFolder}`)) ? [{ path: unblockedFolder }] : []),
    ...(format === 1
      ? await downgradeToFormat1(index, base)
      : [{ path: stateFile, content: downgradeToFormat2(base) }]),
  ];
  await moveTo(index, base, { message: `Downgrade the data to format ${format}\n`, date, edits });
}

interface DowngradeProblem {
  /** The end of a sentence. */
  readonly what: string;
  readonly hint?: string;
}

/** An older program would serve it. */
function blockProblem({ blocks: [block] }: Pick<RegistryState, 'blocks'>): DowngradeProblem | undefined {
  if (block === undefined) return undefined;
  const name = nameOfBlock(block);
  return {
    what: `${name} is blocked, and the older program would serve it`,
    hint: shellLine`moonbit-registry unblock ${name}`,
  };
}

/** An older program would take it for a source that was removed, and go on with what is cached. */
function hostedProblem({ snapshots }: Pick<RegistryState, 'snapshots'>): DowngradeProblem | undefined {
  if (!snapshots.some(({ source }) => source === hosted)) return undefined;
  return {
    what: 'modules are published here, and the older program could publish none and would not know whose they are',
  };
}

async function format1Problem(base: StateView): Promise<DowngradeProblem | undefined> {
  const what = downgradeProblem({
    snapshots: base.snapshots,
    pending: await base.pending(),
    decisions: await base.decisions(),
    findingKinds: new Set((await base.findings()).map(({ kind }) => kind)),
  });
  return what === undefined ? undefined : { what };
}

async function downgradeToFormat1(index: GitIndex, base: StateView): Promise<TreeEdit[]> {
  const decisions = await base.decisions();
  return [
    { path: stateFile, content: downgradeState(base) },
    { path: pendingFile },
    ...(decisions.length > 0 ? [{ path: 'decisions.jsonl', content: formatLines(decisions) }] : []),
    ...base.snapshots.flatMap(({ source, held }) => (held ? [{ path: heldPathOf(source) }] : [])),
    ...(await rewriteLedger(index, base, async (_, ledger) => downgradeLedgerFile(ledger))),
  ];
}

async function moveTo(
  index: GitIndex,
  base: StateView,
  change: { readonly message: string; readonly date: Date; readonly edits: readonly TreeEdit[] },
): Promise<void> {
  const { directory } = index;
  const next = await gitOnDisk(`write another format in ${directory}`, async () => {
    await runGit(['update-ref', keptRefOf(base.format), base.commit], { gitDir: directory });
    return importCommits(directory, [() => ({ base: base.commit, ...change })]);
  });
  await index.adopt(base.commit, next[0] ?? '');
}

/** How many ledger files are read at a time. */
const batchSize = 512;

async function rewriteLedger(
  index: GitIndex,
  base: StateView,
  rewrite: (path: string, ledger: Buffer) => Promise<Buffer>,
): Promise<TreeEdit[]> {
  const files = [...(await index.list(`${base.commit}:${ledgerFolder}`))];
  const edits: TreeEdit[] = [];
  for (let start = 0; start < files.length; start += batchSize) {
    const batch = files.slice(start, start + batchSize).map(async ([path, id]): Promise<TreeEdit[]> => {
      const before = await index.read(id);
      if (!before) throw new StorageError(`object ${id} is missing from ${index.directory}`);
      const content = await rewrite(path.slice(path.indexOf('/') + 1), before);
      return content.equals(before) ? [] : [{ path: `${ledgerFolder}/${path}`, content }];
    });
    edits.push(...(await Promise.all(batch)).flat());
  }
  return edits;
}
