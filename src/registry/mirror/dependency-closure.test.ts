import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../../../test/support/git-client.ts';
import { realIndexBundle } from '../../../test/support/real-index.ts';
import { moduleName } from '../../../test/support/registry-world.ts';
import { suiteDirectory } from '../../../test/support/temporary-directory.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import { indexPathOf, readIndexPath } from '../../index/layout.ts';
import { type IndexEntry, parseDependencies, parseIndexLine } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { createGitObjectReader } from '../../support/git/git-objects.ts';
import {
  type Closure,
  closeOverDependencies,
  type EntriesOf,
  type Requirement,
  selectForProject,
} from './dependency-closure.ts';

/** `module@version` → its dependencies; those after `bin:` are binary ones. */
type Index = Readonly<Record<string, readonly string[]>>;

function split(id: string): readonly [string, string] {
  const at = id.lastIndexOf('@');
  return [id.slice(0, at), id.slice(at + 1)];
}

function entryOf(id: string, dependencies: readonly string[]): IndexEntry {
  const objectOf = (ids: readonly string[]) => Object.fromEntries(ids.map(split));
  const isBinary = (text: string) => text.startsWith('bin:');
  const parsed = parseIndexLine(
    JSON.stringify({
      version: split(id)[1],
      checksum: 'a'.repeat(64),
      deps: objectOf(dependencies.filter((text) => !isBinary(text))),
      'bin-deps': objectOf(dependencies.filter(isBinary).map((text) => text.slice('bin:'.length))),
    }),
  );
  if (parsed.kind !== 'entry') throw new TypeError(parsed.reason);
  return parsed.entry;
}

function entriesIn(index: Index): EntriesOf {
  return async (module) => {
    const found = Object.entries(index).filter(([id]) => split(id)[0] === module);
    return found.length === 0 ? undefined : found.map(([id, dependencies]) => entryOf(id, dependencies));
  };
}

function requirementsOf(ids: readonly string[]): Requirement[] {
  return parseDependencies(Object.fromEntries(ids.map(split))).map((dependency) => ({
    dependency,
    requiredBy: 'moon.mod.json',
  }));
}

function show({ selected, unsatisfied }: Closure) {
  return {
    selected: [...selected]
      .flatMap(([module, versions]) => [...versions.keys()].map((version) => `${module}@${version}`))
      .sort(),
    unsatisfied: unsatisfied
      .map(({ module, requirement, requiredBy }) => `${requiredBy} needs ${module}@${requirement}`)
      .sort(),
  };
}

/** The closure of these versions. */
async function close(index: Index, ...roots: string[]) {
  const entries = new Map<ModuleName, IndexEntry[]>();
  for (const id of roots) {
    const module = moduleName(split(id)[0]);
    entries.set(module, [...(entries.get(module) ?? []), entryOf(id, index[id] ?? [])]);
  }
  return show(await closeOverDependencies(entries, entriesIn(index)));
}

/** What a project with these dependencies builds with. */
async function build(index: Index, ...dependencies: string[]) {
  return show(await selectForProject(requirementsOf(dependencies), entriesIn(index)));
}

