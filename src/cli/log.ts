import { createLog, type Log } from '../support/log.ts';
import type { CommandIo } from './io.ts';
import type { Output, OutputSettings } from './output.ts';

/** The log of everything below the CLI, on stderr: news unless `--quiet`, details with `--verbose`. */
export function createCommandLog(context: {
  readonly io: CommandIo;
  readonly output: Output;
  readonly settings: OutputSettings;
}): Log {
  const { verbose, quiet } = context.settings;
  return createLog({
    write: (line) => context.output.log(line),
    level: verbose ? 'debug' : quiet ? 'warn' : 'info',
    format: context.settings.logFormat,
    now: () => new Date(context.io.now()),
  });
}
