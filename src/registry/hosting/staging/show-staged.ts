import type { ArchiveStore } from '../../../archives/archive-store.ts';
import type { StagedArchives } from '../../../archives/staged-archives.ts';
import { parseIndexFile } from '../../../index/index-file.ts';
import type { StagingRecord } from '../../../index/staged-file.ts';
import type { Checksum } from '../../../model/checksum.ts';
import type { IndexEntry } from '../../../model/index-entry.ts';
import { formatManifestFields } from '../../../model/manifest-text.ts';
import { compareVersions, latestVersion } from '../../../model/version.ts';
import type { ArchiveRules } from '../archive-rules.ts';
import { bytesInMemory } from '../byte-source.ts';
import { checkArchive } from '../check-archive.ts';
import type { HostedModules } from '../hosted-modules.ts';
import { compareDependencies, compareFiles } from './compare-versions.ts';
import { readStaged } from './read-staged.ts';
import type { PreviousVersion, StagedModule } from './staging.ts';

export interface ShowParts {
  readonly staged: StagedArchives;
  /** What is published. */
  readonly archives: Pick<ArchiveStore, 'read'>;
  readonly modules: HostedModules;
  readonly rules: ArchiveRules;
}

/** Looks into an archive that waits. Throws `StorageError` where it is not as it came. */
export async function showStaged(
  { staged, archives, modules, rules }: ShowParts,
  { id }: Pick<StagingRecord, 'id'>,
  { module, version, checksum, sizeBytes }: StagingRecord['versions'][number],
): Promise<StagedModule> {
  const bytes = await readStaged(staged, { id, module, version, checksum });
  const check = await checkArchive(bytesInMemory(bytes), rules);
  const facts = { module, version, checksum, sizeBytes, archive: staged.locate(checksum) };
  if (check.kind === 'refused') return { ...facts, files: [], manifest: '{}', problems: check.problems };
  const { manifest, files, digests } = check.archive;
  const entry = await findPrevious(modules, { module, version });
  const previous = entry && (await compareWith(entry, archives, rules, { manifest, digests }));
  return {
    ...{ ...facts, files, problems: check.problems },
    manifest: formatManifestFields(manifest.fields),
    ...(previous && { previous }),
  };
}

async function findPrevious(
  modules: HostedModules,
  { module, version }: Pick<StagedModule, 'module' | 'version'>,
): Promise<IndexEntry | undefined> {
  const entries = parseIndexFile(await modules.readLines(module)).lines.map(({ entry }) => entry);
  const lower = entries.filter((one) => compareVersions(one.version, version) < 0);
  const highest = latestVersion(lower.map((one) => one.version));
  return lower.find((one) => one.version === highest);
}

async function compareWith(
  entry: IndexEntry,
  archives: Pick<ArchiveStore, 'read'>,
  rules: ArchiveRules,
  after: {
    readonly manifest: Pick<IndexEntry, 'dependencies' | 'binDependencies'>;
    readonly digests: ReadonlyMap<string, string>;
  },
): Promise<PreviousVersion> {
  const before = await digestsOf(archives, entry.checksum, rules);
  return {
    version: entry.version,
    dependencies: compareDependencies(entry, after.manifest),
    ...(before && { files: compareFiles(before, after.digests) }),
  };
}

/** What was published under other rules may not be readable under these. */
async function digestsOf(
  archives: Pick<ArchiveStore, 'read'>,
  checksum: Checksum,
  rules: ArchiveRules,
): Promise<ReadonlyMap<string, string> | undefined> {
  const bytes = await archives.read(checksum);
  const check = bytes && (await checkArchive(bytesInMemory(bytes), rules));
  return check?.kind === 'accepted' ? check.archive.digests : undefined;
}
