import { join } from 'node:path';
import { StorageError } from '../../errors.ts';
import { createGitIndex } from '../../index/create-index.ts';
import { type GitIndex, openGitIndex } from '../../index/git-index.ts';
import { migrate } from '../../index/migrate.ts';
import { currentFormat } from '../../index/registry-state.ts';
import { createScratch, type Scratch } from '../../index/scratch.ts';
import type { Log } from '../../support/log.ts';
import type { DataLayout } from '../data-layout.ts';
import type { OpenMode } from '../open-mode.ts';
import { withRegistryLock } from '../registry-lock.ts';
import { createData, requireData } from './init.ts';
import { requireOwnData } from './own-data.ts';

type Layout = DataLayout;

export interface DataPlace {
  /** The folder that holds `registry.toml`. */
  readonly directory: string;
  readonly dataDir: string;
  readonly layout: Layout;
}

export interface DataOptions {
  readonly mode: OpenMode;
  readonly now: () => Date;
  readonly log: Log;
  /** Where a source's index is, which data of the first format do not say. */
  readonly addressOf: (source: string) => string | undefined;
  /** Whether a failure is told already: the disk takes nothing, and what is there is served. */
  readonly isTold: (error: unknown) => boolean;
}

export interface OpenedData {
  readonly index: GitIndex;
  /** Of whoever only looks. */
  readonly scratch: Scratch | undefined;
}

/** Opens the data as the mode says. */
export async function openData(place: DataPlace, options: DataOptions): Promise<OpenedData> {
  const { directory, dataDir } = place;
  const opened =
    options.mode === 'read' ? await openToRead(place, options) : await openToWrite(place, options);
  const mayWrite = options.mode !== 'read';
  try {
    await requireOwnData({ directory, dataDir, index: opened.index, mayWrite });
    return opened;
  } catch (error) {
    opened.index.close();
    await opened.scratch?.remove();
    throw error;
  }
}

async function openToWrite({ directory, layout }: DataPlace, options: DataOptions): Promise<OpenedData> {
  // Where there are data, what cannot be made beside them is missed by nobody but who writes.
  const isThere = await requireData(directory, layout);
  try {
    await createData(directory, layout, options.now());
  } catch (error) {
    if (options.mode !== 'serve' || !isThere || !options.isTold(error)) throw error;
  }
  const index = await openGitIndex(layout.index);
  if (!(await index.isSettled())) await settle(index, layout, options);
  if ((await index.state()).format !== currentFormat) await upgrade(index, layout, options);
  return { index, scratch: undefined };
}

async function openToRead({ directory, layout }: DataPlace, { now }: DataOptions): Promise<OpenedData> {
  const isThere = await requireData(directory, layout);
  const scratch = createScratch(isThere ? join(layout.index, 'objects') : undefined);
  try {
    if (isThere) return { index: await openGitIndex(layout.index, { scratch }), scratch };
    // What nothing was synced into yet is looked at as what it would begin with.
    await scratch.make();
    const empty = join(scratch.directory, 'index');
    await createGitIndex(empty, now());
    return { index: await openGitIndex(empty, { scratch }), scratch };
  } catch (error) {
    await scratch.remove();
    throw error;
  }
}

/** Brings the data to the format of this program. Where that cannot be done, they are read as they are. */
async function upgrade(
  index: GitIndex,
  layout: Layout,
  { now, log, addressOf, isTold }: DataOptions,
): Promise<void> {
  try {
    const { format } = await index.state();
    await withRegistryLock(layout, () => migrate(index, now(), addressOf));
    log.info('the data were brought to the format of this program', { from: format, to: currentFormat });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (!isTold(error)) log.warn('the data could not be brought to the format of this program', { error });
  }
}

/** Puts right what a killed process left. Where that cannot be done, what is there is served as it is. */
async function settle(index: GitIndex, layout: Layout, { log, isTold }: DataOptions): Promise<void> {
  try {
    await withRegistryLock(layout, () => index.settle());
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (!isTold(error)) log.warn('the served index could not be brought up to the state', { error });
  }
}
