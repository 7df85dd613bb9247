import { GitError, runGit } from '../support/git/git.ts';
import { stateRef } from './layout.ts';

/**
 * The first state of a registry, which every copy and every backup of its data has and no other registry's: what it is told
 * from others by. `undefined` where git cannot tell.
 */
export async function findFirstState(directory: string): Promise<string | undefined> {
  try {
    // The first state's own parent is the first served commit, which has none.
    const args = ['rev-list', '--first-parent', '--min-parents=1', stateRef];
    const commits = (await runGit(args, { gitDir: directory })).toString().trim().split('\n');
    return commits.at(-1) || undefined;
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}
