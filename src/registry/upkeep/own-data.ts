import { StorageError } from '../../errors.ts';
import { findFirstState } from '../../index/first-state.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { othersData } from './data-standing.ts';
import { readMarker, writeMarker } from './registry-marker.ts';

export interface OwnDataOptions {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly dataDir: string;
  readonly index: Pick<GitIndex, 'directory' | 'treeOf'>;
  readonly mayWrite: boolean;
}

/**
 * Throws `StorageError` where the data are another registry's than `registry.toml` had before, and notes whose they are where
 * that is not noted yet, if it can be.
 */
export async function requireOwnData({ directory, dataDir, index, mayWrite }: OwnDataOptions): Promise<void> {
  const marker = await readMarker(directory);
  // What it names may be damaged, which says nothing about whose the data are.
  const isKnown = marker !== undefined && (await index.treeOf(marker.firstState)) !== undefined;
  if (isKnown && (marker.dataDir === dataDir || !mayWrite)) return;
  if (!marker && !mayWrite) return;
  const firstState = await findFirstState(index.directory);
  if (firstState === undefined) return;
  if (marker && !isKnown && firstState !== marker.firstState) throw othersData(directory, dataDir);
  if (mayWrite) await noteData(directory, { firstState, dataDir });
}

/** Whether an index may be the one of the registry in `directory`, as far as that folder knows. */
export async function isOwnIndex(directory: string, index: string): Promise<boolean> {
  const [marker, firstState] = await Promise.all([readMarker(directory), findFirstState(index)]);
  return marker === undefined || firstState === undefined || marker.firstState === firstState;
}

/** Nothing rests on it: where it cannot be written, there is none. */
async function noteData(directory: string, marker: Parameters<typeof writeMarker>[1]): Promise<void> {
  try {
    await writeMarker(directory, marker);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}
