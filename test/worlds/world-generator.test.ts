import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatIndexLine } from '../../src/demo/index-line.ts';
import { moduleNameProblem } from '../../src/model/module-name.ts';
import { compareVersions, isVersion, type Version } from '../../src/model/version.ts';
import { git } from '../support/git-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { readEntries, sha256, startUpstream } from '../support/worlds.ts';
import { createIndexRecord } from './publisher.ts';
import { generateWorld, type WorldOptions, type WorldVersion } from './world-generator.ts';
import { writeWorldIndex } from './world-index.ts';

function versionsByModule(world: Iterable<WorldVersion>): Map<string, WorldVersion[]> {
  const modules = new Map<string, WorldVersion[]>();
  for (const version of world) modules.set(version.module, [...(modules.get(version.module) ?? []), version]);
  return modules;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)] ?? Number.NaN;
}

const large: WorldOptions = { seed: 'large', modules: 2000 };
const world = [...generateWorld(large)];
const modules = versionsByModule(world);

describe('generateWorld', () => {
  test('gives the same world for the same seed, and another for another', () => {
    const small = { seed: 7, modules: 60 };
    expect([...generateWorld(small)]).toEqual([...generateWorld(small)]);
    const [one, other] = [7, 8].map((seed) => JSON.stringify([...generateWorld({ ...small, seed })]));
    expect(one).not.toBe(other);
  });

  test('is lazy: the beginning of an enormous world costs nothing', () => {
    const first = generateWorld({ seed: 1, modules: 90_000_000 }).next();
    expect(first.value).toMatchObject({ module: 'moonbitlang/core' });
  });

  test('has as many modules as asked, each with a name of its own that a registry accepts', () => {
    expect(modules.size).toBe(2000);
    expect([...modules.keys()].filter((name) => moduleNameProblem(name) !== undefined)).toEqual([]);
  });

  test('yields the versions of a module together, ascending and without repetition', () => {
    let previous: WorldVersion | undefined;
    let changes = 0;
    for (const version of world) {
      if (!isVersion(version.version)) throw new Error(`not a version: ${version.version}`);
      if (previous?.module === version.module)
        expect(compareVersions(previous.version as Version, version.version)).toBeLessThan(0);
      else changes++;
      previous = version;
    }
    expect(changes).toBe(modules.size);
  });

  test('has the shape of the official index', () => {
    const counts = [...modules.values()].map((versions) => versions.length);
    const lengths = world.map(
      (version) => formatIndexLine(createIndexRecord(version, 'a'.repeat(64), 0)).length,
    );
    expect([quantile(counts, 0.5), Math.max(...counts)]).toEqual([2, 141]);
    expect(quantile(counts, 0.9)).toBeGreaterThan(12);
    expect(quantile(counts, 0.9)).toBeLessThan(25);
    expect(world.length / modules.size).toBeGreaterThan(6);
    expect(world.length / modules.size).toBeLessThan(9);
    expect(Math.abs(quantile(lengths, 0.5) - 450)).toBeLessThan(25);
    const edges = world.reduce((sum, { deps }) => sum + Object.keys(deps ?? {}).length, 0);
    expect(edges / world.length).toBeGreaterThan(0.7);
    expect(edges / world.length).toBeLessThan(1.4);
    const shareOf = (key: string) =>
      world.filter(({ line }) => line[key] !== undefined).length / world.length;
    expect(shareOf('created_at')).toBeGreaterThan(0.95);
    expect(shareOf('created_at')).toBeLessThan(1);
    expect(Math.abs(shareOf('license') - 0.985)).toBeLessThan(0.03);
    expect(Math.abs(shareOf('description') - 0.92)).toBeLessThan(0.06);
  });

  test('has dependencies on exact versions of modules that came before, the odd ones aside', () => {
    const seen = new Map<string, Set<string>>();
    for (const { module, version, deps = {}, binDeps = {} } of generateWorld({
      ...large,
      oddDependencies: false,
    })) {
      for (const [name, requirement] of Object.entries({ ...deps, ...binDeps })) {
        expect(name).not.toBe(module);
        expect(seen.get(name)?.has(`${requirement}`)).toBe(true);
      }
      seen.set(module, (seen.get(module) ?? new Set()).add(version));
    }
  });

  test('takes another mean of versions per module', () => {
    const few = [...generateWorld({ seed: 1, modules: 2000, versionsPerModule: 2.5 })];
    expect(few.length / 2000).toBeGreaterThan(2);
    expect(few.length / 2000).toBeLessThan(3.2);
  });
});

