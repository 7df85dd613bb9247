import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { errorCode } from './error-code.ts';
import { signalGroup } from './git/end-process.ts';

/** What a command printed, or why there is nothing of it, in words that go after its name. */
export type CommandResult =
  | { readonly kind: 'printed'; readonly bytes: Buffer }
  | { readonly kind: 'failed'; readonly problem: string };

export interface CommandOptions {
  /** Folder in which the command is run; a relative path of the command itself starts there. */
  readonly directory: string;
  /** All of the environment that the command sees. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends the command once it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** How long what it has started may hold its output open once it has ended. */
const lingerMs = 1000;

/**
 * Runs a command without a shell, without input, and without a word of its stderr: whoever wants to know why it fails runs it by
 * hand. However it ends, what it started and left in its process group is killed: a server runs it again and again.
 */
export function runCommand(words: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = start(words, options);
    if (!('stdout' in child)) {
      resolve(failed(startProblem(child)));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let linger: NodeJS.Timeout | undefined;
    const finish = (result: CommandResult) => {
      clearTimeout(timer);
      clearTimeout(linger);
      options.signal?.removeEventListener('abort', abort);
      child.stdout.destroy();
      signalGroup(child, 'SIGKILL');
      resolve(result);
    };
    const stop = (problem: string) => finish(failed(problem));
    const abort = () => stop('was ended');
    const timer = setTimeout(() => stop(`took longer than ${options.timeoutMs / 1000} s`), options.timeoutMs);
    options.signal?.addEventListener('abort', abort, { once: true });
    if (options.signal?.aborted) abort();
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > options.maxBytes) stop(`printed more than ${options.maxBytes / 1024} KiB`);
    });
    const end = (status: number | null) =>
      finish(status === 0 ? { kind: 'printed', bytes: Buffer.concat(chunks) } : failed(endingOf(status)));
    child.on('error', (error) => finish(failed(startProblem(error))));
    child.on('exit', (status) => {
      linger = setTimeout(() => end(status), lingerMs);
    });
    child.on('close', end);
  });
}

/** Of some failures to start, Node.js tells by an event; others are thrown. */
function start(
  [name = '', ...args]: readonly string[],
  { directory, env }: CommandOptions,
): ChildProcessByStdio<null, Readable, null> | Error {
  try {
    return spawn(name, args, { cwd: directory, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function endingOf(status: number | null): string {
  return status === null ? 'was killed' : `ended with ${status}`;
}

function startProblem(error: Error): string {
  const code = errorCode(error);
  if (code === 'ENOENT') return 'is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be run by this user';
  return `cannot be run (${code ?? 'unexpected failure'})`;
}

function failed(problem: string): CommandResult {
  return { kind: 'failed', problem };
}
