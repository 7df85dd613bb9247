import { type ChildProcess, spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { gitEnvironment } from '../../src/support/git/git.ts';
import { peakDuring } from './processes.ts';

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  /** Exit codes that are no failure; default only 0. */
  readonly accept?: readonly number[] | undefined;
  /** Look at its memory all the time, which costs some time. */
  readonly isWatched?: boolean | undefined;
}

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** With all its helpers; 0 unless it was watched. */
  readonly peakMiB: number;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});

/** Runs a program to its end, and times it. Throws with what it said if it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const started = performance.now();
  const child = begin(command, args, options);
  child.stdin?.end(options.input);
  const end = Promise.all([
    child.stdout ? readText(child.stdout) : '',
    child.stderr ? readText(child.stderr) : '',
    ended(child),
  ]);
  const peakMiB = options.isWatched && child.pid !== undefined ? await peakDuring(child.pid, () => end) : 0;
  const [stdout, stderr, code] = await end;
  const seconds = (performance.now() - started) / 1000;
  if (code === null || !(options.accept ?? [0]).includes(code))
    throw new Error(
      `${command} ${args.slice(0, 6).join(' ')} ended with ${code}:\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`,
    );
  return { stdout, stderr, seconds, peakMiB };
}

export interface Server {
  readonly pid: number;
  /** What `ready` found. */
  readonly address: string;
  /** Writes a line to its stdin. */
  tell(line: string): void;
  stop(): Promise<void>;
}

/**
 * Starts a program that goes on, and waits until `ready` finds its first group in what it prints; with a function,
 * until that resolves.
 */
export async function startServer(
  command: string,
  args: readonly string[],
  ready: RegExp | (() => Promise<string>),
  options: RunOptions = {},
): Promise<Server> {
  const child = begin(command, args, options);
  const end = ended(child);
  let output = '';
  const address = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      if (output.length < 100_000) output += chunk;
      const found = ready instanceof RegExp ? ready.exec(output)?.[1] : undefined;
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    end.then((code) => reject(new Error(`${command} ended with ${code}: ${output}`)), reject);
    if (!(ready instanceof RegExp)) ready().then(resolve, reject);
  });
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  return {
    pid: child.pid,
    address,
    tell: (line) => void child.stdin?.write(`${line}\n`),
    async stop() {
      signalGroup(child, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 5000);
      await end;
      clearTimeout(timer);
    },
  };
}

/** A process group of its own, so that helpers end with it; git sees no configuration of the machine. */
function begin(command: string, args: readonly string[], options: RunOptions): ChildProcess {
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: { ...gitEnvironment(), ...options.env },
    detached: true,
  });
  running.add(child);
  child.stdin?.on('error', () => undefined);
  return child;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
