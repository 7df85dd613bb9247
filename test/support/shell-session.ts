import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ShellSession {
  /** Runs commands where the last ones left off, and returns their stdout; fails with all they printed at the first that fails. */
  run(commands: string): Promise<string>;
  /** Ends the shell and all that it has started. */
  end(): Promise<void>;
}

export interface ShellOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts. */
  readonly cwd: string;
  /** Where it keeps its own files; somewhere else. */
  readonly scratch: string;
  /** The user and group to be; those of the test unless given. */
  readonly user: number | undefined;
}

/** One `sh` that remembers folder and variables from one block of commands to the next, as a terminal does. */
export function startShell({ env, cwd, scratch, user }: ShellOptions): ShellSession {
  const identity = user === undefined ? {} : { uid: user, gid: user };
  const shell = spawn('sh', [], {
    ...identity,
    env,
    cwd,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => shell.on('exit', () => resolve()));
  shell.stdin.on('error', () => undefined);
  let count = 0;
  return {
    async run(commands) {
      const [script, stdout, stderr] = ['sh', 'out', 'err'].map((end) =>
        join(scratch, `${count}.${end}`),
      ) as [string, string, string];
      const mark = `done-${++count}`;
      await writeFile(script, `set -eu\n${commands}\n`);
      const isDone = waitForMark(shell, mark, ended);
      shell.stdin.write(`. '${script}' </dev/null >'${stdout}' 2>'${stderr}'\necho ${mark}\n`);
      const hasSucceeded = await isDone;
      const printed = await readFile(stdout, 'utf8');
      if (hasSucceeded) return printed;
      throw new Error(`a command failed:\n${commands}\n${printed}\n${await readFile(stderr, 'utf8')}`);
    },
    async end() {
      shell.stdin.end();
      if (shell.pid !== undefined) killGroup(shell.pid);
      await ended;
    },
  };
}

function waitForMark(shell: ChildProcess, mark: string, ended: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (chunk: Buffer) => {
      if (!chunk.toString().split('\n').includes(mark)) return;
      shell.stdout?.off('data', look);
      resolve(true);
    };
    shell.stdout?.on('data', look);
    void ended.then(() => resolve(false));
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
