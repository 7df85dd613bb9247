import type { IndexEntry } from '../../../model/index-entry.ts';

/** Names, each in the order of its kind's list. */
export interface Differences {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** Paths by what is in the files; `before` and `after`: digests by path. */
export function compareFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Differences {
  return compare(before, after, (path) => path);
}

type Dependencies = Pick<IndexEntry, 'dependencies' | 'binDependencies'>;

/** Dependencies by what is required: `company/lib 1.0.0`, or `company/lib 1.0.0 -> 1.1.0`. */
export function compareDependencies(before: Dependencies, after: Dependencies): Differences {
  const [was, is] = [requirementsOf(before), requirementsOf(after)];
  return compare(was, is, (name, from, to) => {
    const both = from !== undefined && to !== undefined;
    return both ? `${name} ${from} -> ${to}` : `${name} ${from ?? to}`;
  });
}

function requirementsOf({ dependencies, binDependencies }: Dependencies): ReadonlyMap<string, string> {
  const named =
    (suffix: string) =>
    ({ module, requirement }: IndexEntry['dependencies'][number]): [string, string] => [
      `${module}${suffix}`,
      requirement ?? 'in any version',
    ];
  return new Map([...dependencies.map(named('')), ...binDependencies.map(named(' (bin-deps)'))]);
}

function compare(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  describe: (name: string, from: string | undefined, to: string | undefined) => string,
): Differences {
  const tell = (names: readonly string[]) =>
    names.map((name) => describe(name, before.get(name), after.get(name)));
  const left = [...after.keys()];
  return {
    added: tell(left.filter((name) => !before.has(name))),
    removed: tell([...before.keys()].filter((name) => !after.has(name))),
    changed: tell(left.filter((name) => before.has(name) && before.get(name) !== after.get(name))),
  };
}