describe('the closure', () => {
  test.each<[string, Index, string[], string[]]>([
    ['of nothing is nothing', { 'a/a@1.0.0': [] }, [], []],
    ['of a version without dependencies is itself', { 'a/a@1.0.0': [] }, ['a/a@1.0.0'], ['a/a@1.0.0']],
    [
      'goes as deep as dependencies do',
      { 'a/a@1.0.0': ['b/b@1.0.0'], 'b/b@1.0.0': ['c/c@1.0.0'], 'c/c@1.0.0': ['d/d@1.0.0'], 'd/d@1.0.0': [] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0', 'c/c@1.0.0', 'd/d@1.0.0'],
    ],
    [
      'takes what is required, not what is newer',
      { 'a/a@1.0.0': ['b/b@0.2.0'], 'b/b@0.1.0': [], 'b/b@0.2.0': [], 'b/b@0.9.0': [] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@0.2.0'],
    ],
    [
      'takes the lowest above a version that is missing, a prerelease if it is that',
      { 'a/a@1.0.0': ['b/b@0.2.0'], 'b/b@0.4.0': [], 'b/b@0.3.0': [], 'b/b@0.3.0-rc': [], 'b/b@0.1.0': [] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@0.3.0-rc'],
    ],
    [
      'has binary dependencies, of dependencies too',
      {
        'a/a@1.0.0': ['bin:t/t@1.0.0', 'b/b@1.0.0'],
        'b/b@1.0.0': ['bin:u/u@1.0.0'],
        't/t@1.0.0': ['c/c@1.0.0'],
        'u/u@1.0.0': [],
        'c/c@1.0.0': [],
      },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0', 'c/c@1.0.0', 't/t@1.0.0', 'u/u@1.0.0'],
    ],
    [
      'ends where dependencies go round in circles',
      { 'a/a@1.0.0': ['b/b@1.0.0', 'a/a@1.0.0'], 'b/b@1.0.0': ['a/a@1.0.0'] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0'],
    ],
    [
      'has each version that some way of building would select',
      {
        'a/a@1.0.0': ['c/c@0.1.0', 'b/b@1.0.0'],
        'b/b@1.0.0': ['c/c@0.2.0'],
        'c/c@0.1.0': ['d/d@0.1.0'],
        'c/c@0.2.0': [],
        'd/d@0.1.0': [],
      },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0', 'c/c@0.1.0', 'c/c@0.2.0', 'd/d@0.1.0'],
    ],
    [
      'keeps majors apart from 2 on, and 0 and 1 together',
      {
        'a/a@1.0.0': ['b/b@0.5.0', 'c/c@2.0.0'],
        'b/b@1.0.0': [],
        'b/b@2.0.0': [],
        'c/c@1.0.0': [],
        'c/c@2.1.0': [],
        'c/c@3.0.0': [],
      },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0', 'c/c@2.1.0'],
    ],
    [
      'has every root, with several versions of one module',
      { 'a/a@1.0.0': [], 'a/a@2.0.0': ['b/b@1.0.0'], 'b/b@1.0.0': [] },
      ['a/a@1.0.0', 'a/a@2.0.0'],
      ['a/a@1.0.0', 'a/a@2.0.0', 'b/b@1.0.0'],
    ],
    [
      'leaves out what the toolchain brings',
      { 'a/a@1.0.0': ['moonbitlang/core@0.1.0'], 'moonbitlang/core@0.1.0': [] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0'],
    ],
    [
      'has what the toolchain brings, if that is asked for',
      { 'moonbitlang/core@0.1.0+a': [] },
      ['moonbitlang/core@0.1.0+a'],
      ['moonbitlang/core@0.1.0+a'],
    ],
    [
      'tells build metadata apart',
      {
        'a/a@1.0.0': ['b/b@1.0.0+b'],
        'b/b@1.0.0': [],
        'b/b@1.0.0+a': [],
        'b/b@1.0.0+b': [],
        'b/b@1.0.0+c': [],
      },
      ['a/a@1.0.0'],
      ['a/a@1.0.0', 'b/b@1.0.0+b'],
    ],
  ])('%s', async (_, index, roots, selected) => {
    expect(await close(index, ...roots)).toEqual({ selected, unsatisfied: [] });
  });

  test.each<[string, string]>([
    ['no source lists', 'x/missing@1.0.0'],
    ['only lower versions of which are listed', 'b/b@0.9.0'],
    ['only another major of which is listed', 'b/b@2.0.0'],
    // A line with one of these in "deps" is not passed on.
    ['is required by a range', 'bin:b/b@^0.1.0'],
    ['is required by anything', 'bin:b/b@*'],
    ['is no module name', 'nonsense@1.0.0'],
    ['is a path', '../x@1.0.0'],
  ])('says of a dependency that it %s', async (_, dependency) => {
    const index = { 'a/a@1.0.0': [dependency, 'c/c@1.0.0'], 'b/b@0.1.0': [], 'c/c@1.0.0': [] };
    const { selected, unsatisfied } = await close(index, 'a/a@1.0.0');
    expect(selected).toEqual(['a/a@1.0.0', 'c/c@1.0.0']);
    expect(unsatisfied).toHaveLength(1);
    expect(unsatisfied[0]).toContain('a/a@1.0.0 needs ');
    expect(unsatisfied[0]).toContain(split(dependency)[0].replace('bin:', ''));
  });

  test('says once what is missing, for each that asks', async () => {
    const index = {
      'a/a@1.0.0': ['x/x@1.0.0', 'b/b@1.0.0'],
      'b/b@1.0.0': ['bin:x/x@1.0.0', 'x/x@1.0.0'],
    };
    expect((await close(index, 'a/a@1.0.0')).unsatisfied).toEqual([
      'a/a@1.0.0 needs x/x@1.0.0',
      'b/b@1.0.0 needs x/x@1.0.0',
    ]);
  });
});

describe('what a project builds with', () => {
  test.each<[string, Index, string[], string[]]>([
    [
      'is the highest that anybody requires, in each set of versions',
      {
        'a/a@1.0.0': ['c/c@0.3.0'],
        'b/b@1.0.0': ['c/c@0.2.0', 'd/d@2.0.0'],
        'c/c@0.2.0': [],
        'c/c@0.3.0': [],
        'c/c@0.4.0': [],
        'd/d@1.1.0': [],
        'd/d@2.0.0': [],
      },
      ['a/a@1.0.0', 'b/b@1.0.0', 'd/d@0.1.0'],
      ['a/a@1.0.0', 'b/b@1.0.0', 'c/c@0.3.0', 'd/d@1.1.0', 'd/d@2.0.0'],
    ],
    [
      'walks the dependencies of versions that lose, as the client does',
      { 'a/a@0.1.0': ['old/only@0.1.0'], 'a/a@0.2.0': [], 'b/b@1.0.0': ['a/a@0.2.0'], 'old/only@0.1.0': [] },
      ['a/a@0.1.0', 'b/b@1.0.0'],
      ['a/a@0.2.0', 'b/b@1.0.0', 'old/only@0.1.0'],
    ],
    [
      'has no binary dependencies of its dependencies',
      { 'a/a@1.0.0': ['bin:t/t@1.0.0'], 't/t@1.0.0': [] },
      ['a/a@1.0.0'],
      ['a/a@1.0.0'],
    ],
    [
      'ends where dependencies go round in circles',
      { 'a/a@1.0.0': ['b/b@1.0.0'], 'b/b@1.0.0': ['a/a@1.1.0'], 'a/a@1.1.0': ['b/b@1.0.0'] },
      ['a/a@1.0.0'],
      ['a/a@1.1.0', 'b/b@1.0.0'],
    ],
  ])('%s', async (_, index, dependencies, selected) => {
    expect(await build(index, ...dependencies)).toEqual({ selected, unsatisfied: [] });
  });

  test('says which of its requirements nobody can meet', async () => {
    const index = { 'a/a@1.0.0': ['x/x@1.0.0'] };
    expect(await build(index, 'a/a@1.0.0', 'a/b@1.0.0', 'a/c@*')).toEqual({
      selected: ['a/a@1.0.0'],
      unsatisfied: [
        'a/a@1.0.0 needs x/x@1.0.0',
        'moon.mod.json needs a/b@1.0.0',
        'moon.mod.json needs a/c@"*"',
      ],
    });
  });
});

const bundle = realIndexBundle();
if (!bundle) console.warn('the real index is not here: tests that read it are skipped');

describe.skipIf(!bundle)('in the real index', () => {
  const directory = join(suiteDirectory(), 'real.git');
  let reading: Promise<Map<string, IndexEntry[]>> | undefined;

  async function readAll(): Promise<Map<string, IndexEntry[]>> {
    await git(['clone', '--quiet', '--bare', bundle ?? '', directory]);
    const listing = await git(['--git-dir', directory, 'ls-tree', '-r', '-z', '--name-only', 'main']);
    const objects = createGitObjectReader(directory);
    const entries = new Map<string, IndexEntry[]>();
    for (const path of listing.split('\0').filter((text) => text !== '')) {
      const content = (await objects.read(`main:${path}`))?.content ?? Buffer.alloc(0);
      entries.set(
        path,
        parseIndexFile(content).lines.map((line) => line.entry),
      );
    }
    objects.close();
    return entries;
  }

  async function entriesOf(): Promise<EntriesOf> {
    reading ??= readAll();
    const all = await reading;
    return async (module) => all.get(indexPathOf(module));
  }

  async function closureOf(id: string, { binary }: { binary: boolean }): Promise<string[]> {
    const [name, version] = split(id);
    const all = await entriesOf();
    const find: EntriesOf = async (module) =>
      (await all(module))?.map((entry) => (binary ? entry : { ...entry, binDependencies: [] }));
    const root = (await find(moduleName(name)))?.find((entry) => entry.version === version);
    if (!root) throw new Error(`${id} is not in the index`);
    const closure = await closeOverDependencies(new Map([[moduleName(name), [root]]]), find);
    expect(closure.unsatisfied).toEqual([]);
    return show(closure).selected;
  }

  // Counted apart from this code (moon-protocol §11): with the version itself, without binary dependencies.
  test.each([
    ['mizchi/sol@0.5.2', 21],
    ['mizchi/sol@0.5.0', 25],
  ])('%s needs %i versions, and one more for a binary dependency', async (id, count) => {
    const [without, whole] = [await closureOf(id, { binary: false }), await closureOf(id, { binary: true })];
    expect(without).toHaveLength(count);
    expect(whole.filter((version) => !without.includes(version))).toHaveLength(1);
  });

  test('nothing is out of reach but what the index itself leaves open', async () => {
    const find = await entriesOf();
    const roots = new Map<ModuleName, readonly IndexEntry[]>();
    for (const path of (await reading)?.keys() ?? []) {
      const target = readIndexPath(path);
      if (target.kind === 'module') roots.set(target.module, (await find(target.module)) ?? []);
    }
    const { selected, unsatisfied } = await closeOverDependencies(roots, find);
    const versions = [...selected.values()].reduce((sum, { size }) => sum + size, 0);
    // Without the ten lines that no client can parse, which are all that four modules have.
    expect([selected.size, versions]).toEqual([883, 6538]);
    const paths = unsatisfied.filter(({ requirement }) => requirement.startsWith('{'));
    const texts = unsatisfied.filter(({ requirement }) => requirement.startsWith('"'));
    expect([paths.length, texts.length, unsatisfied.length]).toEqual([22, 0, 23]);
  });
});
