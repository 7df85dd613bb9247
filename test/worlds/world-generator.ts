import { formatTime } from '../../src/demo/index-line.ts';
import { createSizeSpread } from './adopt-index.ts';
import type { Publication } from './publisher.ts';
import { createRandom, type Random } from './random.ts';
import { createManifest } from './world-manifest.ts';
import { type NamedPosition, namePosition } from './world-names.ts';
import { type VersionOptions, versionsAt } from './world-versions.ts';

export interface WorldOptions extends VersionOptions {
  readonly modules: number;
  /** Requirements that no client can select, or only some: `{path}`, `"*"`, a module that is nowhere. Default true. */
  readonly oddDependencies?: boolean | undefined;
  /** Median size of archives; default 20 KiB, 0 for the smallest possible. */
  readonly medianArchiveBytes?: number | undefined;
}

/** One version of a generated world, ready to be published. */
export type WorldVersion = Publication & {
  readonly line: Readonly<Record<string, unknown>>;
  readonly sizeBytes: number;
};

/** A dependency's requirement at each of the dependent module's versions. */
interface ModuleDependency {
  readonly module: string;
  readonly versions: readonly string[];
}

const firstDay = Date.UTC(2024, 0, 1);
const dayMs = 86_400_000;

/**
 * A world of the official index's shape (moon-protocol §11), module by module and each module's versions ascending.
 * The same options give the same world; nothing but the current module is held in memory, so worlds may be
 * of any size. Dependencies name exact versions of modules that came before, so there are no cycles.
 */
export function* generateWorld(options: WorldOptions): Generator<WorldVersion> {
  const sizeOf = createSizeSpread({ medianBytes: options.medianArchiveBytes });
  for (let position = 0; position < options.modules; position++) {
    const named = namePosition(options.seed, position, options.modules);
    for (const version of generateModule(options, position, named))
      yield { ...version, sizeBytes: sizeOf(`${version.module}@${version.version}`) };
  }
}

function* generateModule(
  options: WorldOptions,
  position: number,
  named: NamedPosition,
): Generator<Omit<WorldVersion, 'sizeBytes'>> {
  const { name: module, oddity } = named;
  const random = createRandom(options.seed, 'module', position);
  const versions = versionsAt(options, position, oddity);
  const manifest = createManifest(random, named);
  const dependencies = chooseDependencies(options, position, random, countDependencies(random));
  const binDependencies = chooseDependencies(options, position, random, oddity === 'bin-dependency' ? 1 : 0);
  const hasEmptyDeps = random.chance(0.17);
  const timeOf = createTimes(random, versions.length);
  for (const [order, version] of versions.entries()) {
    const progress = (order + 1) / (versions.length + 1);
    const isOdd = oddity === 'odd-dependency' && options.oddDependencies !== false && order < 3;
    const deps = { ...requirementsAt(dependencies, progress), ...(isOdd ? oddRequirement(position) : {}) };
    yield {
      module,
      version,
      deps: hasEmptyDeps || Object.keys(deps).length > 0 ? deps : undefined,
      binDeps: binDependencies.length > 0 ? requirementsAt(binDependencies, progress) : undefined,
      line: { ...manifest, created_at: timeOf(order) },
    };
  }
}

/** Most modules have none or one; ten is the most on the official registry. */
function countDependencies(random: Random): number {
  if (random.chance(0.42)) return 0;
  let count = 1;
  while (count < 10 && random.chance(0.4)) count++;
  return count;
}

/** Modules others depend on are few, and a few of them very popular; ordinary names are preferred. */
function chooseDependencies(
  options: WorldOptions,
  position: number,
  random: Random,
  count: number,
): ModuleDependency[] {
  const candidates = Math.min(position, Math.ceil(options.modules * 0.23));
  const chosen = new Map<string, readonly string[]>();
  for (let attempt = 0; attempt < count; attempt++) {
    const popular = 1 + Math.floor((candidates - 1) * random.next() ** 3);
    if (popular >= position) continue;
    // The module twenty places on is an ordinary one.
    const isOdd = namePosition(options.seed, popular, options.modules).oddity !== undefined;
    const target = isOdd && popular + 20 < position && random.chance(0.8) ? popular + 20 : popular;
    const { name, oddity } = namePosition(options.seed, target, options.modules);
    chosen.set(name, versionsAt(options, target, oddity));
  }
  return [...chosen].map(([module, versions]) => ({ module, versions }));
}

/** Newer versions ask for newer versions. */
function requirementsAt(dependencies: readonly ModuleDependency[], progress: number): Record<string, string> {
  return Object.fromEntries(
    dependencies.map(({ module, versions }) => [
      module,
      versions[Math.floor(progress * versions.length)] ?? '',
    ]),
  );
}

/** The odd values of the official registry, each in turn (moon-protocol §2.4 and §11). */
function oddRequirement(position: number): Record<string, unknown> {
  const base = 'moonbitlang/core';
  const odd: readonly Record<string, unknown>[] = [
    { [base]: '*' },
    { 'moonbitlang/never-published': { path: '../never-published' } },
    { [base]: { version: '0.1.0' } },
    { [base]: { version: '0.1.0', alias: 'core' } },
    { [base]: { path: '../core', version: '0.1.0' } },
    { [base]: '^0.0.4' },
    { [base]: { path: '../core' } },
    { [base]: '0.16' },
  ];
  return odd[Math.floor(position / 100) % odd.length] ?? {};
}

/** Times of publication in order, about two weeks apart; the oldest lines of some modules have none. */
function createTimes(random: Random, versions: number): (order: number) => string | undefined {
  const missing = random.chance(0.04) ? Math.ceil(versions / 2) : 0;
  const start = firstDay + random.next() * 600 * dayMs;
  const step = Math.min(14, 120 / versions) * dayMs;
  return (order) => (order < missing ? undefined : formatTime(start + (order + random.next()) * step));
}
