import { errorCode } from './error-code.ts';
import type { ByteDevice } from './standard-stream.ts';

/** Lines that nobody will see. */
export interface LostLines {
  readonly lines: number;
  /** When the first of the lost lines was lost. */
  readonly since: Date;
  /** What kept the lines from being written: the system's code, or that nobody reads. */
  readonly cause: string;
}

/**
 * Where the log goes, and all that is said beside a result. Whatever becomes of the file, the pipe or the terminal
 * there, nothing is thrown and nothing piles up: lines that cannot be had are dropped and counted, and told of once lines
 * are taken again.
 */
export interface LogSink {
  write(text: string): void;
  /** How losses are told: a line, with its newline. */
  sayLosses(format: (lost: LostLines) => string): void;
  /** Resolves when nothing waits to be taken any more. */
  flush(): Promise<void>;
}

export interface LogSinkOptions {
  readonly device: ByteDevice;
  /** How many bytes may wait until they are taken. */
  readonly maxWaitingBytes: () => number;
  readonly now: () => Date;
}

const retryMs = 1000;
const unread = 'nobody reads them';

export function createLogSink({ device, maxWaitingBytes, now }: LogSinkOptions): LogSink {
  let waitingBytes = 0;
  let lost: LostLines | undefined;
  let isTelling = false;
  let formatLoss = ({ lines, cause }: LostLines) => `${lines} lines were lost: ${cause}\n`;
  let retry: NodeJS.Timeout | undefined;
  let onEmpty: (() => void)[] = [];

  function lose(text: string, cause: string): void {
    const lines = countLines(text);
    lost = lost ? { ...lost, lines: lost.lines + lines } : { lines, since: now(), cause };
    // Whoever logs seldom is not to wait for the next line to hear of it.
    retry ??= setInterval(tellLoss, retryMs).unref();
  }

  function pass(text: string, taken: (error?: unknown) => void): void {
    const bytes = Buffer.from(text);
    waitingBytes += bytes.length;
    device.write(bytes, (error) => {
      waitingBytes -= bytes.length;
      taken(error);
      if (lost !== undefined && error === undefined) tellLoss();
      if (waitingBytes > 0) return;
      for (const resolve of onEmpty) resolve();
      onEmpty = [];
    });
  }

  /** Not for one line of room: then it would tell for every other line. */
  function tellLoss(): void {
    if (lost === undefined || isTelling || waitingBytes > maxWaitingBytes() / 2) return;
    const told = lost;
    const toldAt = now();
    isTelling = true;
    pass(formatLoss(told), (error) => {
      isTelling = false;
      if (error !== undefined || lost === undefined) return;
      const lines = lost.lines - told.lines;
      lost = lines > 0 ? { ...lost, lines, since: toldAt } : undefined;
      if (lost !== undefined) return;
      clearInterval(retry);
      retry = undefined;
    });
  }

  return {
    write(text) {
      tellLoss();
      if (lost !== undefined) return lose(text, lost.cause);
      if (waitingBytes + text.length > maxWaitingBytes()) return lose(text, unread);
      pass(text, (error) => {
        if (error !== undefined) lose(text, errorCode(error) ?? 'unknown failure');
      });
    },
    sayLosses(format) {
      formatLoss = format;
    },
    flush: () => new Promise((resolve) => (waitingBytes === 0 ? resolve() : onEmpty.push(resolve))),
  };
}

function countLines(text: string): number {
  return Math.max(1, text.split('\n').length - 1);
}
