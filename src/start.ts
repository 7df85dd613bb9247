/** The program, once it is known that it can run here. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Io } from './cli/io.ts';
import { createSignals } from './cli/signals.ts';
import { processEnvironment } from './support/environment.ts';
import { findHomeDirectory } from './support/home-directory.ts';
import { createLogSink } from './support/log-sink.ts';
import { createResultSink } from './support/result-sink.ts';
import { openStandardStream, watchTerminals } from './support/standard-stream.ts';
import { programVersion } from './support/version.ts';
import { toVisibleText } from './support/visible-text.ts';
import { isWorker } from './support/worker.ts';
import { findWorkingDirectory } from './support/working-directory.ts';

/** How much of the log may wait for whoever reads it: of a command, which ends, nearly all. */
const maxWaitingBytes = { command: 64 * 1024 * 1024, server: 1024 * 1024 };
const lastWordsMs = 1000;

process.on('exit', watchTerminals());

// Whoever stops a group of processes stops the one that serves by several; it tells the others.
if (isWorker()) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

let waitsForReaders = true;
const out = openStandardStream(1, process.stdout);
const err = openStandardStream(2, process.stderr);
const results = createResultSink(out.device);
const log = createLogSink({
  device: err.device,
  maxWaitingBytes: () => (waitsForReaders ? maxWaitingBytes.command : maxWaitingBytes.server),
  now: () => new Date(),
});

// A bug that nothing contains ends the process, as Node would, but what it says comes from anywhere.
process.on('uncaughtException', async (error: unknown) => {
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.write(`${toVisibleText(`error: unexpected: ${said}`)}\n`);
  await endNow(70);
});

// The channel to its parent would keep a worker that failed alive for ever.
if (isWorker()) waitForNobody();

const words = process.argv.slice(2);
const code = (await saysVersion(words)) ? 0 : await (await import('./cli/run.ts')).runCli(words, createIo());
if (waitsForReaders) process.exitCode = code;
else await endNow(code);

/** Scripts ask for the version often, and need nothing of the program for it. What fails, the program says better. */
async function saysVersion([first, ...others]: readonly string[]): Promise<boolean> {
  if (others.length > 0 || (first !== '--version' && first !== '-V')) return false;
  results.write(`${programVersion}\n`);
  return results.settled().then(
    () => true,
    () => false,
  );
}

function waitForNobody(): void {
  waitsForReaders = false;
  out.stopBlocking();
  err.stopBlocking();
}

/** What nobody takes within a second is left. */
async function endNow(exitCode: number): Promise<void> {
  await Promise.race([Promise.all([log.flush(), results.settled()]).catch(() => {}), sleep(lastWordsMs)]);
  process.exit(exitCode);
}

function createIo(): Io {
  const signals = createSignals(process, () => performance.now());
  return {
    stdout: {
      ...results,
      isTTY: process.stdout.isTTY,
      get columns() {
        return process.stdout.columns;
      },
    },
    stderr: {
      ...log,
      isTTY: process.stderr.isTTY,
      get columns() {
        return process.stderr.columns;
      },
    },
    waitsForReaders: () => waitsForReaders,
    env: processEnvironment,
    script: process.argv[1] ?? '',
    get workingDirectory() {
      return findWorkingDirectory(() => process.cwd());
    },
    homeDirectory: findHomeDirectory,
    now: () => Date.now(),
    onInterrupt: (listener) =>
      signals.onInterrupt(() => {
        waitForNobody();
        listener();
      }),
    onHangUp: signals.onHangUp,
    onExit(listener) {
      process.on('exit', listener);
      return () => process.off('exit', listener);
    },
    exit: (exitCode) => process.exit(exitCode),
    waitForNobody,
  };
}
