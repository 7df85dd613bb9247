import { spawn } from 'node:child_process';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { peakDuring } from '../../bench/support/processes.ts';
import type { CliOutcome, CliRun } from '../support/run-cli.ts';

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Runs the built command to its end, as `runCli`, and looks at the memory of it and its helpers all the while. */
export async function runWatched(
  args: readonly string[],
  { cwd, env }: Pick<CliRun, 'cwd' | 'env'>,
): Promise<CliOutcome & { readonly peakMiB: number }> {
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: { ...process.env, ...env } });
  child.stdin.end();
  const ended = Promise.all([
    new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }),
    readText(child.stdout),
    readText(child.stderr),
  ]);
  const peakMiB = child.pid === undefined ? 0 : await peakDuring(child.pid, () => ended);
  const [code, stdout, stderr] = await ended;
  return { code, stdout, stderr, peakMiB };
}
