import type { GitIndex } from '../../index/git-index.ts';
import { ledgerFolder, readIndexPath } from '../../index/layout.ts';
import { parseLedgerFile } from '../../index/ledger-file.ts';
import type { StateView } from '../../index/state-view.ts';
import { foldName } from '../../model/fold-name.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Decision } from './decide-origin.ts';
import type { LocatedFacts } from './module-facts.ts';
import type { PlannedChange } from './planned-change.ts';
import type { Policy } from './policy.ts';
import { readOwnFile } from './source-file.ts';

/** A name that may not stand beside another one. */
export interface LookAlike {
  readonly module: ModuleName;
  readonly origin: string;
  readonly of: { readonly name: ModuleName; readonly source: string };
}

interface Planned {
  readonly change?: Pick<PlannedChange, 'served'> | undefined;
  readonly located?: LocatedFacts | undefined;
  readonly decision?: Decision | undefined;
}

interface Context {
  readonly index: GitIndex;
  readonly state: StateView;
  readonly policy: Policy;
  /** Compare all names, and not only those that are new. */
  readonly isWhole: boolean;
}

interface Named {
  readonly module: ModuleName;
  readonly origin: string;
  /** The ledger's file; of a new name, none. */
  readonly ledger: string | undefined;
}

/**
 * Of names that are equal after folding and have different origins, those that give way: the most trusted origin's stay, of equals
 * the one first seen. Names of one origin pass, and so does what the operator has accepted. The whole index is looked through
 * only where there is a new name, one that comes back, or one of those that gave way before (`earlier`).
 */
export async function findLookAlikes(
  planned: Iterable<Planned>,
  earlier: readonly string[],
  context: Context,
): Promise<LookAlike[]> {
  const fresh = [...planned].flatMap(({ located, decision }): Named[] =>
    located && located.recorded === undefined && decision?.origin !== undefined && decision.file !== undefined
      ? [{ module: located.module, origin: decision.origin, ledger: undefined }]
      : [],
  );
  const returning = [...planned].flatMap(({ located, change }) =>
    located && located.served === undefined && change?.served !== undefined ? [located.module as string] : [],
  );
  const suspects = [...earlier, ...returning];
  if (!context.isWhole && fresh.length === 0 && suspects.length === 0) return [];
  const wanted = context.isWhole
    ? undefined
    : new Set([...fresh.map(({ module }) => module as string), ...suspects].map(foldName));
  const groups = new Map<string, Named[]>();
  const add = (named: Named) => {
    const key = foldName(named.module);
    if (wanted && !wanted.has(key)) return;
    const group = groups.get(key);
    if (group) group.push(named);
    else groups.set(key, [named]);
  };
  const gone = new Set(context.policy.sources.flatMap(({ name, isRemoved }) => (isRemoved ? [name] : [])));
  const listed = gone.size === 0 ? undefined : await listServed([...planned], context);
  for (const named of await listRecorded(context)) {
    // What a removed source left that is not served stands in nobody's way.
    if (!gone.has(named.origin) || listed?.has(named.module)) add(named);
  }
  for (const named of fresh) add(named);
  const crowded = [...groups.values()].filter((group) => new Set(group.map(({ origin }) => origin)).size > 1);
  return (await Promise.all(crowded.map((group) => chooseLosers(group, context)))).flat();
}

/** Names that will be served. */
async function listServed(planned: readonly Planned[], { index, state }: Context): Promise<Set<string>> {
  const names = new Set<string>();
  for (const path of (await index.list(state.served)).keys()) {
    const target = readIndexPath(path);
    if (target.kind === 'module') names.add(target.module);
  }
  for (const { located, change } of planned) {
    if (located === undefined || change?.served === undefined) continue;
    if (change.served === 'remove') names.delete(located.module);
    else names.add(located.module);
  }
  return names;
}

async function listRecorded({ index, state }: Context): Promise<Named[]> {
  const files = await index.list(`${state.commit}:${ledgerFolder}`);
  return [...files].flatMap(([path, ledger]): Named[] => {
    const slash = path.indexOf('/');
    const target = readIndexPath(path.slice(slash + 1));
    return target.kind === 'module' ? [{ module: target.module, origin: path.slice(0, slash), ledger }] : [];
  });
}

async function chooseLosers(group: readonly Named[], context: Context): Promise<LookAlike[]> {
  const ranked = await Promise.all(
    group.map(async (named) => ({
      named,
      priority:
        context.policy.sources.find(({ name }) => name === named.origin)?.priority ??
        Number.POSITIVE_INFINITY,
      firstSeen: await firstSeen(named, context.index),
      position: context.policy.sources.findIndex(({ name }) => name === named.origin),
    })),
  );
  ranked.sort(
    (a, b) =>
      a.priority - b.priority ||
      (a.firstSeen < b.firstSeen ? -1 : a.firstSeen > b.firstSeen ? 1 : a.position - b.position),
  );
  const winner = ranked[0]?.named;
  if (!winner) return [];
  return group
    .filter(
      ({ module, origin }) => origin !== winner.origin && !context.policy.acceptedNames.includes(module),
    )
    .map(({ module, origin }) => ({
      ...{ module, origin },
      of: { name: winner.module, source: winner.origin },
    }));
}

/** When the first version of it was pinned; a new name comes after all others. */
async function firstSeen({ ledger }: Named, index: GitIndex): Promise<string> {
  if (ledger === undefined) return '~';
  const pins = parseLedgerFile(await readOwnFile(index, ledger));
  return pins.map((pin) => pin.firstSeen).sort()[0] ?? '~';
}
