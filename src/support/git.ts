import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { StorageError } from '../errors.ts';
import { hintFor } from './disk-errors.ts';

/** git ended badly. `stderr` may hold text of the far side: redact and shorten it before showing it. */
export class GitError extends Error {
  readonly status: number | undefined;
  readonly stderr: string;
  /** What it said before it failed: findings, for a command that looks for some. */
  readonly stdout: string;
  readonly timedOut: boolean;

  constructor(
    message: string,
    details: { status?: number | undefined; stderr: string; stdout?: string; timedOut?: boolean },
  ) {
    super(message);
    this.name = 'GitError';
    this.status = details.status;
    this.stderr = details.stderr;
    this.stdout = details.stdout ?? '';
    this.timedOut = details.timedOut ?? false;
  }
}

export interface GitOptions {
  readonly gitDir?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly input?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** The oldest git with all we use (`GIT_CONFIG_COUNT`). */
export const oldestGit = '2.31';

const inheritedGitVariables = new Set([
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  'GIT_SSL_CERT',
  'GIT_SSL_KEY',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_EXEC_PATH',
  'GIT_TRACE',
]);

/**
 * An environment in which git sees no configuration but ours and the repository's own, never prompts, and speaks
 * English. Proxy variables, CA variables and the ssh command are the operator's and stay.
 */
export function gitEnvironment(extra: Readonly<Record<string, string | undefined>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || inheritedGitVariables.has(name),
  );
  return {
    ...Object.fromEntries(inherited),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    GIT_DEFAULT_REF_FORMAT: 'files',
    GIT_DEFAULT_HASH: 'sha1',
    GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes -o ConnectTimeout=10',
    LC_ALL: 'C',
    ...gitConfigVariables([['safe.directory', '*']]),
    ...extra,
  };
}

/** `GIT_CONFIG_COUNT` and its pairs: configuration that neither a file nor the process list shows. */
export function gitConfigVariables(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const variables: Record<string, string> = { GIT_CONFIG_COUNT: String(pairs.length) };
  for (const [position, [key, value]] of pairs.entries()) {
    variables[`GIT_CONFIG_KEY_${position}`] = key;
    variables[`GIT_CONFIG_VALUE_${position}`] = value;
  }
  return variables;
}

/** Runs git to its end and returns stdout. Throws `GitError` on a failure or time-out, the signal's reason on abort. */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  options.signal?.throwIfAborted();
  const gitDir = options.gitDir === undefined ? [] : ['--git-dir', options.gitDir];
  const child = spawnGit([...gitDir, ...args], {
    env: gitEnvironment(options.env),
    // A process group of its own: git's helpers (git-remote-https, index-pack) must end with it.
    detached: true,
  });
  let timedOut = false;
  const kill = () => endProcessGroup(child);
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const exited = new Promise<number | undefined>((resolve, reject) => {
      child.on('error', (error) => reject(startFailure(error)));
      child.on('close', (status) => resolve(status ?? undefined));
    });
    child.stdin.on('error', ignoreBrokenPipe);
    child.stdin.end(options.input);
    const [status, stdout, stderr] = await Promise.all([
      exited,
      collect(child.stdout),
      readText(child.stderr),
    ]);
    options.signal?.throwIfAborted();
    if (status === 0 && !timedOut) return stdout;
    const what = `git ${args[0] ?? ''}`;
    const message = timedOut
      ? `${what} took longer than ${options.timeoutMs} ms`
      : `${what} exited with ${status}`;
    throw new GitError(message, { status, stderr, stdout: stdout.toString(), timedOut });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

/** Starts git with three pipes. Throws `StorageError` where there is no descriptor left for them. */
export function spawnGit(args: readonly string[], options: SpawnOptions): ChildProcessWithoutNullStreams {
  const child = spawn('git', args, { ...options, stdio: 'pipe' });
  // Then Node.js makes no streams at all, and says why only afterwards.
  if ((child.stdin as unknown) === undefined) {
    child.on('error', () => {});
    throw new StorageError('cannot start git: EMFILE', { hint: hintFor('EMFILE') });
  }
  return child;
}

/** Why git could not be started at all. */
export function startFailure(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EAGAIN' || error.code === 'ENOMEM')
    return new StorageError(`cannot start git: ${error.code}`, {
      cause: error,
      hint: 'raise the limits of processes (ulimit -u) and of memory',
    });
  if (error.code !== 'ENOENT') return error;
  return new StorageError('git is not installed, or not on the PATH', {
    cause: error,
    hint: `install git ${oldestGit} or later`,
  });
}

/** SIGTERM lets git remove its lock and temporary files; what is still there after two seconds is killed. */
function endProcessGroup(child: ChildProcess): void {
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  signal('SIGTERM');
  const timer = setTimeout(() => signal('SIGKILL'), 2000);
  child.on('close', () => clearTimeout(timer));
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A process that stops reading its input tells why by its exit status and stderr. */
export function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
}
