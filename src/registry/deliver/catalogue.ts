import { readClientLine } from '../../model/client-line.ts';
import { parseDependencies } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { isVersion, latestVersion, type Version } from '../../model/version.ts';

/** What search and listings need to know of one module; strings come from upstream as they are. */
export interface CatalogueEntry {
  readonly module: ModuleName;
  /** The semver maximum, prereleases and yanked ones included, as the client understands "latest". */
  readonly version: Version;
  readonly versionCount: number;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string | undefined;
  readonly repository: string | undefined;
  /** Of the latest version, and the earliest of all; ISO 8601, or '' where no line says it. */
  readonly createdAt: string;
  readonly firstCreatedAt: string;
  readonly isYanked: boolean;
  readonly yankedReason: string | null;
  /** Modules that the latest version depends on. */
  readonly dependencies: readonly string[];
}

export interface Catalogue {
  /** In the order given, which is path order. */
  readonly entries: readonly CatalogueEntry[];
  /** How many modules' latest versions depend on a module. */
  readonly dependents: ReadonlyMap<string, number>;
}

/** Deeper than any field of a real line by far. */
const maxDepth = 100;

/** One line of an index file, unknown keys included. */
export type CatalogueLine = Readonly<Record<string, unknown>> & { readonly version: Version };

/** The lines of an index file by version; of two lines for one version the last counts (moon-protocol §2.5). */
export function readIndexLines(file: Buffer): Map<Version, CatalogueLine> {
  const lines = new Map<Version, CatalogueLine>();
  for (const text of file.toString('utf8').split('\n')) {
    const line = parseLine(text);
    if (line) lines.set(line.version, line);
  }
  return lines;
}

function parseLine(text: string): CatalogueLine | undefined {
  if (text.trim() === '') return undefined;
  const value = readJson(text);
  return isCatalogueLine(value) ? withoutDeepFields(value) : undefined;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What only the client's parser takes, with comments for example: what it reads of it is all there is to tell.
    const read = readClientLine(text);
    return read.kind === 'line'
      ? { version: read.line.version, checksum: read.line.checksum, deps: Object.fromEntries(read.line.deps) }
      : undefined;
  }
}

/** Clients ignore such fields whatever their depth, but `JSON.stringify` is recursive. */
function withoutDeepFields(line: CatalogueLine): CatalogueLine {
  const deep = Object.keys(line).filter((key) => isDeeperThan(maxDepth, line[key]));
  if (deep.length === 0) return line;
  return Object.fromEntries(Object.entries(line).filter(([key]) => !deep.includes(key))) as CatalogueLine;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

function isCatalogueLine(value: unknown): value is CatalogueLine {
  return typeof value === 'object' && value !== null && 'version' in value && isVersion(value.version);
}

/** `undefined` for a file without a usable line. */
export function summarise(module: ModuleName, file: Buffer): CatalogueEntry | undefined {
  const lines = readIndexLines(file);
  const version = latestVersion(lines.keys());
  const latest = version === undefined ? undefined : lines.get(version);
  if (version === undefined || !latest) return undefined;
  const dates = [...lines.values()]
    .map((line) => textOf(line.created_at) ?? '')
    .filter((date) => date !== '');
  return {
    module,
    version,
    versionCount: lines.size,
    description: textOf(latest.description) ?? '',
    keywords: Array.isArray(latest.keywords)
      ? latest.keywords.filter((word) => typeof word === 'string')
      : [],
    license: textOf(latest.license),
    repository: textOf(latest.repository),
    createdAt: textOf(latest.created_at) ?? '',
    firstCreatedAt: dates.toSorted()[0] ?? '',
    ...yankOf(latest),
    dependencies: parseDependencies(latest.deps).map((dependency) => dependency.module),
  };
}

export function yankOf(line: CatalogueLine): { isYanked: boolean; yankedReason: string | null } {
  return { isYanked: line.yanked === true, yankedReason: textOf(line.yanked_reason) ?? null };
}

export function buildCatalogue(entries: readonly CatalogueEntry[]): Catalogue {
  const dependents = new Map<string, number>();
  for (const { dependencies } of entries)
    for (const module of dependencies) dependents.set(module, (dependents.get(module) ?? 0) + 1);
  return { entries, dependents };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
