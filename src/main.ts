#!/usr/bin/env node
import { programVersion } from './support/version.ts';

const words = process.argv.slice(2);
if (words.length === 1 && (words[0] === '--version' || words[0] === '-V')) {
  process.stdout.write(`${programVersion}\n`);
} else {
  process.exitCode = await runWith(words);
}

async function runWith(words: readonly string[]): Promise<number> {
  const [{ homedir }, { runCli }] = await Promise.all([import('node:os'), import('./cli/run.ts')]);
  for (const stream of [process.stdout, process.stderr]) {
    // The reader of a pipe went away (`… | head`): nobody is left to tell anything.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  }
  return runCli(words, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: homedir(),
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
