import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';

/** The loaded `registry.toml`, loaded again when its text changes; where the data are, is decided when it is opened. */
export async function createConfiguration(directory: string) {
  let config = await loadConfig(directory);
  const { dataDir } = config.registry;
  const readText = async () => readFile(config.file, 'utf8').catch(() => undefined);
  let text = await readText();
  // Of two who ask at once, one finds the change.
  const inTurn = pLimit(1);

  async function reload(): Promise<boolean> {
    const now = await readText();
    if (now === text) return false;
    config = keepDataDir(await loadConfig(directory), dataDir);
    text = now;
    return true;
  }

  return {
    current: (): Config => config,
    /** Whether it changed. A text that does not load throws each time, whoever asks, until it is mended. */
    reload: (): Promise<boolean> => inTurn(reload),
  };
}

/** What is open stays where it is: locks in one folder and data in another would protect nothing. */
function keepDataDir(config: Config, dataDir: string): Config {
  if (config.registry.dataDir === dataDir) return config;
  const warning =
    `registry.data_dir leads to ${config.registry.dataDir} now, which counts when the registry is opened again; ` +
    `until then the data stay in ${dataDir}`;
  const registry = { ...config.registry, dataDir };
  return Object.freeze({ ...config, registry, warnings: [...config.warnings, warning] });
}
