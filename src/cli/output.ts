import pc from 'picocolors';
import { createLog, type LogLevel } from '../support/log.ts';
import { describeFailure, formatFailure } from './failure.ts';
import type { Io, OutputStream } from './io.ts';

/**
 * Where words go: results to stdout, everything said on the way to stderr. Nobody else writes to either.
 */
export interface Output {
  /** The command's one result: `text` (without its final newline) for people, `json` with `--json`. */
  result(result: { readonly text: string; readonly json: unknown }): void;
  /** A remark on stderr that `--quiet` drops. */
  note(text: string): void;
  warn(text: string): void;
  /** A line of the log, with its newline. */
  log(line: string): void;
  /** What ended the command. */
  failure(error: unknown): void;
  /** Help, on whichever stream it belongs to. */
  help(text: string, stream: 'stdout' | 'stderr'): void;
  /** Replaces the one line at the bottom of the terminal; `undefined` removes it. Nothing without a terminal. */
  statusLine(text: string | undefined): void;
  readonly hasStatusLine: boolean;
  readonly color: { readonly err: Colors; readonly out: Colors };
}

export interface OutputSettings {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** How everything on stderr is written: for people, or one JSON object a line. */
  readonly logFormat: LogFormat;
}

export type LogFormat = 'text' | 'json';

type Colors = ReturnType<typeof pc.createColors>;

/** Colour only on a terminal, and never with `NO_COLOR` (no-color.org) or `TERM=dumb`. */
function wantsColor(stream: OutputStream, env: Io['env']): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function createOutput(io: Io, settings: OutputSettings): Output {
  const color = {
    err: pc.createColors(wantsColor(io.stderr, io.env)),
    out: pc.createColors(wantsColor(io.stdout, io.env)),
  };
  const isJson = settings.logFormat === 'json';
  const hasStatusLine = io.stderr.isTTY === true && !isJson && !settings.quiet && io.env.TERM !== 'dumb';
  let shown = false;
  const clear = () => {
    if (shown) io.stderr.write('\r\u001b[K');
    shown = false;
  };
  const log = createLog({
    write: (line) => io.stderr.write(line),
    level: 'debug',
    format: 'json',
    now: () => new Date(io.now()),
  });
  const say = (level: LogLevel, text: string, label = '') => {
    clear();
    if (isJson) log[level](text);
    else io.stderr.write(`${label}${text}\n`);
  };
  return {
    result({ text, json }) {
      clear();
      io.stdout.write(settings.json ? `${JSON.stringify(json, null, 2)}\n` : `${text}\n`);
    },
    note(text) {
      if (!settings.quiet) say('info', text);
    },
    warn: (text) => say('warn', text, `${color.err.yellow('warning:')} `),
    log(line) {
      clear();
      io.stderr.write(line);
    },
    failure(error) {
      const { message, ...rest } = describeFailure(error);
      if (isJson) log.error(message, { ...rest, stack: stackOf(error, settings.verbose) });
      else say('error', formatFailure(error, { verbose: settings.verbose, label: color.err.red('error:') }));
    },
    help(text, stream) {
      clear();
      io[stream].write(text);
    },
    statusLine(text) {
      if (!hasStatusLine) return;
      clear();
      if (text === undefined) return;
      const width = (io.stderr.columns || 80) - 1; // 0: a terminal that does not say
      io.stderr.write(text.slice(0, width));
      shown = true;
    },
    hasStatusLine,
    color,
  };
}

/** Where a bug is, or with `--verbose` any failure came from. */
function stackOf(error: unknown, isVerbose: boolean): string | undefined {
  const isBug = describeFailure(error).code === 'bug';
  return error instanceof Error && (isBug || isVerbose) ? error.stack : undefined;
}
