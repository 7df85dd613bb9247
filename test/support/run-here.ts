import { onTestFinished, vi } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { type CliOutcome, type CliRun, entry } from './run-cli.ts';

/** As `runCli` of the built program, within this process: what is said, the exit code, and where it writes. */
export async function runHere(
  words: readonly string[],
  { cwd = process.cwd(), env = {} }: Pick<CliRun, 'cwd' | 'env'> = {},
): Promise<CliOutcome> {
  const written = { stdout: '', stderr: '' };
  const known = { ...process.env, ...env };
  // Git and whoever makes temporary files ask the process itself.
  for (const name of ['HOME', 'TMPDIR']) if (env[name] !== undefined) vi.stubEnv(name, env[name]);
  onTestFinished(() => void vi.unstubAllEnvs());
  const stream = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await runCli(words, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: known,
    workingDirectory: cwd,
    script: entry,
    homeDirectory: () => known.HOME,
    now: () => Date.now(),
    onInterrupt: () => () => {},
    onHangUp: () => () => {},
    onExit: () => () => {},
    waitForNobody() {},
    waitsForReaders: () => true,
    exit(exitCode) {
      throw new Error(`the command wanted to end the process with ${exitCode}`);
    },
  });
  return { code, ...written };
}
