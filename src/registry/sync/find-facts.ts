import { StorageError } from '../../errors.ts';
import { gitBlobId } from '../../index/blob-id.ts';
import type { GitIndex } from '../../index/git-index.ts';
import {
  indexPathOf,
  ledgerFolder,
  ledgerPathOf,
  unblockedFolder,
  unblockedPathOf,
} from '../../index/layout.ts';
import type { SnapshotRecord } from '../../index/registry-state.ts';
import type { StateView } from '../../index/state-view.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { GitError } from '../../support/git/git.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';

/** Looks modules up in the sources' snapshots, the ledger and the served index. */
export interface FactFinder {
  find(module: ModuleName): Promise<LocatedFacts>;
  /** Ids of the file at a path, by source; for paths that are no module's, too. */
  listings(path: string): Promise<Map<string, string>>;
  /** Sources whose tree could not be read so far, and why: of these, no listing says anything. Grows while facts are found. */
  readonly unlistable: Map<string, string>;
}

/** Reads a tree that a source has written. That it cannot be read is that source's failure, unless it is our disk's. */
async function readTreeOf<T>(
  source: string,
  unlistable: Map<string, string>,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isOfTheTree(error)) throw error;
    unlistable.set(source, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** What git says about a tree, in contrast to what the system says about a file. */
function isOfTheTree(error: unknown): boolean {
  if (!(error instanceof StorageError)) return true;
  return error.cause === undefined || error.cause instanceof GitError;
}

/** Paths that a source's new tree changes; none where the trees cannot be compared. */
export async function changedPathsOf(
  index: GitIndex,
  source: string,
  trees: { readonly before: string; readonly after: string },
  unlistable: Map<string, string>,
): Promise<readonly string[]> {
  const changed = await readTreeOf(source, unlistable, () => index.diff(trees.before, trees.after));
  return [...(changed?.keys() ?? [])];
}

/** For a few modules: asks git path by path, whatever the size of the index. */
export function findFactsByPath(
  index: GitIndex,
  state: StateView,
  snapshots: readonly SnapshotRecord[],
): FactFinder {
  const unlistable = new Map<string, string>();

  async function listings(path: string): Promise<Map<string, string>> {
    // Asked one name a line, git cannot be told of such a path; no module has one.
    const identify = async (tree: string) =>
      path.includes('\n') ? (await index.list(tree)).get(path) : index.identify(tree, path);
    const ids = await Promise.all(
      snapshots.map(({ source, tree }) => readTreeOf(source, unlistable, () => identify(tree))),
    );
    return new Map(snapshots.flatMap(({ source }, i) => (ids[i] === undefined ? [] : [[source, ids[i]]])));
  }

  async function heldBy(path: string): Promise<Set<string>> {
    const held = snapshots.filter((record) => record.held);
    const ids = await Promise.all(
      held.map(({ source, held: reading }) =>
        readTreeOf(source, unlistable, () => index.identify(reading?.tree ?? '', path)),
      ),
    );
    return new Set(held.flatMap(({ source }, i) => (ids[i] === undefined ? [] : [source])));
  }
  return {
    listings,
    unlistable,
    async find(module) {
      const origins = snapshots.map(({ source }) => source);
      const [listed, held, served, unblocked, ledgers] = await Promise.all([
        listings(indexPathOf(module)),
        heldBy(indexPathOf(module)),
        index.identify(state.served, indexPathOf(module)),
        index.identify(state.commit, unblockedPathOf(module)),
        Promise.all(origins.map((origin) => index.identify(state.commit, ledgerPathOf(origin, module)))),
      ]);
      const position = ledgers.findIndex((id) => id !== undefined);
      return {
        ...{ module, listings: listed, heldBy: held, served, unblocked },
        ...recordOf(origins[position], ledgers[position]),
      };
    },
  };
}

const emptyLedger = gitBlobId(Buffer.alloc(0));

function recordOf(
  recorded: string | undefined,
  ledger: string | undefined,
): Pick<LocatedFacts, 'recorded' | 'ledger' | 'isPinned'> {
  return { recorded, ledger, isPinned: ledger !== undefined && ledger !== emptyLedger };
}

export interface WholeIndex extends FactFinder {
  /** As `find`, at once. */
  locate(module: ModuleName): LocatedFacts;
  /** Every path that any source, the ledger or the served index has. */
  readonly paths: ReadonlySet<string>;
}

/** For all modules at once: three kinds of listings, held in memory. */
export async function findAllFacts(
  index: GitIndex,
  state: StateView,
  snapshots: readonly SnapshotRecord[],
): Promise<WholeIndex> {
  const unlistable = new Map<string, string>();
  const heldRecords = snapshots.filter((record) => record.held);
  const [trees, heldTrees, served, unblocked, ledgerFiles] = await Promise.all([
    Promise.all(snapshots.map(({ source, tree }) => readTreeOf(source, unlistable, () => index.list(tree)))),
    Promise.all(
      heldRecords.map(({ source, held }) =>
        readTreeOf(source, unlistable, () => index.list(held?.tree ?? '')),
      ),
    ),
    index.list(state.served),
    index.list(`${state.commit}:${unblockedFolder}`),
    index.list(`${state.commit}:${ledgerFolder}`),
  ]);
  const ledger = new Map<string, { origin: string; id: string }>();
  for (const [path, id] of ledgerFiles) {
    const slash = path.indexOf('/');
    ledger.set(path.slice(slash + 1), { origin: path.slice(0, slash), id });
  }
  const listings = (path: string): Map<string, string> => {
    const found = new Map<string, string>();
    for (const [position, { source }] of snapshots.entries()) {
      const id = trees[position]?.get(path);
      if (id !== undefined) found.set(source, id);
    }
    return found;
  };
  const paths = new Set<string>(served.keys());
  for (const files of [...trees, ledger]) for (const path of files?.keys() ?? []) paths.add(path);
  const locate = (module: ModuleName): LocatedFacts => {
    const path = indexPathOf(module);
    const record = ledger.get(path);
    return {
      module,
      listings: listings(path),
      heldBy: new Set(heldRecords.filter((_, i) => heldTrees[i]?.has(path)).map(({ source }) => source)),
      served: served.get(path),
      unblocked: unblocked.get(path),
      ...recordOf(record?.origin, record?.id),
    };
  };
  return {
    paths,
    unlistable,
    listings: async (path) => listings(path),
    locate,
    find: async (module) => locate(module),
  };
}

/** Where each module of a state comes from, as recorded. */
export async function readOrigins(
  index: GitIndex,
  commit: string,
): Promise<(module: ModuleName) => string | undefined> {
  const origins = new Map<string, string>();
  for (const path of (await index.list(`${commit}:${ledgerFolder}`)).keys()) {
    const slash = path.indexOf('/');
    origins.set(path.slice(slash + 1), path.slice(0, slash));
  }
  return (module) => origins.get(indexPathOf(module));
}
