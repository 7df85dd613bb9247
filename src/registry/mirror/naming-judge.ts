import type { GitIndex } from '../../index/git-index.ts';
import type { IndexFile } from '../../index/index-file.ts';
import { ledgerFolder, readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import { foldName } from '../../model/fold-name.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { LocatedFacts } from '../decide/decide-origin.ts';
import type { Resolver } from '../sync/resolve-module.ts';
import { readListed } from '../sync/source-file.ts';
import { trustedMore } from './offers.ts';

/** What mirroring an undecided name from a source comes to: the name is that source's, or why it is not, as the end of a sentence. */
export type Verdict = { readonly entries: readonly IndexEntry[] } | { readonly problem: string };

export interface NamingContext {
  readonly index: GitIndex;
  readonly state: StateView;
  readonly resolver: Resolver;
  /** Sources that this mirroring's sync has read; see `DecisionContext`. */
  readonly current: ReadonlySet<string>;
}

/**
 * Judges whether an undecided name may be given to the source it is mirrored from by name. It overrules nothing that anybody knows: a
 * source of more trust that lists the name must say the same, line by line; readings that are held back and names that look
 * alike forbid it, and so does a source that was not read in this very sync.
 */
export function createNamingJudge(
  context: NamingContext,
): (module: ModuleName, source: string) => Promise<Verdict> {
  let recorded: Promise<Recorded> | undefined;
  return async (module, source) => {
    const { resolver, current } = context;
    if (!current.has(source)) return { problem: `"${source}" could not be read now` };
    const { decision, facts, entries } = await resolver.resolveFor(module, source);
    if (decision.origin !== source || entries.length === 0)
      return { problem: `"${source}" lists nothing of it that may come from there` };
    const problem = await findObjection(module, source, facts, context);
    if (problem !== undefined) return { problem };
    recorded ??= readRecorded(context);
    const twin = (await recorded)
      .get(foldName(module))
      ?.find((other) => other.module !== module && other.origin !== source);
    if (twin && !resolver.policy.acceptedNames.includes(module))
      return { problem: `it looks like ${twin.module}, which comes from "${twin.origin}"` };
    return { entries };
  };
}

async function findObjection(
  module: ModuleName,
  source: string,
  { listings, heldBy }: LocatedFacts,
  { resolver, index }: NamingContext,
): Promise<string | undefined> {
  const own = listings.get(source);
  for (const { name, hasBeenRead } of trustedMore(resolver.policy, source, module)) {
    if (heldBy.has(name)) return `a reading of "${name}", which is trusted more, lists it and is held back`;
    const id = hasBeenRead ? listings.get(name) : undefined;
    // Most that list it too list the very same file.
    if (id === undefined || id === own) continue;
    const read = (of: string, object: string) => readMeaning(of, object, resolver, index);
    const [mine, other] = await Promise.all([read(source, own ?? ''), read(name, id)]);
    if (mine === undefined || mine !== other)
      return `"${name}", which is trusted more, lists it too, and not the same`;
  }
  return undefined;
}

/** All that a source's file says to clients, comparable; `undefined` where a part of it cannot be read. */
async function readMeaning(
  source: string,
  id: string,
  { policy }: Resolver,
  index: GitIndex,
): Promise<string | undefined> {
  const file = await readListed(index, policy, source, id);
  return file.unreadable !== undefined || file.malformedCount > 0 ? undefined : meaningOf(file);
}

function meaningOf({ lines }: IndexFile): string {
  // The last line about a version is the one that counts (client.rs, moon-protocol §2.5).
  const last = new Map(lines.map(({ entry }) => [entry.version, [entry.checksum, entry.requirements]]));
  return JSON.stringify([...last].sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Recorded = ReadonlyMap<string, readonly { readonly module: ModuleName; readonly origin: string }[]>;

async function readRecorded({ index, state }: NamingContext): Promise<Recorded> {
  const recorded = new Map<string, { readonly module: ModuleName; readonly origin: string }[]>();
  for (const path of (await index.list(`${state.commit}:${ledgerFolder}`)).keys()) {
    const slash = path.indexOf('/');
    const target = readIndexPath(path.slice(slash + 1));
    if (target.kind !== 'module') continue;
    const key = foldName(target.module);
    recorded.set(key, [
      ...(recorded.get(key) ?? []),
      { module: target.module, origin: path.slice(0, slash) },
    ]);
  }
  return recorded;
}
