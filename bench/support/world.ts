import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { adoptIndexFiles } from '../../test/worlds/adopt-index.ts';
import type { ArchiveShelf } from '../../test/worlds/archive-shelf.ts';
import { createPublisher } from '../../test/worlds/publisher.ts';
import { createUpstreamIndex } from '../../test/worlds/upstream-index.ts';
import { generateWorld, type WorldOptions } from '../../test/worlds/world-generator.ts';
import { writeWorldIndex } from '../../test/worlds/world-index.ts';

/** What a registry upstream has, on disk: `index.git`, and archives where a file server looks for them. */
export interface World {
  readonly directory: string;
  readonly repository: string;
  /** Holds `user/OWNER/NAME/VERSION.zip`. */
  readonly www: string;
  readonly modules: number;
  readonly versions: number;
  /** Empty for a world without archives. */
  readonly archives: readonly WorldArchive[];
}

export interface WorldArchive {
  readonly module: string;
  readonly version: string;
  readonly checksum: string;
  readonly sizeBytes: number;
}

/** Worlds are made once and kept in `directory` for later runs: use copies of their repositories. */
export interface Worlds {
  /** The official index's shape; its real lines where `bundle` is given. In a smoke run, a dozen modules. */
  usual(): Promise<World>;
  /** An index of so many times 900 modules and 6,500 versions, without archives. */
  scaled(scale: number): Promise<World>;
}

export interface WorldsOptions {
  readonly directory: string;
  /** The official index as a git bundle. */
  readonly bundle: string | undefined;
  readonly isSmoke: boolean;
  readonly say: (text: string) => void;
}

const seed = 'bench';
const modulesAtOne = 900;
const versionsAtOne = 6500;

export function createWorlds({ directory, bundle, isSmoke, say }: WorldsOptions): Worlds {
  const worlds = new Map<string, Promise<World>>();
  const keep = (name: string, make: (target: string) => Promise<WorldFacts>): Promise<World> => {
    const world = worlds.get(name) ?? find(name, make);
    worlds.set(name, world);
    return world;
  };
  const find = async (name: string, make: (target: string) => Promise<WorldFacts>): Promise<World> => {
    const target = join(directory, name);
    const known = await readFacts(target);
    if (known) return describe(target, known);
    say(`making the world ${name} (kept in ${target})`);
    const unfinished = `${target}.${process.pid}`;
    await mkdir(unfinished, { recursive: true });
    const facts = await make(unfinished);
    await writeFile(join(unfinished, 'facts.json'), JSON.stringify(facts));
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
    return describe(target, facts);
  };
  return {
    usual() {
      if (isSmoke)
        return keep('smoke', (target) =>
          generate(target, { seed, modules: 12, versionsPerModule: 2, medianArchiveBytes: 2048 }),
        );
      if (bundle !== undefined) return keep('real', (target) => adopt(target, bundle));
      return keep('generated', (target) => generate(target, { seed, modules: 887 }));
    },
    scaled(scale) {
      const modules = Math.max(Math.round(scale * modulesAtOne), 5);
      return keep(`index-${modules}`, (target) => generateIndex(target, modules));
    },
  };
}

type WorldFacts = Pick<World, 'modules' | 'versions' | 'archives'>;

function describe(directory: string, facts: WorldFacts): World {
  return { directory, repository: join(directory, 'index.git'), www: join(directory, 'www'), ...facts };
}

async function readFacts(directory: string): Promise<WorldFacts | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, 'facts.json'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function adopt(target: string, bundle: string): Promise<WorldFacts> {
  const { shelf, archives } = createFileShelf(join(target, 'www'));
  const adopted = await adoptIndexFiles(bundle, shelf, target);
  const index = await createUpstreamIndex(join(target, 'index.git'), 'main');
  await index.write(adopted.files, 'adopt the official index');
  return { modules: adopted.modules, versions: archives.length, archives };
}

async function generate(target: string, options: WorldOptions): Promise<WorldFacts> {
  const { shelf, archives } = createFileShelf(join(target, 'www'));
  const index = await createUpstreamIndex(join(target, 'index.git'), 'main');
  await createPublisher(index, shelf)(generateWorld(options), 'write a world');
  return { modules: options.modules, versions: archives.length, archives };
}

async function generateIndex(target: string, modules: number): Promise<WorldFacts> {
  const world = generateWorld({ seed, modules, versionsPerModule: versionsAtOne / modulesAtOne });
  const written = await writeWorldIndex(join(target, 'index.git'), world);
  return { modules: written.modules, versions: written.versions, archives: [] };
}

/** Archives as files that any web server can serve. */
function createFileShelf(www: string): { shelf: ArchiveShelf; archives: WorldArchive[] } {
  const archives = new Map<string, WorldArchive>();
  const list: WorldArchive[] = [];
  const shelf: ArchiveShelf = {
    async add(id, archive) {
      const at = id.lastIndexOf('@');
      const [module, version] = [id.slice(0, at), id.slice(at + 1)];
      const checksum = createHash('sha256').update(archive).digest('hex');
      const file = archiveFile(www, { module, version });
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, archive);
      const entry = { module, version, checksum, sizeBytes: archive.length };
      if (!archives.has(id)) list.push(entry);
      archives.set(id, entry);
      return checksum;
    },
    has: (id) => archives.has(id),
    read: async () => undefined,
    remove: (id) => void archives.delete(id),
    close: async () => undefined,
  };
  return { shelf, archives: list };
}

export function archiveFile(
  www: string,
  { module, version }: Pick<WorldArchive, 'module' | 'version'>,
): string {
  return join(www, 'user', module, `${version}.zip`);
}

/** As clients write it: one path segment, `+` as `%2B` (moon-protocol §3). */
export function archivePath({ module, version }: Pick<WorldArchive, 'module' | 'version'>): string {
  return `/user/${encodeURIComponent(`${module}/${version}`)}.zip`;
}