describe('a generated world of twenty modules', () => {
  const small = [...generateWorld({ seed: 1, modules: 20 })];
  const names = [...versionsByModule(small).keys()];
  const rests = names.map((name) => name.slice(name.indexOf('/') + 1));

  test('has every kind of odd name', () => {
    expect(rests).toEqual(
      expect.arrayContaining(['tree-kit', 'tree-kit/cli', 'tree-kit/cli/args', 'prompt.mbt']),
    );
    expect(rests).toEqual(expect.arrayContaining(['数据结构', '🦊', '2048', 'q', 'router/v2']));
    expect(names.filter((name) => name.toLowerCase().endsWith('/matrix')).length).toBe(2);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length - 1);
    expect(new Set(names.map((name) => name.replaceAll('_', '-'))).size).toBe(names.length - 1);
  });

  test('has build metadata, prereleases, bin-deps, unknown keys, and absent, empty and odd deps', () => {
    expect(small.filter(({ version }) => version.includes('+')).length).toBeGreaterThan(100);
    expect(small.some(({ version }) => version.includes('-alpha.'))).toBe(true);
    expect(small.some(({ binDeps }) => binDeps !== undefined)).toBe(true);
    expect(small.some(({ line }) => line['x-team'] !== undefined)).toBe(true);
    expect(small.some(({ deps }) => deps === undefined)).toBe(true);
    expect(small.some(({ deps }) => deps?.['moonbitlang/core'] === '*')).toBe(true);
    expect(world.some(({ deps }) => deps && Object.keys(deps).length === 0)).toBe(true);
    const odd = world
      .flatMap(({ deps }) => Object.values(deps ?? {}))
      .filter((value) => typeof value === 'object');
    expect(new Set(odd.map((value) => Object.keys(value ?? {}).join())).size).toBe(4);
  });

  test('is served by an upstream as it was generated', async () => {
    const upstream = await startUpstream();
    const checksums = await upstream.publishMany(
      generateWorld({ seed: 1, modules: 20, medianArchiveBytes: 0 }),
    );
    expect(checksums.length).toBe(small.length);
    const nested = names.find((name) => name.endsWith('/cli')) ?? '';
    const [entry] = readEntries(upstream.index.read(`user/${nested}.index`));
    const response = await fetch(
      `${upstream.url}/user/${encodeURIComponent(`${nested}/${entry?.version}`)}.zip`,
    );
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(entry?.checksum);
  });
});

describe('writeWorldIndex', () => {
  test('writes every file of the world in one commit', async () => {
    const repository = join(temporaryDirectory(), 'world.git');
    const written = await writeWorldIndex(repository, world);
    expect(written).toMatchObject({ modules: 2000, versions: world.length });
    const inRepository = (...args: string[]) => git(['-C', repository, ...args]);
    expect((await inRepository('rev-list', 'main')).trim()).toBe(written.commit);
    const paths = (await inRepository('ls-tree', '-r', '-z', '--name-only', 'main')).split('\0').slice(0, -1);
    expect(paths.toSorted()).toEqual([...modules.keys()].map((name) => `user/${name}.index`).toSorted());
    const core = readEntries(await inRepository('show', 'main:user/moonbitlang/core.index'));
    expect(core.map(({ version }) => version)).toEqual(
      modules.get('moonbitlang/core')?.map(({ version }) => version),
    );
    expect(core[0]?.checksum).toBe(sha256(Buffer.from(`moonbitlang/core@${core[0]?.version}`)));
  });
});
