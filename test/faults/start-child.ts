import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { build } from 'esbuild';
import type { Listing } from './scenario.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Fault {
  /** From 1, as `preload.mjs` counts. */
  readonly step: number;
  readonly how: string;
  /** Every later step fails like this one. */
  readonly sticks?: boolean;
}

export interface ChildOutcome {
  readonly signal: NodeJS.Signals | null;
  /** What was served before and after each stage it came to. */
  readonly listings: readonly Listing[];
  readonly failure: { readonly code: string; readonly message: string; readonly hint?: string } | undefined;
  /** A stack: it ended in a way nobody thought of. */
  readonly bug: string | undefined;
  /** The names of all steps. */
  readonly steps: readonly string[];
}

/** Bundles a scenario for plain Node.js; answers the file. */
export async function bundleChild(directory: string, entry = 'child.ts'): Promise<string> {
  const outfile = join(directory, 'child.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: [`test/faults/${entry}`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    define: { __VERSION__: '"0.0.0-test"' },
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}

/** Runs the scenario in a process of its own, on the registry in `directory`. */
export async function runChild(bundle: string, directory: string, fault?: Fault): Promise<ChildOutcome> {
  const work = await mkdtemp(join(tmpdir(), 'fault-'));
  const log = join(work, 'steps');
  try {
    const child = spawn(
      process.execPath,
      ['--import', join(import.meta.dirname, 'preload.mjs'), bundle, directory],
      {
        env: {
          PATH: process.env.PATH,
          FAULT_HOOKS: work,
          ...(fault ? { FAULT_AT: String(fault.step), FAULT_HOW: fault.how } : { FAULT_LOG: log }),
          ...(fault?.sticks ? { FAULT_STICKS: 'yes' } : {}),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (_, signal) => resolve(signal));
    });
    const [signal, stdout, stderr] = await Promise.all([
      ended,
      readText(child.stdout),
      readText(child.stderr),
    ]);
    const lines = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    const steps = await readFile(log, 'utf8').catch(() => '');
    return {
      signal,
      listings: lines.flatMap(({ listing }) => (listing ? [listing] : [])),
      failure: lines.find(({ failure }) => failure)?.failure,
      bug: lines.find(({ bug }) => bug)?.bug ?? (signal === null && stderr !== '' ? stderr : undefined),
      steps: steps.split('\n').filter((line) => line !== ''),
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
