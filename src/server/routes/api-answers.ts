/** The shapes of `/api/v0` (moon-protocol §7), built from what the index says. Counts nobody told us are 0. */
import type { FindingFacts } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { ownerOf } from '../../model/module-name.ts';
import { compareVersions, latestVersion, type Version } from '../../model/version.ts';
import {
  type Catalogue,
  type CatalogueEntry,
  readIndexLines,
  yankOf,
} from '../../registry/deliver/catalogue.ts';
import type { Explanation } from '../../registry/sync/explain.ts';

// The official site's decoder refuses a listing without a date.
const unknownDate = '1970-01-01T00:00:00.000000+00:00';

export function describeModule(entry: CatalogueEntry) {
  return {
    name: entry.module,
    version: entry.version,
    description: entry.description,
    keywords: entry.keywords,
    is_new: entry.versionCount === 1,
    created_at: entry.createdAt === '' ? unknownDate : entry.createdAt,
    repository: entry.repository ?? '',
    license: entry.license ?? '',
  };
}

export function describeMatch(entry: CatalogueEntry) {
  return {
    name: entry.module,
    version: entry.version,
    description: entry.description,
    matched_package_count: 0,
    matched_packages: [],
  };
}

export function describeStatistics(catalogue: Catalogue) {
  return {
    total_modules: catalogue.entries.length,
    total_versions: catalogue.entries.reduce((sum, entry) => sum + entry.versionCount, 0),
    total_packages: 0,
    total_lines: 0,
    total_downloads: 0,
  };
}

/**
 * What anybody may know of it, and nothing that is not named here: of findings no messages, which may say what a source said;
 * of decisions not whose they are; of what is waited for, no failure.
 */
export function describeExplanation(explanation: Explanation) {
  const { module, version, isServed, origin, rule, because, sources } = explanation;
  const { pin, isCached, versions, findings, heldBack, blocks } = explanation;
  return {
    ...{ module, version, isServed, origin, rule, because, sources, pin, isCached, versions },
    ...(heldBack && {
      heldBack: {
        since: heldBack.since,
        waitsFor: heldBack.waitsFor.map(({ source, failureClass }) => ({ source, class: failureClass })),
      },
    }),
    blocks: blocks.map(({ module, version, reason, at, isWithdrawn }) => {
      return { module, version, reason, at, ...(isWithdrawn && { isWithdrawn }) };
    }),
    findings: findings.map(({ kind, module, version, source, pinned, offered, foundAt }: FindingFacts) => {
      return { kind, module, version, source, pinned, offered, foundAt };
    }),
  };
}

/** `undefined` for an owner without a served module. */
export function describeUser(catalogue: Catalogue, username: string) {
  const owned = catalogue.entries.filter(({ module }) => ownerOf(module) === username);
  if (owned.length === 0) return undefined;
  return {
    username,
    modules: owned.map((entry) => ({
      name: entry.module,
      version: entry.version,
      yanked: entry.isYanked,
      yanked_reason: entry.yankedReason,
    })),
  };
}

/**
 * One version of a module, the latest unless `version` names another; `undefined` if it is not listed. `name` is
 * the module or a package path below it, as asked.
 */
export function describeManifest(
  module: ModuleName,
  name: string,
  file: Buffer,
  version: string | undefined,
) {
  const lines = readIndexLines(file);
  const versions = [...lines.keys()].sort((a, b) => compareVersions(b, a));
  const latest = latestVersion(versions);
  const chosen = lines.get((version ?? latest) as Version);
  if (!chosen) return undefined;
  return {
    module,
    name,
    version: chosen.version,
    latest_version: latest,
    downloads: 0,
    has_package: false,
    build_status: null,
    metadata: chosen,
    versions: [...lines.values()]
      .sort((a, b) => compareVersions(b.version, a.version))
      .map((line) => {
        const { isYanked, yankedReason } = yankOf(line);
        return { version: line.version, yanked: isYanked, yanked_reason: yankedReason, build_status: null };
      }),
  };
}
