import type { ModuleName } from '../model/module-name.ts';
import { formatLines, parsePendingLines } from './state-lines.ts';

/** What keeps one name from being decided, or from being where it would go by priority alone. */
export type Pending = {
  /** When a sync first found it so; ISO 8601, UTC. */
  readonly since: string;
} /** Not given to anybody yet: these sources, which are trusted more and may supply it, have to be read first; none: any sync. */ & (
  | { readonly kind: 'undecided'; readonly waitsFor: readonly string[] }
  /** Stays with `origin`, where it is recorded, although `source` lists it and is preferred by the settings. */
  | { readonly kind: 'contended'; readonly source: string; readonly origin: string }
);

export type PendingNames = ReadonlyMap<ModuleName, Pending>;

type Group = Pending & { readonly modules: readonly ModuleName[] };

/** Names that wait for the same stand in one line, sorted: a whole index may wait for one source. */
export function formatPending(pending: PendingNames): string {
  return formatLines(groupPending(pending));
}

/** Names that wait for the same, together; in a fixed order. */
function groupPending(pending: PendingNames): Group[] {
  const groups = new Map<string, { readonly first: Pending; readonly modules: ModuleName[] }>();
  for (const [module, reason] of pending) {
    const key = JSON.stringify(reason);
    const group = groups.get(key);
    if (group) group.modules.push(module);
    else groups.set(key, { first: reason, modules: [module] });
  }
  return [...groups.keys()].sort().flatMap((key) => {
    const group = groups.get(key);
    return group ? [{ ...group.first, modules: group.modules.sort() }] : [];
  });
}

export function parsePending(bytes: Buffer, file: string): Map<ModuleName, Pending> {
  const pending = new Map<ModuleName, Pending>();
  for (const { modules, ...reason } of parsePendingLines(bytes, file) as Group[])
    for (const module of modules) pending.set(module, reason as Pending);
  return pending;
}
