import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './process.ts';

const alsoIn = ['/usr/sbin', '/usr/local/sbin', '/sbin'];

/** The path of an installed program. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...alsoIn];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** `undefined` when all are installed, else what a row says instead of figures. */
export function missingPrograms(...names: string[]): string | undefined {
  const missing = names.filter((name) => !findProgram(name));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** git's CGI program, where git keeps its own programs. */
export async function gitHttpBackend(): Promise<string> {
  return join((await run('git', ['--exec-path'])).stdout.trim(), 'git-http-backend');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
