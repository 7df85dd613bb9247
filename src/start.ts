/** The program, once it is known that it can run here. */
import { programVersion } from './support/version.ts';

const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  process.stdout.write(`${programVersion}\n`);
} else {
  process.exitCode = await runWith(words);
}

async function runWith(words: readonly string[]): Promise<number> {
  const [{ findHomeDirectory }, { runCli }, { toVisibleText }] = await Promise.all([
    import('./support/home-directory.ts'),
    import('./cli/run.ts'),
    import('./support/visible-text.ts'),
  ]);
  // The reader of a pipe went away (`… | head`): there is nobody left to tell. A lost log ends nothing.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!hasWrittenBytes) process.exit(0);
  });
  // Half a file is not what somebody was shown enough of: whoever writes it hears of it.
  let hasWrittenBytes = false;
  const stdout = {
    write: (text: string) => process.stdout.write(text),
    isTTY: process.stdout.isTTY,
    get columns() {
      return process.stdout.columns;
    },
    writeBytes(bytes: Uint8Array) {
      hasWrittenBytes = true;
      return new Promise<void>((resolve, reject) =>
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())),
      );
    },
  };
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // A bug that nothing contains ends the process, as Node would, but what it says comes from anywhere.
  process.on('uncaughtException', (error: unknown) => {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${toVisibleText(`error: unexpected: ${said}`)}\n`);
    process.exit(70);
  });
  return runCli(words, {
    stdout,
    stderr: process.stderr,
    env: process.env,
    script: process.argv[1] ?? '',
    workingDirectory: process.cwd(),
    homeDirectory: findHomeDirectory,
    now: () => Date.now(),
    onInterrupt(listener) {
      const signals = ['SIGINT', 'SIGTERM'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  });
}
