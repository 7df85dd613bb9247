import type { Environment } from '../support/environment.ts';
import type { LostLines } from '../support/log-sink.ts';

/** The process as the CLI sees it: `start.ts` passes the real one, tests pass their own. */
export interface Io extends CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Until somebody said `waitForNobody`, or interrupted. */
  waitsForReaders(): boolean;
}

/** What of it commands get: all that people read goes through their `Output`. */
export interface CommandIo {
  readonly env: Environment;
  /** Absolute path of the file that Node was started with. */
  readonly script: string;
  /** Absolute path of the folder that the program was started in. */
  readonly workingDirectory: string;
  /** Absolute path of the user's home; looked for when it is asked for, as many processes in containers have none. */
  homeDirectory(): string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back on every SIGINT and SIGTERM; returns what stops that. */
  onInterrupt(listener: () => void): () => void;
  /** Calls back on every SIGHUP; returns what stops that. */
  onHangUp(listener: () => void): () => void;
  /** Calls back when the process ends, however that comes about, but for SIGKILL; returns what stops that. Nothing asynchronous happens any more. */
  onExit(listener: () => void): () => void;
  /** Ends the process at once, without waiting for anything. */
  exit(code: number): void;
  /**
   * For whoever serves: who does not read what is printed is not waited for from now on, neither by the work nor, for more
   * than a second, at its end. Log lines are dropped instead.
   */
  waitForNobody(): void;
}

export interface OutputStream {
  /** Never throws: see `settled`. */
  write(text: string): unknown;
  /** Bytes for a program. Resolves when more are welcome; rejects when nobody takes them any more. */
  writeBytes?(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was written is taken; rejects with what kept it from that. */
  settled?(): Promise<void>;
  /** How it is told that lines were lost, where lines may be. */
  sayLosses?(format: (lost: LostLines) => string): void;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}
