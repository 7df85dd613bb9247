import { delimiter, join } from 'node:path';
import { quoteForShell } from '../support/shell.ts';

/**
 * What to type in a shell to run this program again: its name where the user has installed it, else `node` and the file.
 * npm puts folders into the PATH of what it runs that the user's own shell does not have.
 */
export function ownCommand(script: string, path: string): string {
  const isInstalled = path
    .split(delimiter)
    .some((folder) => !/node_modules.\.bin$/.test(folder) && join(folder, 'moonbit-registry') === script);
  return isInstalled ? 'moonbit-registry' : `node ${quoteForShell(script)}`;
}
