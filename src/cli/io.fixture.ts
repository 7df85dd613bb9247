/** A process for tests: what was written is kept, signals are sent by hand. */
import { stripVTControlCharacters } from 'node:util';
import type { Io } from './io.ts';
import { runCli } from './run.ts';

export interface RecordedIo extends Io {
  /** What went to stdout as bytes. */
  readonly bytes: Buffer[];
  readonly written: { stdout: string; stderr: string };
  /** Codes `exit` was called with. */
  readonly exits: number[];
  interrupt(): void;
}

export interface RecordedIoOptions {
  readonly env?: Record<string, string | undefined>;
  readonly workingDirectory?: string;
  readonly homeDirectory?: string;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function recordIo(options: RecordedIoOptions = {}): RecordedIo {
  const written = { stdout: '', stderr: '' };
  const exits: number[] = [];
  const bytes: Buffer[] = [];
  const listeners = new Set<() => void>();
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 100,
    write(text: string) {
      written[name] += text;
    },
  });
  return {
    written,
    exits,
    bytes,
    stdout: { ...stream('stdout'), writeBytes: async (piece) => void bytes.push(Buffer.from(piece)) },
    stderr: stream('stderr'),
    env: options.env ?? {},
    script: '/nowhere/main.js',
    workingDirectory: options.workingDirectory ?? '/nowhere',
    homeDirectory: () => options.homeDirectory ?? '/nowhere',
    now: () => Date.UTC(2026, 0, 1),
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onHangUp: () => () => {},
    onExit: () => () => {},
    exit: (code) => void exits.push(code),
    waitForNobody() {},
    waitsForReaders: () => true,
    interrupt() {
      for (const listener of [...listeners]) listener();
    },
  };
}

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the CLI in this process, as `moonbit-registry WORDS…` would. */
export async function cli(words: readonly string[], options: RecordedIoOptions = {}): Promise<CliResult> {
  const io = recordIo(options);
  const exitCode = await runCli(words, io);
  return { exitCode, stdout: io.written.stdout, stderr: stripVTControlCharacters(io.written.stderr) };
}
