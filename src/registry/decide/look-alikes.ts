import { foldName } from '../../model/fold-name.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Decision, LocatedFacts } from './decide-origin.ts';
import type { PlannedChange } from './planned-change.ts';
import type { Policy } from './policy.ts';

/** A name that may not stand beside another one. */
export interface LookAlike {
  readonly module: ModuleName;
  readonly origin: string;
  readonly of: { readonly name: ModuleName; readonly source: string };
}

/** What was planned of one path; of one that is no module's, or could not be planned, nothing. */
export interface Planned {
  readonly change?: Pick<PlannedChange, 'served'> | undefined;
  readonly located?: LocatedFacts | undefined;
  readonly decision?: Decision | undefined;
}

export interface Named {
  readonly module: ModuleName;
  readonly origin: string;
  /** The ledger's file; of a new name, none. */
  readonly ledger: string | undefined;
}

/** Which names have to be compared with all others. */
export interface Suspects {
  /** Names that this plan gives to somebody for the first time. */
  readonly fresh: readonly Named[];
  /** Whether there can be a look-alike of what has been folded like this. */
  readonly isWanted: (folded: string) => boolean;
}

/**
 * Names that may look like others: where not `isWhole`, those that are new, that come back, or that gave way before (`earlier`).
 * `undefined` where there are none, so that nobody need look through the whole index.
 */
export function findSuspects(
  planned: readonly Planned[],
  earlier: readonly string[],
  isWhole: boolean,
): Suspects | undefined {
  const fresh = planned.flatMap(({ located, decision }): Named[] =>
    located && located.recorded === undefined && decision?.origin !== undefined && decision.file !== undefined
      ? [{ module: located.module, origin: decision.origin, ledger: undefined }]
      : [],
  );
  if (isWhole) return { fresh, isWanted: () => true };
  const returning = planned.flatMap(({ located, change }) =>
    located && located.served === undefined && change?.served !== undefined ? [located.module] : [],
  );
  const names = [...fresh.map(({ module }) => module), ...earlier, ...returning];
  if (names.length === 0) return undefined;
  const wanted = new Set(names.map(foldName));
  return { fresh, isWanted: (folded) => wanted.has(folded) };
}

/** Names that are equal after folding and have different origins, by group. */
export function groupLookAlikes(recorded: readonly Named[], { fresh, isWanted }: Suspects): Named[][] {
  const groups = new Map<string, Named[]>();
  for (const named of [...recorded, ...fresh]) {
    const key = foldName(named.module);
    if (!isWanted(key)) continue;
    const group = groups.get(key);
    if (group) group.push(named);
    else groups.set(key, [named]);
  }
  return [...groups.values()].filter((group) => new Set(group.map(({ origin }) => origin)).size > 1);
}

/**
 * Those of a group that give way: the most trusted origin's stay, of equals the one first seen. Names of one origin pass, and so
 * does what the operator has accepted. `firstSeen`: when the first version of each was pinned; `undefined` for a new name, which
 * comes after all others.
 */
export function chooseLookAlikes(
  group: readonly { readonly named: Named; readonly firstSeen: string | undefined }[],
  { sources, acceptedNames }: Policy,
): LookAlike[] {
  const ranked = group.map(({ named, firstSeen = '~' }) => {
    const position = sources.findIndex(({ name }) => name === named.origin);
    return { named, firstSeen, position, priority: sources[position]?.priority ?? Number.POSITIVE_INFINITY };
  });
  ranked.sort(
    (a, b) =>
      a.priority - b.priority ||
      (a.firstSeen < b.firstSeen ? -1 : a.firstSeen > b.firstSeen ? 1 : a.position - b.position),
  );
  const winner = ranked[0]?.named;
  if (!winner) return [];
  return group
    .filter(({ named: { module, origin } }) => origin !== winner.origin && !acceptedNames.includes(module))
    .map(({ named: { module, origin } }) => ({
      ...{ module, origin },
      of: { name: winner.module, source: winner.origin },
    }));
}
