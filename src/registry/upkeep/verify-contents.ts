import { StorageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { type IndexFile, parseIndexFile } from '../../index/index-file.ts';
import { ledgerFolder, readIndexPath } from '../../index/layout.ts';
import { type Pin, parseLedgerFile } from '../../index/ledger-file.ts';
import type { StagingRecord } from '../../index/staged-file.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { measureTree } from '../../sources/measure-tree.ts';
import type { WantedArchive } from '../deliver/find-suppliers.ts';
import { readStagings } from '../hosting/staging/read-stagings.ts';
import { isWaiting } from '../hosting/staging/stagings.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { VerifyFinding, VerifyStep } from './verify-report.ts';
import { defect, stepOf } from './verify-repository.ts';

/** What the index and the ledger say, as far as they can be read. */
export interface VerifiedContents {
  readonly steps: readonly [ledger: VerifyStep, index: VerifyStep];
  /** Versions clients can see. */
  readonly served: readonly WantedArchive[];
  /** Every checksum that the index, the ledger, a source's snapshot, or what waits for approval names. */
  readonly named: ReadonlySet<Checksum>;
  /** What waits for approval. */
  readonly waiting: readonly StagingRecord[];
}

/** Compares every served version with the ledger, and reads every line of both. Writes nothing. */
export async function verifyContents(
  index: GitIndex,
  state: StateView,
  options: Pick<VerifyOptions, 'signal' | 'onProgress'> & { readonly sources: ReadonlySet<string> },
): Promise<VerifiedContents> {
  const ledger = await readLedger(index, state, options);
  const files = await readServed(index, state, options);
  const served = files.served;
  const unpinned = served.flatMap((archive) => comparePin(archive, ledger.pins.get(archive.module)));
  const named = new Set<Checksum>(served.map(({ checksum }) => checksum));
  for (const pins of ledger.pins.values()) for (const pin of pins.values()) named.add(pin.checksum);
  const unreadable = await addSnapshots(index, state, named, options);
  const staged = await readWaiting(index, state);
  for (const { versions } of staged.waiting) for (const { checksum } of versions) named.add(checksum);
  return {
    steps: [
      stepOf('ledger', ledger.pins.size, [...ledger.findings, ...unpinned]),
      stepOf('index', served.length, [...files.findings, ...unreadable, ...staged.findings]),
    ],
    served,
    named,
    waiting: staged.waiting,
  };
}

type Pins = ReadonlyMap<string, Pin>;

async function readLedger(
  index: GitIndex,
  state: StateView,
  { signal, onProgress }: Pick<VerifyOptions, 'signal' | 'onProgress'>,
): Promise<{ pins: Map<ModuleName, Pins>; findings: VerifyFinding[] }> {
  const files = await index.list(`${state.commit}:${ledgerFolder}`);
  const origins = new Map<ModuleName, string>();
  const pins = new Map<ModuleName, Pins>();
  const findings: VerifyFinding[] = [];
  let done = 0;
  for (const [path, id] of files) {
    signal?.throwIfAborted();
    onProgress?.({ step: 'ledger', done: done++, total: files.size });
    const slash = path.indexOf('/');
    const origin = path.slice(0, slash);
    const target = readIndexPath(path.slice(slash + 1));
    if (target.kind !== 'module') {
      findings.push(defect(`${ledgerFolder}/${path}`, 'is not the path of a module'));
      continue;
    }
    const other = origins.get(target.module);
    if (other !== undefined)
      findings.push(defect(target.module, `is recorded under two origins: ${other} and ${origin}`));
    origins.set(target.module, origin);
    const read = await readPins(index, id);
    pins.set(target.module, read.pins);
    findings.push(...read.details.map((detail) => defect(`${ledgerFolder}/${path}`, detail)));
  }
  return { pins, findings };
}

async function readPins(index: GitIndex, id: string): Promise<{ pins: Pins; details: string[] }> {
  const pins = new Map<string, Pin>();
  const details: string[] = [];
  try {
    for (const pin of parseLedgerFile((await index.read(id)) ?? missing(id))) {
      const first = pins.get(pin.version);
      if (first && first.checksum !== pin.checksum)
        details.push(`pins version ${pin.version} to two checksums: ${first.checksum} and ${pin.checksum}`);
      pins.set(pin.version, first ?? pin);
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    details.push(`cannot be read: ${error.message}`);
  }
  return { pins, details };
}

function missing(id: string): never {
  throw new StorageError(`object ${id} is missing`);
}

function comparePin({ module, version, checksum }: WantedArchive, pins: Pins | undefined): VerifyFinding[] {
  const pin = pins?.get(version);
  if (pin?.checksum === checksum) return [];
  const detail = pin
    ? `is served with the checksum ${checksum}, but pinned to ${pin.checksum}`
    : 'is served, but not pinned in the ledger';
  return [defect(`${module}@${version}`, detail)];
}

async function readServed(
  index: GitIndex,
  state: StateView,
  { signal, onProgress }: Pick<VerifyOptions, 'signal' | 'onProgress'>,
): Promise<{ served: WantedArchive[]; findings: VerifyFinding[] }> {
  const files = await index.list(state.served);
  const served: WantedArchive[] = [];
  const findings: VerifyFinding[] = [];
  let done = 0;
  for (const [path, id] of files) {
    signal?.throwIfAborted();
    onProgress?.({ step: 'index', done: done++, total: files.size });
    const target = readIndexPath(path);
    if (target.kind !== 'module') {
      findings.push(defect(path, 'is in the served index, but is not the index file of a module'));
      continue;
    }
    const file = await readIndexFile(index, id);
    if (typeof file === 'string') {
      findings.push(defect(path, file));
      continue;
    }
    findings.push(
      ...file.malformed.map(({ number, reason }) => defect(`${path}, line ${number}`, reason)),
      ...(file.lines.length === 0 ? [defect(path, 'has no line that a client could read')] : []),
    );
    // The last line of a version is the one clients use.
    const last = new Map(file.lines.map(({ entry }) => [entry.version, entry.checksum]));
    for (const [version, checksum] of last) served.push({ module: target.module, version, checksum });
  }
  return { served, findings };
}

async function readIndexFile(
  index: GitIndex,
  id: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<IndexFile | string> {
  try {
    const read = await index.readBounded(id, maxBytes);
    if (read.kind === 'too-large') return `is ${read.sizeBytes} bytes long`;
    const bytes = read.kind === 'read' ? read.bytes : undefined;
    return bytes ? parseIndexFile(bytes) : `cannot be read: object ${id} is missing`;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return `cannot be read: ${error.message}`;
  }
}

/** What waits for approval, or what is wrong with the list of that. */
async function readWaiting(
  index: GitIndex,
  state: StateView,
): Promise<{ readonly waiting: readonly StagingRecord[]; readonly findings: readonly VerifyFinding[] }> {
  try {
    return { waiting: (await readStagings(index, state)).filter(isWaiting), findings: [] };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { waiting: [], findings: [defect('staged.jsonl', error.message)] };
  }
}

/**
 * Archives of versions that a source lists and we do not serve are still of use. Returns which sources' indexes, as they
 * were last read, are not well formed or not all here.
 */
async function addSnapshots(
  index: GitIndex,
  state: StateView,
  named: Set<Checksum>,
  { signal, sources }: Pick<VerifyOptions, 'signal'> & { readonly sources: ReadonlySet<string> },
): Promise<VerifyFinding[]> {
  const ids = new Set<string>();
  const findings: VerifyFinding[] = [];
  for (const { source, tree } of state.snapshots) {
    signal?.throwIfAborted();
    const trouble = await findTrouble(index, tree);
    if (trouble === undefined) for (const id of (await index.list(tree)).values()) ids.add(id);
    else {
      const found = defect(`source ${source}`, `its index, as it was last read, ${trouble}`);
      findings.push(sources.has(source) ? found : { ...found, severity: 'note' });
    }
  }
  for (const id of ids) {
    signal?.throwIfAborted();
    const file = await readIndexFile(index, id, maxIndexFileBytes);
    if (typeof file === 'string') continue;
    for (const { entry } of file.lines) named.add(entry.checksum);
  }
  return findings;
}

/** No line of a larger file was ever passed on. */
const maxIndexFileBytes = 64 * 1024 * 1024;

/** What this program took over long ago was not checked as strictly as now. */
const unlimited = { modules: Number.POSITIVE_INFINITY, listingBytes: Number.POSITIVE_INFINITY };

/** Why a tree cannot be used, in words that follow its name. */
async function findTrouble(index: GitIndex, tree: string): Promise<string | undefined> {
  try {
    const measured = await measureTree(index, tree, unlimited);
    return measured.kind === 'refused' ? measured.reason : undefined;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return `cannot be read: ${error.message}`;
  }
}
