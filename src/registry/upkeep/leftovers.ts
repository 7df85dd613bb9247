import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../support/disk/atomic-file.ts';
import { onDisk } from '../../support/disk/disk-errors.ts';
import { namesIn } from '../../support/disk/names-in.ts';
import { withRegistryLock } from '../registry-lock.ts';
import { readObservations } from '../sync/observations.ts';

export interface LeftoverPlaces {
  /** Of a folder for each source. */
  readonly sources: string;
  /** Of `NAME.zip` and `NAME.zip.etag`. */
  readonly symbols: string;
  /** The file of observations. */
  readonly observations: string;
  /** The file by which whoever changes the registry excludes others. */
  readonly registryLock: string;
}

const sourceName = /^[a-z0-9][a-z0-9._-]*$/;

/**
 * Nothing that a source left beside the index outlives its removal (rule 11): what git fetched it with, its symbols, when it
 * was read. What is served of it, and its pins, are in the index and stay.
 */
export async function removeLeftovers(
  places: LeftoverPlaces,
  configured: ReadonlySet<string>,
): Promise<void> {
  const isLeft = (name: string | undefined) =>
    name !== undefined && sourceName.test(name) && !configured.has(name);
  const { sources, symbols } = places;
  for (const name of await namesIn(sources)) if (isLeft(name)) await remove(join(sources, name));
  for (const file of await namesIn(symbols))
    if (isLeft(/^(.*)\.zip(\.etag)?$/.exec(file)?.[1])) await remove(join(symbols, file));
  if (Object.keys(await readObservations(places.observations)).some(isLeft)) await forget(places, isLeft);
}

async function forget(
  { observations: file, registryLock }: LeftoverPlaces,
  isLeft: (name: string) => boolean,
): Promise<void> {
  await withRegistryLock({ registryLock }, async () => {
    const kept = Object.entries(await readObservations(file)).filter(([name]) => !isLeft(name));
    await writeFileAtomic(file, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
  });
}

function remove(path: string): Promise<void> {
  return onDisk(`remove ${path}`, () => rm(path, { recursive: true, force: true }));
}
