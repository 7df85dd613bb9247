import { spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';

export interface GitRun {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  /** git's wire protocol; git's own default is 2. */
  readonly protocol?: 0 | 2;
}

export interface GitOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Stock git as a user's client, without this machine's or user's configuration. */
export async function tryGit(args: readonly string[], run: GitRun = {}): Promise<GitOutcome> {
  const protocol = run.protocol === undefined ? [] : ['-c', `protocol.version=${run.protocol}`];
  const child = spawn('git', [...protocol, ...args], {
    cwd: run.cwd,
    env: { ...process.env, ...isolation, ...run.env },
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.input);
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([readText(child.stdout), readText(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** Like `tryGit`, but returns stdout and throws when git fails. */
export async function git(args: readonly string[], run: GitRun = {}): Promise<string> {
  const { code, stdout, stderr } = await tryGit(args, run);
  if (code !== 0) throw new Error(`git ${args.join(' ')} exited with ${code}: ${stderr}`);
  return stdout;
}

/** As clients before August 2026 do it (moon-protocol §2.1). */
export async function clone(url: string, directory: string, run: GitRun = {}): Promise<void> {
  await git(['clone', '--quiet', url, directory], run);
}

/** As clients since August 2026 do it. */
export async function shallowClone(url: string, directory: string, run: GitRun = {}): Promise<void> {
  await git(['clone', '--quiet', '--depth', '1', '--single-branch', '--no-tags', url, directory], run);
}

/** The update of clients before 18 September 2026. */
export async function pull(directory: string, run: GitRun = {}): Promise<void> {
  await git(['-C', directory, 'pull', '--quiet', 'origin', 'main'], run);
}

/** The update of clients since 18 September 2026. */
export async function fetchReset(directory: string, run: GitRun = {}): Promise<void> {
  const flags = ['--depth=1', '--no-tags', '--no-recurse-submodules'];
  const refspec = '+refs/heads/main:refs/remotes/origin/main';
  await git(['-C', directory, 'fetch', '--quiet', ...flags, 'origin', refspec], run);
  await git(['-C', directory, 'reset', '--hard', '--quiet', 'FETCH_HEAD'], run);
}

const isolation = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};
