import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

/** The loaded `registry.toml`, loaded again when its text changes. */
export async function createConfiguration(directory: string) {
  let config = await loadConfig(directory);
  const readText = async () => readFile(config.file, 'utf8').catch(() => undefined);
  let text = await readText();
  // Of two who ask at once, one finds the change.
  const inTurn = pLimit(1);

  async function reload(): Promise<boolean> {
    const now = await readText();
    if (now === text) return false;
    config = await loadConfig(directory);
    text = now;
    return true;
  }

  return {
    current: (): Config => config,
    /** Whether it changed. A text that does not load throws each time, whoever asks, until it is mended. */
    reload: (): Promise<boolean> => inTurn(reload),
  };
}
