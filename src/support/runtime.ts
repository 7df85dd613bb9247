/** What the program needs of where it runs. It is asked before anything else is loaded, by a Node of any age. */
import { isOlderVersion } from './older-version.ts';

/** As in `engines` of package.json. */
export const oldestNode = '20.19';

/** Why the program cannot run here, and what to do about it, for people; `undefined` if it can. */
export function runtimeProblem(nodeVersion: string, platform: string): string | undefined {
  if (platform === 'win32')
    return (
      'error: moonbit-registry does not run on Windows: it replaces and removes files while they are open, and ends ' +
      'git together with all that git has started, neither of which Windows does\n' +
      'hint: run it in WSL 2 or in a Linux container; moon on Windows can use it there, like any other registry'
    );
  if (isOlderVersion(nodeVersion, oldestNode))
    return (
      `error: moonbit-registry needs Node.js ${oldestNode} or later, and this is ${nodeVersion}\n` +
      'hint: install a newer one from https://nodejs.org/en/download, or run it in a container: node:22-bookworm has ' +
      'git as well'
    );
  return undefined;
}
