import { GitError, runGit } from '../support/git/git.ts';
import { stateRef } from './layout.ts';
import { formatFile, formatProblem } from './registry-state.ts';

/** Throws `StorageError` where a newer program has written the data in this repository. Changes nothing. */
export async function checkFormat(directory: string): Promise<void> {
  const format = await runGit(['cat-file', 'blob', `${stateRef}:${formatFile}`], { gitDir: directory }).catch(
    (error: unknown) => {
      // Whatever else is wrong with them is told by whoever opens them.
      if (error instanceof GitError) return undefined;
      throw error;
    },
  );
  const problem = format && formatProblem(format.toString('utf8'), directory);
  if (problem) throw problem;
}
