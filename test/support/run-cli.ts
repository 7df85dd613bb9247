import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// Only with what follows it: output arrives in pieces.
const firstUrl = /(https?:\/\/[^\s"']+)(?=[\s"'])/;
/** The built program. */
export const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface CliRun {
  readonly cwd?: string;
  /** On top of the test's own environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Another user than the one of the test; only root may say so. */
  readonly as?: { readonly uid: number; readonly gid: number };
  /** A command and its first words that run the program: `unshare`, for example. */
  readonly within?: readonly string[];
  /** For `startCli`: what its output says once it serves, with the address as first group. Default: the first URL. */
  readonly ready?: RegExp;
}

export interface CliOutcome {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  /** Without a final slash. */
  readonly baseUrl: string;
  readonly pid: number;
  /** All it has printed so far. */
  output(): string;
  /** Sends the signal (default SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<CliOutcome>;
}

/** Runs the built command to its end; `npm test` builds it. Never fails because of its exit code. */
export async function runCli(args: readonly string[], run: CliRun = {}): Promise<CliOutcome> {
  return watch(start(args, run)).ended;
}

/** Starts a command that goes on running (`serve`, `demo`), and waits until it prints its address. */
export async function startCli(args: readonly string[], run: CliRun = {}): Promise<RunningCli> {
  const child = start(args, run);
  const { ended, output } = watch(child);
  const baseUrl = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const url = (run.ready ?? firstUrl).exec(output())?.[1];
      if (url) resolve(url.replace(/[/.,)]+$/, ''));
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    ended.then((outcome) => reject(new Error(`it ended with ${outcome.code}: ${outcome.stderr}`)), reject);
  });
  return {
    baseUrl,
    pid: child.pid ?? 0,
    output,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

function start(args: readonly string[], run: CliRun): ChildProcessWithoutNullStreams {
  const [command = '', ...words] = [...(run.within ?? []), process.execPath, entry, ...args];
  const child = spawn(command, words, {
    cwd: run.cwd,
    env: { ...process.env, ...run.env },
    signal: run.signal,
    ...run.as,
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.input);
  return child;
}

function watch(child: ChildProcessWithoutNullStreams): { ended: Promise<CliOutcome>; output: () => string } {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<CliOutcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { ended, output: () => `${stdout}\n${stderr}` };
}
