/** Which folder a command is about. */
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { configFileName } from '../config/config-file.ts';
import { ConfigError } from '../errors.ts';
import { errorCode } from '../support/error-code.ts';
import { shellLine } from '../support/shell.ts';
import type { Io } from './io.ts';

export const folderVariable = 'MOONBIT_REGISTRY_DIR';

export interface RegistryFolder {
  /** Absolute path of the registry's folder; of the working directory where no registry was found. */
  readonly directory: string;
  readonly foundBy: 'option' | 'variable' | 'working-directory' | 'parent' | 'nothing';
  /** A folder above that has a registry, and was passed over since it belongs to somebody else. */
  readonly foreign?: string;
}

/** What stands in a folder: a registry of `others` may be one that was put there for whoever works below it. */
export type Look = (folder: string) => 'nothing' | 'registry' | 'registry-of-others';

interface Where {
  /** What `--dir` says. */
  readonly option: string | undefined;
  readonly env: Io['env'];
  readonly workingDirectory: string;
}

/**
 * `--dir`, else `MOONBIT_REGISTRY_DIR`, else the nearest folder with a `registry.toml`, from the working directory upwards. As
 * git does, a folder above that belongs to another user is never taken: its settings and its git repository decide what is run.
 */
export function findFolder({ option, env, workingDirectory }: Where, look: Look = lookAt): RegistryFolder {
  const folderOf = (typed: string) => withoutFileName(resolve(workingDirectory, typed), look);
  if (option !== undefined) return { directory: folderOf(option), foundBy: 'option' };
  const named = env[folderVariable];
  if (named) return { directory: folderOf(named), foundBy: 'variable' };
  if (look(workingDirectory) !== 'nothing')
    return { directory: workingDirectory, foundBy: 'working-directory' };
  const above = findAbove(workingDirectory, look);
  if (above.found !== undefined) return { directory: above.found, foundBy: 'parent' };
  const { foreign } = above;
  return { directory: workingDirectory, foundBy: 'nothing', ...(foreign === undefined ? {} : { foreign }) };
}

/** Whoever names the `registry.toml` itself means the folder it stands in. */
function withoutFileName(path: string, look: Look): string {
  const folder = dirname(path);
  return basename(path) === configFileName && look(folder) !== 'nothing' ? folder : path;
}

/** The nearest registry in a folder above `folder`. */
export function findAbove(
  folder: string,
  look: Look = lookAt,
): { readonly found?: string; readonly foreign?: string } {
  for (let below = folder, above = dirname(folder); above !== below; below = above, above = dirname(above)) {
    const seen = look(above);
    if (seen === 'registry') return { found: above };
    if (seen === 'registry-of-others') return { foreign: above };
  }
  return {};
}

/** Throws `ConfigError` where there is no registry in the folder, with what to do about it. */
export function requireRegistry({ directory, foundBy, foreign }: RegistryFolder, look: Look = lookAt): void {
  if (foundBy === 'nothing')
    throw new ConfigError(
      `there is no registry here: no registry.toml in ${directory} or a folder above it`,
      [],
      {
        hint:
          foreign === undefined
            ? `make one with "moonbit-registry init ./registry", or name its folder with --dir or ${folderVariable}`
            : `the one in ${foreign} belongs to another user; if you trust it: ${shellLine`--dir ${foreign}`}`,
      },
    );
  if (foundBy === 'variable' && look(directory) === 'nothing')
    throw new ConfigError(`there is no registry.toml in ${directory}, which ${folderVariable} names`, [], {
      hint: 'correct the variable, or unset it: then the nearest registry is looked for, from the working directory upwards',
    });
}

/** Which folder was taken, where that was not said on the command line and is not where the user stands. */
export function describeFolder({ directory, foundBy }: RegistryFolder): string | undefined {
  if (foundBy === 'parent') return `Using the registry in ${directory}, a folder above this one.`;
  return foundBy === 'variable' ? `Using the registry in ${directory} (${folderVariable}).` : undefined;
}

const root = 0;

function lookAt(folder: string): ReturnType<Look> {
  const file = join(folder, configFileName);
  if (!isFile(file)) return 'nothing';
  // A folder like /tmp is root's, and what lies in it anybody's.
  const owners = [statSync(folder).uid, statSync(file).uid];
  const me = process.getuid?.();
  return me === undefined || owners.every((uid) => uid === me || uid === root)
    ? 'registry'
    : 'registry-of-others';
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    // A folder that nobody may look into has no registry for them.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}
