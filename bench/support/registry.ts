import { existsSync } from 'node:fs';
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../../src/support/git/git.ts';
import { type Finished, run, type Server, startServer } from './process.ts';
import type { Bench } from './scenario.ts';
import type { Upstream } from './upstream.ts';
import type { World, WorldArchive } from './world.ts';

/** Ours, as an operator has it: a folder, and the built command run in it. */
export interface OurRegistry {
  readonly directory: string;
  command(...words: string[]): Promise<Finished>;
  /** The same, and looks at its memory. */
  watchedCommand(...words: string[]): Promise<Finished>;
  /** Ends with the scenario, or when it is stopped. */
  serve(...options: string[]): Promise<Server>;
  /**
   * Takes all archives away. They stay on the disk until the scenario is over: ext4 without a journal passes over the
   * inodes of what was deleted within minutes one by one, and would make every new file ten times as expensive.
   */
  forgetArchives(): Promise<void>;
  /** The file that clients would read of a module, or '' while it is not served. */
  servedFile(module: string): Promise<string>;
  /** Those of a world's archives that are listed here: not every line of the official index is. */
  listed(world: World): Promise<WorldArchive[]>;
}

let forgotten = 0;

/** A new registry with one source; nothing was synced yet. */
export async function createOurRegistry(
  bench: Bench,
  upstream: Pick<Upstream, 'url' | 'indexUrl'>,
  name = 'ours',
): Promise<OurRegistry> {
  const directory = join(bench.directory, name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'registry.toml'), settingsFor(upstream));
  const repository = join(directory, 'data', 'index');
  const command = (words: readonly string[], isWatched: boolean) =>
    // 3: done, with findings. The official index has some.
    run(process.execPath, ourArguments(bench, words), { cwd: directory, accept: [0, 3], isWatched });
  return {
    directory,
    command: (...words) => command(words, false),
    watchedCommand: (...words) => command(words, true),
    async serve(...options) {
      const words = ourArguments(bench, ['serve', '--port', '0', ...options]);
      const server = await startServer(process.execPath, words, /at (http:\/\/\S+)\n/, { cwd: directory });
      bench.resources.add(() => server.stop());
      return { ...server, address: server.address.replace('localhost', '127.0.0.1') };
    },
    async forgetArchives() {
      const packages = join(directory, 'data', 'packages');
      if (existsSync(packages)) await rename(packages, join(bench.directory, `forgotten-${forgotten++}`));
    },
    async servedFile(module) {
      const path = `user/${module}.index`;
      const known = await runGit(['ls-tree', '--name-only', 'main', path], { gitDir: repository });
      if (known.length === 0) return '';
      return (await runGit(['show', `main:${path}`], { gitDir: repository })).toString();
    },
    async listed(world) {
      const lines = (
        await runGit(['grep', '-h', '', 'main', '--', 'user'], { gitDir: repository })
      ).toString();
      const listed = new Set(
        lines.split('\n').flatMap((line) => /"checksum":\s*"([0-9a-f]{64})"/.exec(line)?.[1] ?? []),
      );
      return world.archives.filter(({ checksum }) => listed.has(checksum));
    },
  };
}

const syncedData = new Map<string, Promise<string>>();

/**
 * A registry that has synced the upstream's copy of `world`, not changed since. The first one of each world does it;
 * the others get a copy of its data, since the first sync of a large index takes long.
 */
export async function createSyncedRegistry(
  bench: Bench,
  upstream: Upstream,
  world: World,
  name = 'ours',
): Promise<OurRegistry> {
  const registry = await createOurRegistry(bench, upstream, name);
  const data = join(registry.directory, 'data');
  const known = syncedData.get(world.directory);
  if (known !== undefined) {
    await cp(await known, data, { recursive: true });
    return registry;
  }
  const kept = join(bench.scratch, `synced-${syncedData.size}`);
  const making = registry.command('sync').then(async () => {
    await cp(data, kept, { recursive: true });
    return kept;
  });
  syncedData.set(world.directory, making);
  await making;
  return registry;
}

function ourArguments({ program, profiles }: Bench, words: readonly string[]): string[] {
  return [...(profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profiles]), program, ...words];
}

/** A refresh in the middle of a measurement would be measured: the index is young enough for an hour. */
function settingsFor({ url, indexUrl }: Pick<Upstream, 'url' | 'indexUrl'>): string {
  return [
    '[server]',
    'refresh_interval = "1h"',
    '',
    '[[sources]]',
    'name = "upstream"',
    'type = "custom"',
    `url = "${url}"`,
    `index_url = "${indexUrl}"`,
    '',
  ].join('\n');
}

let serveHelp: Promise<string> | undefined;

/** Whether `serve` knows an option, so that older programs can be measured too. */
export async function serveKnows(bench: Bench, option: string): Promise<boolean> {
  serveHelp ??= run(process.execPath, [bench.program, 'serve', '--help']).then(({ stdout }) => stdout);
  return (await serveHelp).includes(option);
}
