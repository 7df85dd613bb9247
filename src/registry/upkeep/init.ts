import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { schemaFileName } from '../../config/config-file.ts';
import { addEditorSchema } from '../../config/editor-schema.ts';
import { renderNewConfig } from '../../config/template.ts';
import { StorageError } from '../../errors.ts';
import { createGitIndex } from '../../index/create-index.ts';
import { lookAtIndex } from '../../index/index-standing.ts';
import { asStorageError, onDisk } from '../../support/disk/disk-errors.ts';
import { syncDirectory } from '../../support/disk/file-system-gaps.ts';
import { makeFolder } from '../../support/disk/make-folder.ts';
import { errorCode } from '../../support/error-code.ts';
import { type DataLayout, dataLayout } from '../data-layout.ts';
import { withRegistryLock } from '../registry-lock.ts';
import { lookAtData } from './data-standing.ts';
import { forgetMarker } from './registry-marker.ts';

export interface InitResult {
  /** Absolute. */
  readonly directory: string;
  /** What was made, relative to it. */
  readonly created: readonly string[];
}

/**
 * Makes a new registry in `directory`: `registry.toml`, its schema for editors, an index that clones, a place for
 * archives. Never overwrites: a folder that has a `registry.toml` is refused, and what else is in it stays.
 */
export async function initRegistry(
  directory: string,
  options: { readonly name?: string | undefined; readonly now?: () => Date } = {},
): Promise<InitResult> {
  const root = resolve(directory);
  await makeFolder(root);
  const file = join(root, 'registry.toml');
  const layout = dataLayout(join(root, 'data'));
  const name = options.name ?? basename(root);
  const isNew = !existsSync(file);
  if (isNew) await requireData(root, layout, { isNew });
  try {
    await writeFile(file, renderNewConfig({ name }), { flag: 'wx' });
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') {
      // A full disk takes the name and not the content: the next try must not find a registry here.
      if (isNew) await rm(file, { force: true });
      throw asStorageError(`write ${file}`, cause);
    }
    throw new StorageError(`${file} exists already: nothing was changed`, {
      cause,
      hint: 'choose another folder, or go on with the registry that is there',
    });
  }
  const schema = (await addEditorSchema(root)) ? [schemaFileName] : [];
  await forgetMarker(root);
  await createData(root, layout, (options.now ?? (() => new Date()))());
  return { directory: root, created: ['registry.toml', ...schema, 'data/index', 'data/packages'] };
}

/**
 * Makes the data folder where there was none, and what is missing of it otherwise; harmless where it is all there. Throws
 * `StorageError` where there were data, and are none: see `lookAtData`.
 */
export async function createData(directory: string, layout: DataLayout, date: Date): Promise<void> {
  const isThere = await requireData(directory, layout);
  await createFolders(layout);
  if (!isThere) await withRegistryLock(layout, () => createIndex(layout, date));
}

/** Whether there are data. Throws `StorageError` where there should be some. */
export async function requireData(
  directory: string,
  layout: DataLayout,
  options?: Parameters<typeof lookAtData>[2],
): Promise<boolean> {
  const standing = await lookAtData(directory, dirname(layout.index), options);
  if (standing.kind === 'lost') throw standing.error;
  return standing.kind === 'there';
}

/** The folders of the data, without the index. */
export async function createFolders(layout: DataLayout): Promise<void> {
  for (const folder of [layout.packages, layout.assets, layout.symbols, layout.sources, layout.locks])
    await makeFolder(folder);
}

/** Made beside its place and moved there when complete: no other process, and no crash, meets half of one. */
async function createIndex({ index }: DataLayout, date: Date): Promise<void> {
  if ((await lookAtIndex(index)).kind === 'whole') return;
  const incomplete = `${index}.incomplete`;
  await onDisk(`make ${index}`, async () => {
    await rm(incomplete, { recursive: true, force: true });
    await createGitIndex(incomplete, date);
    await rename(incomplete, index).catch((cause: unknown) => refuseOccupied(index, cause));
    await syncDirectory(dirname(index));
  });
}

function refuseOccupied(place: string, cause: unknown): never {
  if (errorCode(cause) !== 'EEXIST' && errorCode(cause) !== 'ENOTEMPTY') throw cause;
  throw new StorageError(`${place} is needed, but something else is there`, { cause, hint: 'move it away' });
}
