import { toVisibleJson, toVisibleLine } from './visible-text.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Flat, and free of credentials; a field whose value is `undefined` is left out. */
type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  /** Receives one line at a time, with its newline. */
  readonly write: (line: string) => void;
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** `text`: `YYYY-MM-DDTHH:MM:SSZ level message key=value`; `json`: an object per line, `time` in ISO 8601. */
  readonly format: 'text' | 'json';
  readonly now: () => Date;
}

const severity: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const plainText = /^[\w./:@+~,-]+$/;
/** A log that writes one line per call, whatever the message contains: text from elsewhere cannot forge lines. */
export function createLog({ write, level, format, now }: LogOptions): Log {
  const formatLine = format === 'json' ? formatJson : formatText;
  const at =
    (called: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (severity[called] < severity[level]) return;
      write(`${formatLine(now(), called, message, fields)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function formatJson(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  const plain = Object.entries(fields).map(([key, value]) => [key, plainField(value)]);
  return toVisibleJson({ ...Object.fromEntries(plain), time: time.toISOString(), level, message });
}

function formatText(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  const words = Object.entries(fields).flatMap(([key, value]) => {
    const text = textOf(plainField(value));
    return text === undefined ? [] : [`${key}=${plainText.test(text) ? text : JSON.stringify(text)}`];
  });
  return toVisibleLine([secondOf(time), level, message, ...words].join(' '));
}

/** In UTC, with the date: logs are kept for longer than a day, and sorted. */
function secondOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** What JSON can hold: an error becomes its message, and its causes'. */
function plainField(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  return value.cause instanceof Error ? `${value.message}: ${plainField(value.cause)}` : value.message;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
