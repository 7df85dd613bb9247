/** The process as the CLI sees it: `start.ts` passes the real one, tests pass their own. */
export interface Io extends CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** What of it commands get: all that people read goes through their `Output`. */
export interface CommandIo {
  readonly env: Record<string, string | undefined>;
  /** The file that Node was started with; absolute. */
  readonly script: string;
  /** Absolute. */
  readonly workingDirectory: string;
  /** Absolute; looked for when it is asked for, as many processes in containers have none. */
  homeDirectory(): string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back on every SIGINT and SIGTERM; returns what stops that. */
  onInterrupt(listener: () => void): () => void;
  /** Ends the process at once, without waiting for anything. */
  exit(code: number): void;
}

export interface OutputStream {
  write(text: string): unknown;
  /** Bytes for a program. Resolves when more are welcome; rejects when nobody takes them any more. */
  writeBytes?(bytes: Uint8Array): Promise<void>;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}
