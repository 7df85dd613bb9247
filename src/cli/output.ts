import { StorageError, UsageError } from '../errors.ts';
import { storageErrorOf } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import { createLog, type LogLevel } from '../support/log.ts';
import type { LostLines } from '../support/log-sink.ts';
import { toVisibleJson, toVisibleLine, toVisibleText } from '../support/visible-text.ts';
import { describeFailure, formatFailure } from './failure.ts';
import { highlight } from './highlight.ts';
import type { Io } from './io.ts';
import { clearLine, createTerminal, type Sequence, type Terminal } from './terminal.ts';
import { wrapText } from './wrap.ts';

/**
 * Where words go: results to stdout, everything said on the way to stderr. Nobody else writes to either, and nothing
 * that came from elsewhere reaches them but as visible text: see `Terminal`.
 */
export interface Output {
  /** The command's one result: `text` (without its final newline) for people, `json` with `--json`. */
  result(result: Result): void;
  /** The command's result as bytes for a program, which takes them at its own pace. Throws `StorageError` when it goes away. */
  bytes(pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** What a command tells while it works, where its result would be; on stderr with `--json`. */
  say(text: string): void;
  /** A remark on stderr that `--quiet` drops. */
  note(text: string): void;
  warn(text: string): void;
  /** A line of the log, with its newline. */
  log(line: string): void;
  /** What ended the command. */
  failure(error: unknown): void;
  /** Resolves when the result is where it was to go; throws `StorageError` with what kept it from that. */
  delivered(): Promise<void>;
  /** Help that was asked for, with its newlines. */
  help(text: string): void;
  /** Replaces the one line at the bottom of the terminal; `undefined` removes it. Nothing without a terminal. */
  statusLine(text: string | undefined): void;
  readonly hasStatusLine: boolean;
  /** Where the result's lines are to be broken; `undefined` where a program may read them. Tables are made for it. */
  readonly width: number | undefined;
}

interface Result {
  readonly text: string;
  readonly json: unknown;
  /** Whether a program reads the text, which then must not be changed; nothing in it may come from elsewhere. */
  readonly isForPrograms?: boolean;
  /** Whether lines are promised as they are: they are neither broken nor coloured. */
  readonly isExact?: boolean;
}

export interface OutputSettings {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** How everything on stderr is written: for people, or one JSON object a line. */
  readonly logFormat: LogFormat;
}

export type LogFormat = 'text' | 'json';

export function createOutput(io: Io, settings: OutputSettings): Output {
  const stdout = createTerminal(io.stdout, io.env);
  const stderr = createTerminal(io.stderr, io.env);
  const isJson = settings.logFormat === 'json';
  const hasStatusLine = stderr.isTTY && !isJson && !settings.quiet && io.env.TERM !== 'dumb';
  let shown = false;
  const clear = () => {
    if (shown) stderr.write(clearLine);
    shown = false;
  };
  const now = () => new Date(io.now());
  const log = createLog({ write: (line) => stderr.write(line), level: 'debug', format: 'json', now });
  io.stderr.sayLosses?.((lost) => formatLoss(lost, settings.logFormat, now));
  const tell = (level: LogLevel, text: string, label?: readonly [Sequence, string]) => {
    clear();
    if (isJson) log[level](text);
    else if (label === undefined) stderr.write(breakLines(text, stderr.width), '\n');
    else {
      const [mark, word] = label;
      stderr.write(mark, breakLines(`${word} ${text}`, stderr.width).slice(word.length), '\n');
    }
  };
  const show = (terminal: Terminal, text: string) =>
    terminal.write(...highlight(breakLines(text, terminal.width), terminal.style), '\n');
  return {
    result({ text, json, isForPrograms = false, isExact = false }) {
      clear();
      if (settings.json) stdout.write(`${toVisibleJson(json, 2)}\n`);
      else if (isForPrograms) stdout.writeRaw(`${text}\n`);
      else if (isExact) stdout.write(`${text}\n`);
      else show(stdout, text);
    },
    async bytes(pieces) {
      if (stdout.isTTY)
        throw new UsageError('these bytes are not for a terminal', { hint: 'redirect them: … > FILE' });
      for await (const piece of pieces)
        await io.stdout.writeBytes?.(piece).catch((error: unknown) => {
          throw undelivered(error);
        });
    },
    say(text) {
      clear();
      show(settings.json ? stderr : stdout, text);
    },
    note(text) {
      if (!settings.quiet) tell('info', text);
    },
    warn: (text) => tell('warn', text, [stderr.style.yellow(warning), warning]),
    log(line) {
      clear();
      stderr.write(line);
    },
    failure(error) {
      const { message, ...rest } = describeFailure(error);
      if (isJson) log.error(message, { ...rest, stack: stackOf(error, settings.verbose) });
      else
        tell('error', formatFailure(error, { verbose: settings.verbose }), [
          stderr.style.red(failed),
          failed,
        ]);
    },
    async delivered() {
      await io.stdout.settled?.().catch((error: unknown) => {
        throw undelivered(error);
      });
    },
    help(text) {
      clear();
      stdout.write(text);
    },
    statusLine(text) {
      if (!hasStatusLine) return;
      clear();
      if (text === undefined) return;
      const width = (stderr.columns || 80) - 1; // 0: a terminal that does not say
      stderr.write(toVisibleLine(text).slice(0, width));
      shown = true;
    },
    hasStatusLine,
    width: stdout.width,
  };
}

/** A line of the log about lines of it that nobody will see. */
function formatLoss({ lines, since, cause }: LostLines, format: LogFormat, now: () => Date): string {
  const written: string[] = [];
  const { warn } = createLog({ write: (line) => written.push(line), level: 'debug', format, now });
  warn('lines of this log were lost', { lines, since: since.toISOString(), cause });
  return written.join('');
}

/** Why a result did not get where it was to go. */
function undelivered(error: unknown): StorageError {
  if (errorCode(error) === 'EPIPE')
    return new StorageError('whoever read the result went away', { cause: error });
  return storageErrorOf('write the result to standard output', error);
}

const warning = 'warning:';
const failed = 'error:';

/** Lines broken between words where they are too wide for the terminal, once what has to be escaped is. */
function breakLines(text: string, width: number | undefined): string {
  return width === undefined ? text : wrapText(toVisibleText(text), width);
}

/** Where a bug is, or with `--verbose` any failure came from. */
function stackOf(error: unknown, isVerbose: boolean): string | undefined {
  const isBug = describeFailure(error).code === 'bug';
  return error instanceof Error && (isBug || isVerbose) ? error.stack : undefined;
}
