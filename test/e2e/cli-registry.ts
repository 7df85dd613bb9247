import { mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { onTestFinished } from 'vitest';
import { tryGit } from '../support/git-client.ts';
import { type RegistrySettings, writeSettings } from '../support/registry-world.ts';
import { type CliOutcome, type CliRun, type RunningCli, runCli, startCli } from '../support/run-cli.ts';
import { runHere } from '../support/run-here.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { sha256 } from '../support/worlds.ts';

/** A registry as its operator has it: a folder, and the built command run in it. */
export interface CliRegistry {
  readonly directory: string;
  /** Holds the registry's folder, and the home and temporary folder of every command: whatever is written shows here. */
  readonly surroundings: string;
  run(...words: string[]): Promise<CliOutcome>;
  runWith(run: CliRun, ...words: string[]): Promise<CliOutcome>;
  /** Runs with `--json`, and reads the one document on stdout. */
  report<T>(...words: string[]): Promise<{ readonly code: number | null; readonly json: T }>;
  serve(): Promise<RunningCli>;
  /** The index that clients clone: `OWNER/NAME@VERSION` → checksum, in index order. */
  served(): Promise<Record<string, string>>;
  /** What the commit point names, or '' while nothing was ever synced. */
  state(): Promise<string>;
}

/**
 * What runs a command: the built program, or the same code within the test, which spares a process where a test is about what
 * the command does. A server, and a command that is to be killed, are the program always.
 */
export type Runner = 'program' | 'here';

/** A fresh folder with the given sources, and nothing else in it. */
export async function createCliRegistry({
  runner,
  ...settings
}: Pick<RegistrySettings, 'sources' | 'upstreamFallback'> & {
  readonly runner?: Runner;
}): Promise<CliRegistry> {
  const registry = cliRegistryIn(temporaryDirectory(), 'registry', runner);
  await mkdir(registry.directory);
  await writeSettings(registry.directory, settings);
  return registry;
}

/** The registry in the folder `name` of `surroundings`, whether that exists yet or not. */
export function cliRegistryIn(surroundings: string, name: string, runner: Runner = 'program'): CliRegistry {
  const directory = join(surroundings, name);
  const repository = join(directory, 'data', 'index');
  const env = { HOME: join(surroundings, 'home'), TMPDIR: join(surroundings, 'tmp') };
  for (const folder of Object.values(env)) mkdirSync(folder, { recursive: true });
  const execute = runner === 'here' ? runHere : runCli;
  const runWith: CliRegistry['runWith'] = (run, ...words) =>
    (run.signal ? runCli : execute)(words, { cwd: directory, ...run, env: { ...env, ...run.env } });
  return {
    directory,
    surroundings,
    runWith,
    run: (...words) => runWith({}, ...words),
    async report(...words) {
      const { code, stdout } = await runWith({}, ...words, '--json');
      return { code, json: JSON.parse(stdout) };
    },
    async serve() {
      const server = await startCli(['serve', '--port', '0'], { cwd: directory, env });
      onTestFinished(async () => void (await server.stop()));
      return server;
    },
    served: () => readServedIndex(repository),
    async state() {
      return (await tryGit(['--git-dir', repository, 'rev-parse', 'refs/registry/state'])).stdout.trim();
    },
  };
}

/** Reads every line of `main` in a repository or clone, with stock git. */
export async function readServedIndex(repository: string): Promise<Record<string, string>> {
  const lines = await tryGit(['-C', repository, 'grep', '-z', '-a', '', 'main', '--', 'user']);
  const served: Record<string, string> = {};
  for (const found of lines.stdout.split('\n').filter((line) => line !== '')) {
    const [path = '', line = ''] = found.split('\0');
    const { version, checksum } = JSON.parse(line) as { version: string; checksum: string };
    served[`${path.slice('main:user/'.length, -'.index'.length)}@${version}`] = checksum;
  }
  return served;
}

/** The SHA-256 of what a server delivers for `OWNER/NAME@VERSION`, or its status where that is not 200. */
export async function downloadFrom(
  server: Pick<RunningCli, 'baseUrl'>,
  id: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const at = id.lastIndexOf('@');
  const path = [id.slice(0, at), id.slice(at + 1)].join('/');
  const answer = await fetch(`${server.baseUrl}/user/${encodeURIComponent(path)}.zip`, { headers });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.status === 200 ? sha256(bytes) : `HTTP ${answer.status}`;
}

/** Every file below `directory` with the SHA-256 of what it holds, but for those below `except`. */
export async function listFiles(directory: string, except?: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (path === except) continue;
      if (entry.isDirectory()) await visit(path);
      else files[relative(directory, path)] = entry.isFile() ? sha256(await readFile(path)) : 'special';
    }
  };
  await visit(directory);
  return files;
}
