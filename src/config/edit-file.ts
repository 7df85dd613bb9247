import { join, resolve } from 'node:path';
import { StorageError } from '../errors.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { withProcessLock } from '../support/process-lock.ts';
import type { Config } from './config.ts';
import { refreshEditorSchema } from './editor-schema.ts';
import type { Environment } from './environment.ts';
import { parseConfig, readConfigText } from './load.ts';
import { configFileName } from './problem.ts';

const longestWaitMs = 10_000; // an edit takes milliseconds

/**
 * Edits the `registry.toml` of a folder and returns what it means then. The result is validated before anything is
 * written; on any failure the file is untouched. Edits of several processes follow one another.
 */
export async function editConfigFile(
  directory: string,
  env: Environment,
  edit: (text: string) => string,
): Promise<Config> {
  const path = join(resolve(directory), configFileName);
  await readConfigText(directory); // says what is missing, before a lock is put where no registry is
  const work = async () => {
    const before = await readConfigText(directory);
    const after = edit(before);
    const config = parseConfig(after, { directory, env });
    if (after === before) return config;
    if ((await readConfigText(directory)) !== before)
      throw new StorageError(`${path} changed while it was edited`, { hint: 'try again' });
    await writeFileAtomic(path, after);
    await refreshEditorSchema(directory);
    return config;
  };
  return withProcessLock(`${path}.lock`, work, { waitMs: longestWaitMs });
}
