import { spawn, spawnSync } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** Whether a command is there; `script` makes the terminals of these tests. */
export function hasCommand(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/**
 * Types at a shell in a terminal of its own, as somebody does who waits for the shell before the next line. The prompt has to be
 * `prompt`; the last of `lines` has to end the shell. Returns all that the terminal showed.
 */
export async function typeAt(
  shell: string,
  lines: readonly string[],
  { prompt, cwd, env }: { readonly prompt: string; readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], { cwd, env: { ...env, TERM: 'dumb' } });
  onTestFinished(() => void child.kill());
  const left = [...lines];
  let seen = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    seen += piece;
    const at = seen.indexOf(prompt, answered);
    if (at < 0) return;
    answered = at + prompt.length;
    const next = left.shift();
    if (next !== undefined) child.stdin.write(`${next}\n`);
  });
  const complaints = readText(child.stderr);
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return seen + (await complaints);
}
