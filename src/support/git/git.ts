import { type ChildProcessWithoutNullStreams, type SpawnOptions, spawn } from 'node:child_process';
import { StorageError } from '../../errors.ts';
import { hintFor } from '../disk/disk-hints.ts';
import { processEnvironment } from '../environment.ts';
import { createExcerpt, type Excerpt } from '../excerpt.ts';
import { endProcess, signalGroup } from './end-process.ts';

/** Why git did not end by itself. */
export type GitLimit = 'time' | 'stdout' | 'stderr';

/** git ended badly. `stderr` may hold text of the far side: redact and shorten it before showing it. */
export class GitError extends Error {
  readonly status: number | undefined;
  /** The signal that ended git, where it has no status. */
  readonly killedBy: NodeJS.Signals | undefined;
  /** What git said of its failure; the beginning and the end, where that is long. */
  readonly stderr: string;
  /** What git put out before it failed: findings, for a command that looks for some. */
  readonly stdout: string;
  /** The limit that git went beyond, so that it was killed. */
  readonly exceeded: GitLimit | undefined;

  constructor(
    message: string,
    details: {
      status?: number | undefined;
      killedBy?: NodeJS.Signals | undefined;
      stderr: string;
      stdout?: string;
      exceeded?: GitLimit | undefined;
    },
  ) {
    super(message);
    this.name = 'GitError';
    this.status = details.status;
    this.killedBy = details.killedBy;
    this.stderr = details.stderr;
    this.stdout = details.stdout ?? '';
    this.exceeded = details.exceeded;
  }

  /** What it said last: where it stumbled comes first, and last what that means. */
  get lastLine(): string {
    return this.stderr.trim().split('\n').at(-1) || this.message;
  }

  get timedOut(): boolean {
    return this.exceeded === 'time';
  }

  /** Whether it had too little memory: its own limit, the system's, or the kernel ended it; not where people did. */
  get isOutOfMemory(): boolean {
    if (this.exceeded !== undefined) return false;
    const isEnded = this.killedBy !== undefined && !sentByPeople.has(this.killedBy);
    return isEnded || outOfMemory.test(this.stderr);
  }
}

/** How git ended: by itself, with a status, or by a signal. */
interface GitEnd {
  readonly status: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
}

const sentByPeople: ReadonlySet<NodeJS.Signals> = new Set(['SIGHUP', 'SIGINT', 'SIGTERM']);

// git's wrapper.c, and what the C library says of it (ENOMEM).
const outOfMemory = /out of memory|attempting to allocate|cannot allocate memory|mmap failed/i;

export interface GitOptions {
  readonly gitDir?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly input?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** How much git may put out; it is killed beyond. */
  readonly maxStdoutBytes?: number | undefined;
  /** Is given stderr as it comes, which then has no limit. */
  readonly takeStderr?: ((chunk: Buffer) => void) | undefined;
}

const defaultMaxStdoutBytes = 64 * 1024 * 1024;
/** git passes on what the far side says, who may have no end of it. */
const maxStderrBytes = 1024 * 1024;

