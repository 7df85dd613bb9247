import { runGit } from './git.ts';

/** The version of the git that is installed, such as "2.39.5"; "0" where it does not tell. */
export async function readGitVersion(): Promise<string> {
  return parseGitVersion((await runGit(['--version'])).toString());
}

/** `answer` is what `git --version` prints. */
export function parseGitVersion(answer: string): string {
  return /\d+(\.\d+)+/.exec(answer)?.[0] ?? '0';
}
