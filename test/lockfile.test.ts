/** `npm ci` installs what `package-lock.json` holds and nothing else, on whichever machine it runs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type Lock = Readonly<Record<string, LockedPackage>>;

const root = join(import.meta.dirname, '..');
const readJson = async (name: string) => JSON.parse(await readFile(join(root, name), 'utf8'));
const { packages }: { packages: Lock } = await readJson('package-lock.json');

/** Where Node.js finds `name` from the folder `from`: there, or in the nearest folder above. */
function find(lock: Lock, from: string, name: string): LockedPackage | undefined {
  const path = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
  if (lock[path]) return lock[path];
  const above = from.lastIndexOf('node_modules/');
  return above < 0 ? undefined : find(lock, from.slice(0, above).replace(/\/$/, ''), name);
}

/** What a package of the lockfile names and the lockfile does not hold. */
function listMissing(lock: Lock): string[] {
  return Object.entries(lock).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => find(lock, path, name) === undefined)
      .map((name) => `${path}: ${name}`),
  );
}

/** The builds of each native package, which names one for each platform as optional and with its own version. */
function listBuilds(lock: Lock): Record<string, string[]> {
  const native = Object.entries(lock).map(([path, { version, optionalDependencies = {} }]) => {
    const builds = Object.entries(optionalDependencies).filter(([, wanted]) => wanted === version);
    return [path.replace('node_modules/', ''), builds.map(([name]) => name)] as const;
  });
  return Object.fromEntries(native.filter(([, builds]) => builds.length > 0));
}

describe('package-lock.json', () => {
  test('wants what package.json wants', async () => {
    const { devDependencies, version } = await readJson('package.json');
    expect(packages['']).toMatchObject({ devDependencies, version });
  });

  test('holds every package that another one names, for all platforms', () => {
    expect(listMissing(packages)).toEqual([]);
    const native = listBuilds(packages);
    expect(Object.keys(native)).toEqual(expect.arrayContaining(['@biomejs/biome', 'esbuild', 'rolldown']));
    for (const [name, builds] of Object.entries(native))
      for (const platform of ['darwin-arm64', 'linux-arm64', 'linux-x64', 'win32-x64'])
        expect(builds, `${name} for ${platform}`).toContainEqual(expect.stringContaining(platform));
  });

  test('knows the bytes of each, and no registry of its own', () => {
    const { '': self, ...others } = packages;
    expect(self).toBeDefined();
    const unknown = Object.entries(others).filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    expect(unknown.map(([path]) => path)).toEqual([]);
    expect(Object.values(others).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  test('a build that is left out is noticed', () => {
    const { 'node_modules/@biomejs/cli-win32-x64': left, ...rest } = packages;
    expect(left).toBeDefined();
    expect(listMissing(rest)).toEqual(['node_modules/@biomejs/biome: @biomejs/cli-win32-x64']);
  });
});
