import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

/** The loaded `registry.toml`, loaded again when its text changes. */
export async function createConfiguration(
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
) {
  let config = await loadConfig(directory, env);
  const readText = async () => readFile(config.file, 'utf8').catch(() => undefined);
  let text = await readText();
  return {
    current: (): Config => config,
    async reload(): Promise<boolean> {
      const before = text;
      const now = await readText();
      if (now === before) return false;
      text = now;
      config = await loadConfig(directory, env);
      return true;
    },
  };
}
