/**
 * Whether a registry's data are there, were never there, or ought to be there and are not: only where they never were may
 * new ones be begun, since a new beginning pins and gives origins anew.
 */
import { lstat, readlink, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { findAnyArchive } from '../../archives/archive-folders.ts';
import { StorageError } from '../../errors.ts';
import { type IndexStanding, lookAtIndex, problemOf } from '../../index/index-standing.ts';
import { restoreHint } from '../../index/restore-hint.ts';
import { ifExists, storageErrorOf } from '../../support/disk/disk-errors.ts';
import { namesIn } from '../../support/disk/names-in.ts';
import { shellLine } from '../../support/shell.ts';
import { dataLayout } from '../data-layout.ts';
import { forgetLine, hasMarker, type RegistryMarker, readMarker } from './registry-marker.ts';

export type DataStanding =
  | { readonly kind: 'there' }
  /** Nothing is there, and nothing says that there ever was. */
  | { readonly kind: 'none' }
  /** `isGone`: as a whole, so that to begin anew could be meant. */
  | { readonly kind: 'lost'; readonly isGone: boolean; readonly error: StorageError };

/** What the data folder shows. */
export interface DataFacts {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly dataDir: string;
  readonly index: IndexStanding;
  readonly marker: RegistryMarker | undefined;
  /** There is one, and what it says cannot be told. */
  readonly isMarkerUnreadable: boolean;
  /** Whether there is an index where the marker says that the data were last. */
  readonly isElsewhere: boolean;
  /** Something below the data folder that only a registry with an index leaves; its path there. */
  readonly trace: string | undefined;
  /** Where the data folder leads to, if it is a link to nothing. */
  readonly deadLink: string | undefined;
}

/**
 * Throws `StorageError` where the disk does not say, as for data of another user. `isNew`: the settings are, so what the
 * folder is marked with is about others.
 */
export async function lookAtData(
  directory: string,
  dataDir: string,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<DataStanding> {
  const index = await lookAtIndex(join(dataDir, 'index'));
  if (index.kind === 'whole') return { kind: 'there' };
  const marker = isNew ? undefined : await readMarker(directory);
  const isMarkerUnreadable = !isNew && marker === undefined && (await hasMarker(directory));
  const deadLink = await findDeadLink(dataDir);
  const isMoved = marker !== undefined && marker.dataDir !== dataDir;
  const isElsewhere =
    isMoved && (await lookAtIndex(join(marker.dataDir, 'index')).catch(() => undefined))?.kind === 'whole';
  const trace = await findTrace(dataDir);
  return judgeData({
    ...{ directory, dataDir, index, marker, isMarkerUnreadable, isElsewhere, trace, deadLink },
  });
}

export function judgeData(facts: DataFacts): DataStanding {
  const { directory, dataDir, index, marker, trace, deadLink } = facts;
  const place = join(dataDir, 'index');
  if (index.kind === 'whole') return { kind: 'there' };
  if (index.kind !== 'absent') {
    const error = problemOf(place, index) ?? new StorageError(`${place} cannot be used`);
    return { kind: 'lost', isGone: false, error };
  }
  if (deadLink !== undefined)
    return lost(false, `${dataDir} is a link to ${deadLink}, which is not there`, {
      hint: `is its volume mounted? Else make the folder: ${shellLine`mkdir -p ${deadLink}`}`,
    });
  if (trace !== undefined)
    return lost(true, `the index is damaged: ${dataDir} holds ${trace} of a registry, but ${place} is gone`, {
      hint: `is its volume mounted? Else ${restoreHint}. ${beginAnew(facts)}`,
    });
  if (facts.isMarkerUnreadable)
    return lost(true, `${dataDir} has no data, and what tells whether there were some cannot be read`, {
      hint: `is its volume mounted? ${beginAnew(facts)}`,
    });
  if (marker === undefined) return { kind: 'none' };
  if (facts.isElsewhere)
    return lost(true, `the data of this registry are in ${marker.dataDir}, and ${dataDir} has none`, {
      hint: `stop what runs there and move them (${shellLine`mv ${marker.dataDir} ${dataDir}`}), or go back: ${shellLine`moonbit-registry -d ${directory} config registry.data_dir ${marker.dataDir}`}. ${beginAnew(facts)}`,
    });
  return lost(true, `${dataDir} has no data, and this registry had some: its volume may not be mounted`, {
    hint: `mount it; else ${restoreHint}. ${beginAnew(facts)}`,
  });
}

/** The data are those of another registry than `registry.toml` had before. */
export function othersData(directory: string, dataDir: string): StorageError {
  return new StorageError(`the data in ${dataDir} are those of another registry than the one that was here`, {
    hint: `mount the right volume, or set registry.data_dir; to take these from now on: ${forgetLine(directory)}`,
  });
}

function beginAnew({ directory, dataDir, marker, isMarkerUnreadable, trace }: DataFacts): string {
  const lines = [
    ...(trace === undefined ? [] : [shellLine`mv ${dataDir} ${`${dataDir}.lost`}`]),
    ...(marker === undefined && !isMarkerUnreadable ? [] : [forgetLine(directory)]),
  ];
  return `To begin anew all the same: ${lines.join(' && ')}`;
}

function lost(isGone: boolean, message: string, options: { readonly hint: string }): DataStanding {
  return { kind: 'lost', isGone, error: new StorageError(message, options) };
}

async function findDeadLink(dataDir: string): Promise<string | undefined> {
  return atData(dataDir, async () => {
    if (!(await ifExists(lstat(dataDir)))?.isSymbolicLink() || (await ifExists(stat(dataDir))))
      return undefined;
    return readlink(dataDir);
  });
}

/** Files that are written once there is an index, and never before. */
const traces = ['audit.jsonl', 'observations.json', 'mirrored.txt'];

async function findTrace(dataDir: string): Promise<string | undefined> {
  const names = await namesIn(dataDir);
  const known = traces.find((name) => names.includes(name));
  if (known !== undefined) return known;
  const archive = await findAnyArchive(dataLayout(dataDir).packages);
  return archive && relative(dataDir, archive);
}

async function atData<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageErrorOf(`look at ${place}`, error);
  }
}
