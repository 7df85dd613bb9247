import { ConfigError, type ConfigProblem } from '../errors.ts';
import { CommandLineError } from './exit-codes.ts';

/** What a setting of a source is called on the command line: `url` → `--url`. */
export type OptionNames = Readonly<Record<string, string>>;

/**
 * Does an edit that writes what was typed into the table of one source. What would be wrong in `registry.toml` then is said about
 * the options, as wrong usage: the line that it would stand in is not there. The file must have been right before.
 */
export async function blamingOptions<T>(
  source: string,
  options: OptionNames,
  edit: () => Promise<T>,
): Promise<T> {
  try {
    return await edit();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // What an edit would bring has no place in the file, and is told by its cause.
    const { problems } = error.cause instanceof ConfigError ? error.cause : error;
    const said = problems.map((problem) => describeProblem(problem, source, options));
    if (said.length === 0 || said.includes(undefined)) throw error;
    throw new CommandLineError(said.join('\n'), { cause: error });
  }
}

/** `undefined` where it is about something else. */
function describeProblem(
  { path, message }: ConfigProblem,
  source: string,
  options: OptionNames,
): string | undefined {
  const table = [`sources.${source}.`, `sources.${JSON.stringify(source)}.`].find((prefix) =>
    path.startsWith(prefix),
  );
  if (table === undefined) return undefined;
  const key = /^\w+/.exec(path.slice(table.length))?.[0] ?? '';
  const option = options[key];
  return option === undefined ? undefined : `${option}: ${message}`;
}
