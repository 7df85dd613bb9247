import { type ModuleName, moduleNameProblem } from '../model/module-name.ts';

/** The aggregated index, which clients clone. */
export const servedRef = 'refs/heads/main';
/** The commit point: what the registry serves and knows. */
export const stateRef = 'refs/registry/state';

/**
 * Where things stand in the git trees: `user/OWNER/REST.index` in every index (moon_dir.rs, moon-protocol §2.3),
 * and the same path below `ledger/ORIGIN/` in the state, so that a listing of names alone tells each origin.
 */
export const userFolder = 'user';
const prefix = `${userFolder}/`;
const suffix = '.index';

/** Whether a file of this name is an index file, where it stands below `userFolder`. */
export function isIndexFileName(name: string): boolean {
  return name.endsWith(suffix);
}

export function indexPathOf(module: ModuleName): string {
  return `${prefix}${module}${suffix}`;
}

export type IndexPath =
  | { readonly kind: 'module'; readonly module: ModuleName }
  /** An index file by its place and ending, whose name cannot be a module's. */
  | { readonly kind: 'refused'; readonly text: string; readonly reason: string }
  | { readonly kind: 'other' };

export function readIndexPath(path: string): IndexPath {
  if (!path.startsWith(prefix) || !path.endsWith(suffix)) return { kind: 'other' };
  const text = path.slice(prefix.length, -suffix.length);
  const reason = moduleNameProblem(text);
  return reason === undefined
    ? { kind: 'module', module: text as ModuleName }
    : { kind: 'refused', text, reason };
}

export const ledgerFolder = 'ledger';

export function ledgerPathOf(origin: string, module: ModuleName): string {
  return `${ledgerFolder}/${origin}/${indexPathOf(module)}`;
}

/** Index files as they would be served if nothing of them were blocked, where some of it has left the index for that. */
export const unblockedFolder = 'unblocked';

export function unblockedPathOf(module: ModuleName): string {
  return `${unblockedFolder}/${indexPathOf(module)}`;
}

/** The tree of a source's last good snapshot, inside the state. */
export function snapshotPathOf(source: string): string {
  return `sources/${source}`;
}

/** The tree of a reading of a source that is held back. */
export function heldPathOf(source: string): string {
  return `held/${source}`;
}

/** Who has published each version of the modules that are hosted here. */
const publishersFolder = 'publishers';

export function publishersPathOf(module: ModuleName): string {
  return `${publishersFolder}/${indexPathOf(module)}`;
}

/** What waits to be approved before it is published here. */
export const stagedFile = 'staged.jsonl';
