import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pMap from 'p-map';
import type { Config, SourceConfig } from '../config/config.ts';
import { ConfigError, NotFoundError, UnavailableError, UsageError } from '../errors.ts';
import { indexPathOf, readIndexPath } from '../index/layout.ts';
import type { IndexEntry } from '../model/index-entry.ts';
import type { ModuleName } from '../model/module-name.ts';
import { matchesAny } from '../model/pattern.ts';
import { parseProjectManifest } from '../model/project-manifest.ts';
import { latestVersion } from '../model/version.ts';
import { suggest } from '../support/suggest.ts';
import type { Requirement } from './dependency-closure.ts';
import type { WholeIndex } from './module-facts.ts';
import type { MirrorOptions, MirrorReport, SourceRefresh } from './reports.ts';
import type { Resolver } from './resolve-module.ts';

/** What the caller asked to mirror, before dependencies. */
export interface Selection {
  readonly roots: ReadonlyMap<ModuleName, readonly IndexEntry[]>;
  readonly skipped: MirrorReport['skipped'];
}

/** How many modules are read at a time: bounds memory, and keeps git's pipe full. */
const concurrency = 512;

/** The source to mirror from. Throws where nothing could come from it. */
export function chooseSource(config: Config, name: string | undefined): SourceConfig {
  const wanted = name ?? config.defaultSource;
  const names = config.sources.map((source) => source.name);
  const source = config.sources.find((candidate) => candidate.name === wanted);
  const configured = `configured sources: ${names.join(', ')}`;
  if (!source) {
    const guess = suggest(wanted, names);
    throw new NotFoundError(`there is no source "${wanted}"; ${configured}`, {
      hint: guess === undefined ? undefined : `did you mean "${guess}"?`,
    });
  }
  if (!source.enabled)
    throw new NotFoundError(`source "${wanted}" is disabled; ${configured}`, {
      hint: `run "moonbit-registry source enable ${wanted}", or choose another with --source`,
    });
  return source;
}

/** The patterns in force: those typed, `*` for `--full`, else `[mirror] packages`. */
export function choosePatterns(options: MirrorOptions, config: Config): readonly string[] {
  if (options.full && options.patterns.length > 0)
    throw new UsageError('give patterns or --full, not both: --full takes every module');
  if (options.full) return ['*'];
  if (options.patterns.length > 0) return options.patterns;
  if (config.mirror.packages.length > 0) return config.mirror.packages;
  throw new UsageError('nothing to mirror: give patterns such as "moonbitlang/*", --full or --from PROJECT', {
    hint: 'or list patterns under [mirror] packages in registry.toml',
  });
}

export async function selectByPatterns(
  patterns: readonly string[],
  source: SourceConfig,
  options: MirrorOptions,
  whole: WholeIndex,
  resolver: Resolver,
  refresh: readonly SourceRefresh[],
): Promise<Selection> {
  const reading = refresh.find((candidate) => candidate.source === source.name);
  if (reading?.outcome === 'never-read')
    throw new UnavailableError(`cannot read the index of source "${source.name}": ${reading.detail ?? ''}`, {
      hint: `run "moonbit-registry source check ${source.name}"`,
    });
  const listed = await listedModules(source.name, whole);
  const matching = listed.filter((module) => matchesAny(patterns, module));
  assertEachPatternMatches(patterns, listed, source.name);

  const roots = new Map<ModuleName, readonly IndexEntry[]>();
  const skipped: MirrorReport['skipped'][number][] = [];
  const resolve = async (module: ModuleName) => {
    const { decision, entries } = await resolver.resolve(module);
    return { module, origin: decision.origin, entries: options.latest ? latestOf(entries) : entries };
  };
  for (const { module, origin, entries } of await pMap(matching, resolve, { concurrency })) {
    if (origin === source.name) roots.set(module, entries);
    else if (origin === undefined) skipped.push({ module, origin, reason: 'its origin is undecided' });
    else skipped.push({ module, origin, reason: `served from "${origin}"` });
  }
  return { roots, skipped };
}

async function listedModules(source: string, whole: WholeIndex): Promise<ModuleName[]> {
  const modules: ModuleName[] = [];
  for (const path of whole.paths) {
    const target = readIndexPath(path);
    if (target.kind !== 'module') continue;
    if ((await whole.listings(indexPathOf(target.module))).has(source)) modules.push(target.module);
  }
  return modules;
}

function assertEachPatternMatches(
  patterns: readonly string[],
  listed: readonly ModuleName[],
  source: string,
): void {
  const empty = patterns.filter((pattern) => !listed.some((module) => matchesAny([pattern], module)));
  if (empty.length === 0) return;
  const guess = suggest(empty[0] ?? '', listed);
  const owners = [...new Set(listed.map((module) => module.slice(0, module.indexOf('/'))))].sort();
  const some = owners.length > 8 ? `${owners.slice(0, 8).join(', ')}, …` : owners.join(', ');
  throw new NotFoundError(
    `${empty.map((pattern) => `"${pattern}"`).join(', ')} matches none of the ${listed.length} modules of source "${source}" (owners: ${some})`,
    {
      hint:
        guess === undefined
          ? 'patterns match whole names, and "*" stands for any characters; --source chooses another source'
          : `did you mean "${guess}"?`,
    },
  );
}

function latestOf(entries: readonly IndexEntry[]): IndexEntry[] {
  const latest = latestVersion(entries.map((entry) => entry.version));
  return entries.filter((entry) => entry.version === latest);
}

/** What a project states it needs: `moon.mod` or `moon.mod.json`, or a folder with one of them. */
export async function readProject(path: string): Promise<Requirement[]> {
  const file = await locateManifest(path);
  const manifest = parseManifest(file, await readFile(file, 'utf8'));
  const requiredBy = basename(file);
  return [...manifest.dependencies, ...manifest.binDependencies].map((dependency) => ({
    dependency,
    requiredBy,
  }));
}

function parseManifest(file: string, text: string): ReturnType<typeof parseProjectManifest> {
  try {
    return parseProjectManifest(file, text);
  } catch (error) {
    // Reported as a `ConfigError`, its place would be taken for one in registry.toml.
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

export async function locateManifest(path: string): Promise<string> {
  const candidates = [path, join(path, 'moon.mod'), join(path, 'moon.mod.json')];
  for (const candidate of candidates) {
    const found = await stat(candidate).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found?.isFile()) return candidate;
  }
  throw new NotFoundError(`there is no moon.mod or moon.mod.json at ${path}`, {
    hint: 'name the folder of a project, or its moon.mod or moon.mod.json',
  });
}