/** The oldest git with all we use: an older one reads `~/.gitconfig` whatever `GIT_CONFIG_GLOBAL` says. */
export const oldestGit = '2.32';

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
  const inherited = Object.entries(processEnvironment).filter(
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
    GIT_SSH_COMMAND: processEnvironment.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes -o ConnectTimeout=10',
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

/** Runs git to its end and returns stdout. Throws `GitError` on a failure or beyond a limit, the signal's reason on abort. */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await streamGit(args, options, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/**
 * As `runGit`, handing on stdout as it comes; what `take` throws ends git and is thrown. When this settles, git is gone
 * and so are the helpers it started.
 */
export async function streamGit(
  args: readonly string[],
  options: GitOptions,
  take: (chunk: Buffer) => void,
): Promise<void> {
  options.signal?.throwIfAborted();
  const { gitDir, signal, maxStdoutBytes = defaultMaxStdoutBytes, timeoutMs } = options;
  const place = gitDir === undefined ? [] : ['--git-dir', gitDir];
  const { child, stderr, ended } = startGit([...place, ...args], gitEnvironment(options.env));
  const said = createExcerpt();
  /** Why it is ended before it has done its work. */
  let fault: { readonly exceeded: GitLimit } | { readonly error: unknown } | undefined;
  const kill = () => endProcess(child);
  const stop = (why: typeof fault) => {
    if (fault !== undefined) return;
    fault = why;
    kill();
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop({ exceeded: 'time' }), timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  // Both are read to their end also while git is being ended: a full pipe would keep it.
  child.stdout.on('data', (chunk: Buffer) => {
    if (fault !== undefined) return;
    said.push(chunk);
    if (said.sizeBytes > maxStdoutBytes) return stop({ exceeded: 'stdout' });
    try {
      take(chunk);
    } catch (error) {
      stop({ error });
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (options.takeStderr) options.takeStderr(chunk);
    else if (stderr.sizeBytes > maxStderrBytes) stop({ exceeded: 'stderr' });
  });
  // Nothing tells this git how much there should have been.
  child.stdin.on('error', (error) => isBrokenPipe(error) || stop({ error }));
  try {
    child.stdin.end(options.input);
    const end = await ended;
    signalGroup(child, 'SIGKILL');
    signal?.throwIfAborted();
    if (fault !== undefined && 'error' in fault) throw fault.error;
    if (end.status === 0 && fault === undefined) return;
    const exceeded = fault?.exceeded;
    const message = describeEnding(`git ${args[0] ?? ''}`, exceeded, end.status, options);
    throw new GitError(message, { ...end, stderr: stderr.text(), stdout: said.text(), exceeded });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}

function describeEnding(
  what: string,
  exceeded: GitLimit | undefined,
  status: number | undefined,
  { timeoutMs, maxStdoutBytes = defaultMaxStdoutBytes }: GitOptions,
): string {
  if (exceeded === 'time') return `${what} took longer than ${timeoutMs} ms`;
  if (exceeded === 'stdout') return `${what} put out more than ${maxStdoutBytes} bytes`;
  if (exceeded === 'stderr') return `${what} reported more than ${maxStderrBytes} bytes`;
  return status === undefined ? `${what} was killed` : `${what} exited with ${status}`;
}

/**
 * Starts git with three pipes, in a process group of its own: its helpers (git-remote-https, index-pack) end with it, and no
 * signal to our group ends it under a request that is being finished. Throws `StorageError` where there is no descriptor
 * left for the pipes.
 */
export function spawnGit(
  args: readonly string[],
  options: Pick<SpawnOptions, 'env'>,
): ChildProcessWithoutNullStreams {
  const child = spawn('git', args, { ...options, stdio: 'pipe', detached: true });
  // Then Node.js makes no streams at all, and says why only afterwards.
  if ((child.stdin as unknown) === undefined) {
    child.on('error', () => {});
    throw new StorageError('cannot start git: EMFILE', { hint: hintFor('EMFILE') });
  }
  return child;
}

export interface StartedGit {
  readonly child: ChildProcessWithoutNullStreams;
  /** What git has said on stderr so far. */
  readonly stderr: Excerpt;
  /** Resolves when git is gone and all that it said was read; rejects where it could not be started. */
  readonly ended: Promise<GitEnd>;
}

/** As `spawnGit`, listening to what it says, and to nothing else of it. */
export function startGit(args: readonly string[], env: NodeJS.ProcessEnv): StartedGit {
  const child = spawnGit(args, { env });
  const stderr = createExcerpt();
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', ignoreBrokenPipe);
  const ended = new Promise<GitEnd>((resolve, reject) => {
    child.on('error', (error) => reject(startFailure(error)));
    child.on('close', (status, killedBy) =>
      resolve({ status: status ?? undefined, killedBy: killedBy ?? undefined }),
    );
  });
  // Whoever waits for it may not do so yet.
  ended.catch(() => {});
  return { child, stderr, ended };
}

/** Why git could not be started at all. */
function startFailure(error: NodeJS.ErrnoException): Error {
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

/**
 * A process that stops reading its input tells why by its exit status and stderr, and no other failure of the pipe may end ours:
 * git then has less than it was promised, and says so.
 */
export function ignoreBrokenPipe(): void {}

/** Whether nobody reads a pipe any more. */
function isBrokenPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
}
