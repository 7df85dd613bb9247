import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { storageErrorOf } from '../support/disk/disk-errors.ts';
import { errorCode } from '../support/error-code.ts';
import type { Config } from './config.ts';
import { configFileName } from './config-file.ts';
import { validateShape } from './draft.ts';
import { type ConfigContext, normaliseConfig } from './normalise.ts';
import { configError, placeProblems } from './problem.ts';
import { findRuleProblems } from './rules.ts';
import { parseToml } from './toml-document.ts';
import { findUnknownKeys } from './unknown-keys.ts';

/**
 * Reads `registry.toml` in `directory`. Throws `ConfigError` with every problem of the file, or with a hint where
 * there is no file.
 */
export async function loadConfig(directory: string): Promise<Config> {
  return parseConfig(await readConfigText(directory), { directory });
}

/** What the text of a `registry.toml` means. Pure: touches neither the disk nor the environment, where what it refers to may be missing. */
export function parseConfig(text: string, context: ConfigContext): Config {
  const { document, problems: syntaxProblems } = parseToml(text);
  if (document === undefined) throw configError(syntaxProblems.map((problem) => ({ path: '', ...problem })));
  const { draft, problems, file } = validateShape(document.value);
  const all = [...findUnknownKeys(document.value), ...problems, ...findRuleProblems(draft)];
  if (all.length > 0 || file === undefined) throw configError(placeProblems(document, all));
  return normaliseConfig(file, document, context);
}

/** The text as it stands, a byte order mark included. */
export async function readConfigText(directory: string): Promise<string> {
  const path = join(resolve(directory), configFileName);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storageErrorOf(`read ${path}`, cause);
    throw new ConfigError(`there is no ${configFileName} in ${resolve(directory)}`, [], {
      hint: 'create a registry with `moonbit-registry init`, or name its folder with --dir',
      cause,
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError(`${path} is not UTF-8 text`, [], { hint: 'save it as UTF-8', cause });
  }
}
