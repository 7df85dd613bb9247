import { resolve } from 'node:path';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { compareVersions, compatibilitySet, latestVersion, type Version } from '../../model/version.ts';
import type { ServedIndex } from '../deliver/served-index.ts';
import { readOrigins } from '../sync/find-facts.ts';
import { type Closure, type Requirement, selectForProject, toolchainModule } from './dependency-closure.ts';
import { locateManifest, readProject } from './project-requirements.ts';

/** A requirement of a project for which something newer is served. */
interface OutdatedDependency {
  readonly module: ModuleName;
  /** The version that the project states. */
  readonly wanted: Version;
  /** What a client builds with. */
  readonly selected: Version;
  readonly latest: Version;
  readonly origin: string | undefined;
}

export interface OutdatedReport {
  /** Absolute path of the project's manifest. */
  readonly project: string;
  /** How many of its requirements were looked up here: neither paths, nor what the toolchain brings along. */
  readonly requirements: number;
  readonly outdated: readonly OutdatedDependency[];
  /** Requirements that nothing served satisfies. */
  readonly unsatisfied: readonly {
    readonly module: string;
    readonly wanted: string;
    /** The end of a sentence: "is not served". */
    readonly reason: string;
  }[];
}

interface Tools {
  readonly index: GitIndex;
  readonly served: Pick<ServedIndex, 'readFile'>;
}

/** For what a project requires something newer is served, and what of it nothing served satisfies. */
export async function findOutdated({ index, served }: Tools, path: string): Promise<OutdatedReport> {
  const project = resolve(await locateManifest(path));
  const requirements = distinct((await readProject(project)).filter(isLookedUp));
  const known = new Map<ModuleName, Promise<readonly IndexEntry[] | undefined>>();
  const entriesOf = (module: ModuleName) => {
    const entries = known.get(module) ?? readEntries(served, module);
    known.set(module, entries);
    return entries;
  };
  const closure = await selectForProject(requirements, entriesOf);
  const originOf = await readOrigins(index, (await index.state()).commit);
  const outdated: OutdatedDependency[] = [];
  const unsatisfied: OutdatedReport['unsatisfied'][number][] = [];
  for (const { dependency } of requirements) {
    const { module, requirement: wanted, written } = dependency;
    const entries = isModuleName(module) ? await entriesOf(module) : undefined;
    const fail = (reason: string) => unsatisfied.push({ module, wanted: wanted ?? written, reason });
    if (!isModuleName(module) || !entries) fail('is not served');
    else if (wanted === undefined) fail('is required without a version');
    else {
      const selected = selectedFor(module, wanted, closure);
      const latest = latestVersion(entries.map(({ version }) => version));
      if (selected === undefined || latest === undefined)
        fail('has no such version, nor a compatible higher one');
      else if (compareVersions(latest, selected) > 0)
        outdated.push({ module, wanted, selected, latest, origin: originOf(module) });
    }
  }
  return { project, requirements: requirements.length, outdated, unsatisfied };
}

/** What is required as a dependency and as a binary dependency alike is told once. */
function distinct(requirements: readonly Requirement[]): Requirement[] {
  const keyOf = ({ dependency: { module, requirement } }: Requirement) => `${module} ${requirement}`;
  return [...new Map(requirements.map((one) => [keyOf(one), one])).values()];
}

/** Paths and repositories stand for themselves, and the toolchain brings its own module along. */
function isLookedUp({ dependency: { module, requirement, written } }: Requirement): boolean {
  const isElsewhere = requirement === undefined && /"(?:path|git)":/.test(written);
  return module !== toolchainModule && !isElsewhere;
}

async function readEntries(
  served: Tools['served'],
  module: ModuleName,
): Promise<readonly IndexEntry[] | undefined> {
  const file = await served.readFile(module);
  return file && parseIndexFile(file).lines.map(({ entry }) => entry);
}

/** What is built with of the compatibility set that is wanted: another requirement may have raised it. */
function selectedFor(module: ModuleName, wanted: Version, { selected }: Closure): Version | undefined {
  const versions = [...(selected.get(module)?.keys() ?? [])];
  return versions.find((version) => compatibilitySet(version) === compatibilitySet(wanted));
}
