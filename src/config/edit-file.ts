import { join, resolve } from 'node:path';
import { ConfigError, type ConfigProblem, StorageError } from '../errors.ts';
import { writeFileAtomic } from '../support/disk/atomic-file.ts';
import { withProcessLock } from '../support/disk/process-lock.ts';
import { shellLine } from '../support/shell.ts';
import type { Config } from './config.ts';
import { configFileName, formatProblem } from './config-file.ts';
import { refreshEditorSchema } from './editor-schema.ts';
import { parseConfig, readConfigText } from './load.ts';
import { configError } from './problem.ts';

const longestWaitMs = 10_000; // an edit takes milliseconds

/**
 * Edits the `registry.toml` of a folder and returns what it means then. The result is validated before anything is
 * written; on any failure the file is untouched. Edits of several processes follow one another.
 */
export async function editConfigFile(directory: string, edit: (text: string) => string): Promise<Config> {
  const path = join(resolve(directory), configFileName);
  await readConfigText(directory); // says what is missing, before a lock is put where no registry is
  const work = async () => {
    const before = await readConfigText(directory);
    const after = edit(before);
    const config = parseEdited(before, after, directory);
    if (after === before) return config;
    if ((await readConfigText(directory)) !== before)
      throw new StorageError(`${path} changed while it was edited`, { hint: 'try again' });
    await writeFileAtomic(path, after);
    await refreshEditorSchema(directory);
    return config;
  };
  return withProcessLock(`${path}.lock`, work, { waitMs: longestWaitMs });
}

/**
 * What an edited text means. A `ConfigError` places only what is wrong in the text before, which is the one that people
 * can look at: of what the edit brings it names the settings.
 */
export function parseEdited(before: string, after: string, directory: string): Config {
  try {
    return parseConfig(after, { directory });
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
    const known = problemsOf(before, directory);
    const sameAs = (problem: ConfigProblem) =>
      known.find(({ path, message }) => path === problem.path && message === problem.message);
    const brought = error.problems.filter((problem) => sameAs(problem) === undefined);
    const left = error.problems.flatMap((problem) => sameAs(problem) ?? []);
    throw brought.length === 0 ? configError(left) : refusal(brought, left);
  }
}

function problemsOf(text: string, directory: string): readonly ConfigProblem[] {
  try {
    parseConfig(text, { directory });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function refusal(brought: readonly ConfigProblem[], left: readonly ConfigProblem[]): ConfigError {
  const lines = [
    ...brought.map(({ path, message }) => `  ${path}: ${message}`),
    ...left.map((problem) => `  ${formatProblem(problem)}`),
  ];
  const source = brought.flatMap(({ path }) => /^sources\.(.+)\.auth(\.|$)/.exec(path)?.[1] ?? [])[0];
  // For who can say what was typed; a cause is told with -v, so that it names no line either.
  const cause = new ConfigError('the edited text has problems', brought);
  return new ConfigError(
    [`this edit cannot be made, and ${configFileName} is as it was:`, ...lines].join('\n'),
    [],
    { hint: source === undefined ? undefined : hintAboutAuth(source), cause },
  );
}

function hintAboutAuth(source: string): string {
  return (
    `${shellLine`moonbit-registry source login ${source} --bearer-env VARIABLE`} (or --basic-env USER VARIABLE) sets all that belongs ` +
    'together; so does config with several KEY VALUE pairs in one command'
  );
}
