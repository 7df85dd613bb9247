import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findAbandonedArchives } from '../../archives/file-archive-store.ts';
import { ifExists, onDisk } from '../../support/disk/disk-errors.ts';
import { findAbandoned } from '../../support/disk/temporary-file.ts';
import type { DataLayout } from '../data-layout.ts';
import { markerFolder } from './registry-marker.ts';

/** What killed processes left of files in the making, in every folder of a registry where we write files. */
export async function findAbandonedFiles(
  directory: string,
  dataDir: string,
  layout: DataLayout,
): Promise<string[]> {
  const nested = await Promise.all([layout.assets, layout.sources].map(foldersIn));
  const folders = [
    directory,
    markerFolder(directory),
    dataDir,
    layout.locks,
    layout.answers,
    layout.symbols,
    layout.assets,
    ...nested.flat(),
  ];
  const found = await Promise.all([findAbandonedArchives(layout.packages), ...folders.map(findAbandoned)]);
  return [...new Set(found.flat())].sort();
}

async function foldersIn(folder: string): Promise<string[]> {
  const listing = onDisk(`read ${folder}`, () => ifExists(readdir(folder, { withFileTypes: true })));
  const entries = (await listing) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}
