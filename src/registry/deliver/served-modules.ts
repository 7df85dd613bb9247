import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { StateView } from '../../index/state-view.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';
import { latestVersion, type Version } from '../../model/version.ts';
import { batches } from '../../support/flow/batches.ts';
import { readOrigins } from '../sync/find-facts.ts';
import { createPresence } from './presence.ts';

/** One module of the served index. */
export interface ListedModule {
  readonly module: ModuleName;
  /** The highest version, prereleases and yanked ones included, as the client understands "latest". */
  readonly latest: Version;
  /** How many there are. */
  readonly versions: number;
  /** Where it comes from, as recorded. */
  readonly origin: string | undefined;
  /** Of how many of these versions the archive is here. */
  readonly cached: number;
}

export interface ListOptions {
  /** Only modules that one of these matches; without any, all. */
  readonly patterns?: readonly string[] | undefined;
  /** Only versions whose archives are here, and modules that have such: `latest` and `versions` are about those. */
  readonly cachedOnly?: boolean | undefined;
}

interface Tools {
  readonly index: GitIndex;
  readonly archives: ArchiveStore;
}

/** Index files that are read at a time: keeps git's pipe full, and few of them in memory. */
const readAtOnce = 64;
/** Most modules have fewer versions: what tells a few questions to the store from many. */
const usualVersions = 8;

/** The served index of one state, module by module in path order. */
export async function* listServed(
  { index, archives }: Tools,
  { patterns = [], cachedOnly = false }: ListOptions = {},
): AsyncGenerator<ListedModule> {
  const state = await index.state();
  const wanted = (await servedModules(index, state)).filter(
    ({ module }) => patterns.length === 0 || matchesAny(patterns, module),
  );
  if (wanted.length === 0) return;
  const originOf = await readOrigins(index, state.commit);
  const isHere = await createPresence(archives, wanted.length * usualVersions);
  for (const batch of batches(wanted, readAtOnce)) {
    const listed = await Promise.all(
      batch.map(async ({ module, id }) => {
        const versions = await readVersions(index, id);
        const cached = await keepCached(versions, isHere);
        return summarise(module, originOf(module), cachedOnly ? cached : versions, cached.size);
      }),
    );
    for (const one of listed) if (one) yield one;
  }
}

async function servedModules(
  index: GitIndex,
  { served }: StateView,
): Promise<{ readonly module: ModuleName; readonly id: string }[]> {
  return [...(await index.list(served))].flatMap(([path, id]) => {
    const target = readIndexPath(path);
    return target.kind === 'module' ? [{ module: target.module, id }] : [];
  });
}

/** Of two lines for one version the last counts, as for clients. */
async function readVersions(index: GitIndex, id: string): Promise<Map<Version, Checksum>> {
  const { lines } = parseIndexFile((await index.read(id)) ?? Buffer.alloc(0));
  return new Map(lines.map(({ entry }) => [entry.version, entry.checksum]));
}

async function keepCached(
  versions: ReadonlyMap<Version, Checksum>,
  isHere: (checksum: Checksum) => boolean | Promise<boolean>,
): Promise<Map<Version, Checksum>> {
  const cached = new Map<Version, Checksum>();
  for (const [version, checksum] of versions) if (await isHere(checksum)) cached.set(version, checksum);
  return cached;
}

/** `undefined` where there is no version to tell of. */
function summarise(
  module: ModuleName,
  origin: string | undefined,
  versions: ReadonlyMap<Version, Checksum>,
  cached: number,
): ListedModule | undefined {
  const latest = latestVersion(versions.keys());
  return latest === undefined ? undefined : { module, latest, versions: versions.size, origin, cached };
}
