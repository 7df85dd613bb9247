import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { registryVariable } from '../model/moon-client.ts';
import { type DemoWorld, startDemoWorld } from './demo-world.ts';
import type { DemoUpstream } from './upstream.ts';

/** What the demo needs of the command line it is a command of. */
export interface DemoHost<Code extends number> {
  /** Runs `moonbit-registry` with these words in a folder; returns its exit code. */
  command(words: readonly string[], workingDirectory: string): Promise<Code>;
  /** Calls back when the process ends, whatever ends it; returns what stops that. */
  onExit(listener: () => void): () => void;
  /** Throws once the user has had enough. */
  throwIfInterrupted(): void;
  /** Shows a line or more to the user. */
  say(text: string): void;
  /** What a shell calls `moonbit-registry` where the user is. */
  readonly program: string;
  /** One word of a command line that is pasted into a shell. */
  quoteForShell(text: string): string;
}

export interface DemoOptions {
  /** Where to serve; without it 8080, or a free port if that is taken. */
  readonly port?: number | undefined;
  /** Leaves the folder it works in. */
  readonly keep: boolean;
}

const usualPort = 8080;
const folderName = 'multi-source-registry';

/**
 * Runs the recipe of the README for real: three registries on loopback stand for mooncakes.io, a partner and the
 * company, and the very commands a user types are run against them. Serves the result until it is interrupted. However it
 * ends, and whoever is impatient, the folder goes.
 */
export async function runDemo<Code extends number>(
  host: DemoHost<Code>,
  options: DemoOptions,
): Promise<Code> {
  const directory = mkdtempSync(join(tmpdir(), 'moonbit-registry-demo-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  const stopWatching = options.keep ? () => {} : host.onExit(remove);
  try {
    return await showAll(host, options, directory);
  } finally {
    if (options.keep) host.say(`Kept ${directory}`);
    else remove();
    stopWatching();
  }
}

async function showAll<Code extends number>(
  host: DemoHost<Code>,
  options: DemoOptions,
  directory: string,
): Promise<Code> {
  const world = await startDemoWorld(join(directory, 'upstreams'));
  try {
    host.throwIfInterrupted();
    host.say(introduction(world));
    const registry = join(directory, folderName);
    for (const { words, where, note } of recipe(world, directory)) {
      host.say(
        `${note === undefined ? '' : `\n# ${note}`}\n$ moonbit-registry ${words.map(quote).join(' ')}`,
      );
      const code = await host.command(words, where);
      if (code !== 0) return code;
      host.throwIfInterrupted();
    }
    const port = options.port || (await findPort(options.port ?? usualPort));
    return await serve(host, registry, port, directory);
  } finally {
    await world.close();
  }
}

interface Step {
  readonly words: readonly string[];
  readonly where: string;
  readonly note?: string;
}

function recipe(world: DemoWorld, directory: string): Step[] {
  const where = join(directory, folderName);
  const address = ({ url, indexUrl }: DemoUpstream) => ['--url', url, '--index-url', indexUrl];
  const add = (name: string, upstream: DemoUpstream, ...rest: string[]): Step => ({
    words: ['source', 'add', name, ...address(upstream), ...rest],
    where,
  });
  return [
    { words: ['init', `./${folderName}`], where: directory, note: 'A new registry' },
    {
      ...add('mooncakes', world.mooncakes, '--type', 'mooncakes', '--priority', '100'),
      note: 'Its sources; elsewhere the first is just "source add mooncakes --from-preset mooncakes"',
    },
    add('partner', world.partner, '--priority', '50'),
    add('internal', world.internal, '--priority', '25'),
    { words: ['source', 'list'], where },
    { words: ['mirror', 'moonbitlang/*'], where, note: 'Archives ahead of time, from the default source' },
    { words: ['mirror', '-s', 'partner', 'partner-org/*'], where },
    { words: ['mirror', '-s', 'internal', 'company/*'], where },
    {
      words: ['explain', 'company/tool@99.0.0'],
      where,
      note: 'Somebody has published company/tool@99.0.0 on the public registry. Who gets it?',
    },
    { words: ['status'], where },
  ];
}

async function serve<Code extends number>(
  host: DemoHost<Code>,
  registry: string,
  port: number,
  scratch: string,
): Promise<Code> {
  host.say(`\n$ moonbit-registry serve --port ${port}`);
  let exitCode: number | undefined;
  const serving = host.command(['serve', '--port', String(port)], registry).then((code) => {
    exitCode = code;
    return code;
  });
  const url = `http://localhost:${port}`;
  while (exitCode === undefined && !(await answers(`${url}/health`))) await sleep(50);
  if (exitCode === undefined) host.say(nextSteps(host, { url, registry, scratch }));
  return serving;
}

function introduction(world: DemoWorld): string {
  return [
    'Three registries run on this machine, standing for the real ones:',
    `  mooncakes  ${world.mooncakes.url}`,
    `  partner    ${world.partner.url}`,
    `  internal   ${world.internal.url}`,
  ].join('\n');
}

/** Commands that work as they are, wherever they are pasted: whole paths, and nothing left behind. */
function nextSteps<Code extends number>(
  { program, quoteForShell }: DemoHost<Code>,
  { url, registry, scratch }: { readonly url: string; readonly registry: string; readonly scratch: string },
): string {
  const file = (name: string) => quoteForShell(join(scratch, name));
  return [
    '',
    'Now, in another terminal:',
    `  git clone --depth 1 --single-branch --no-tags ${url}/git/index ${file('clone')}`,
    `  curl --fail -o ${file('tool.zip')} ${url}/user/company/tool/1.4.0.zip`,
    `  ${program} -d ${quoteForShell(registry)} explain moonbitlang/x`,
    `  ${registryVariable}=${url} moon update    # where moon is installed`,
    'Ctrl-C ends the demo and removes its folder.',
  ].join('\n');
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** The port if nobody has it, else one the system gives; 0 is always the system's choice. */
async function findPort(wanted: number): Promise<number> {
  return (await listenBriefly(wanted)) ?? (await listenBriefly(0)) ?? wanted;
}

function listenBriefly(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

function quote(word: string): string {
  return /^[\w@./:=+-]+$/.test(word) ? word : `"${word}"`;
}
