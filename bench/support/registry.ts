import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from '../../src/support/git.ts';
import { type Finished, run, type Server, startServer } from './process.ts';
import type { Bench } from './scenario.ts';
import type { Upstream } from './upstream.ts';

/** Ours, as an operator has it: a folder, and the built command run in it. */
export interface OurRegistry {
  readonly directory: string;
  command(...words: string[]): Promise<Finished>;
  /** The same, and looks at its memory. */
  watchedCommand(...words: string[]): Promise<Finished>;
  /** Ends with the scenario, or when it is stopped. */
  serve(...options: string[]): Promise<Server>;
  /** Forgets all archives. */
  forgetArchives(): Promise<void>;
  /** The file that clients would read of a module, or '' while it is not served. */
  servedFile(module: string): Promise<string>;
}

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
    run(process.execPath, [bench.program, ...words], { cwd: directory, accept: [0, 3], isWatched });
  return {
    directory,
    command: (...words) => command(words, false),
    watchedCommand: (...words) => command(words, true),
    async serve(...options) {
      const words = [bench.program, 'serve', '--port', '0', ...options];
      const server = await startServer(process.execPath, words, /at (http:\/\/\S+)\n/, { cwd: directory });
      bench.resources.add(() => server.stop());
      return { ...server, address: server.address.replace('localhost', '127.0.0.1') };
    },
    forgetArchives: () => rm(join(directory, 'data', 'packages'), { recursive: true, force: true }),
    async servedFile(module) {
      const path = `user/${module}.index`;
      const known = await runGit(['ls-tree', '--name-only', 'main', path], { gitDir: repository });
      if (known.length === 0) return '';
      return (await runGit(['show', `main:${path}`], { gitDir: repository })).toString();
    },
  };
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

let hasWorkers: Promise<boolean> | undefined;

/** Whether `serve` can run as several processes. */
export function supportsWorkers(bench: Bench): Promise<boolean> {
  hasWorkers ??= run(process.execPath, [bench.program, 'serve', '--help']).then(({ stdout }) =>
    stdout.includes('--workers'),
  );
  return hasWorkers;
}
