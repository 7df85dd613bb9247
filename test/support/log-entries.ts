import type { Log, LogLevel } from '../../src/support/log.ts';

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

/** A log that hands on what it is told. */
export function logTo(take: (entry: LogEntry) => void): Log {
  const at = (level: LogLevel) => (message: string, fields?: LogEntry['fields']) =>
    take(fields === undefined ? { level, message } : { level, message, fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
