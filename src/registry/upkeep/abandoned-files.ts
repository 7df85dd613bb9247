import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbandonedUpload, ArchiveUpkeep } from '../../archives/archive-store.ts';
import { ifExists, onDisk } from '../../support/disk/disk-errors.ts';
import { findAbandoned, removeFiles } from '../../support/disk/temporary-file.ts';
import type { DataLayout } from '../data-layout.ts';
import { markerFolder } from './registry-marker.ts';

/** What killed processes left of files in the making, in every folder of a registry where we write files, and in its stores. */
export async function findAbandonedFiles(
  directory: string,
  dataDir: string,
  layout: DataLayout,
  stores: readonly Pick<ArchiveUpkeep, 'findAbandoned'>[],
): Promise<AbandonedUpload[]> {
  const nested = await Promise.all([layout.assets, layout.sources].map(foldersIn));
  const folders = [
    directory,
    markerFolder(directory),
    dataDir,
    layout.locks,
    layout.packs,
    layout.symbols,
    layout.assets,
    layout.shortTokens,
    layout.burnedTokens,
    ...nested.flat(),
  ];
  const files = folders.map(async (folder) => (await findAbandoned(folder)).map(toAbandoned));
  const found = (await Promise.all([...stores.map((store) => store.findAbandoned()), ...files])).flat();
  const byPlace = new Map(found.map((one) => [one.place, one]));
  return [...byPlace.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
}

const toAbandoned = (place: string): AbandonedUpload => ({ place, remove: () => removeFiles([place]) });

async function foldersIn(folder: string): Promise<string[]> {
  const listing = onDisk(`read ${folder}`, () => ifExists(readdir(folder, { withFileTypes: true })));
  const entries = (await listing) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}
