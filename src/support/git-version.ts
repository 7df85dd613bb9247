import { runGit } from './git.ts';

/** The version of the git that is installed, such as "2.39.5"; "0" where it does not tell. */
export async function readGitVersion(): Promise<string> {
  return parseGitVersion((await runGit(['--version'])).toString());
}

/** `answer` is what `git --version` prints. */
export function parseGitVersion(answer: string): string {
  return /\d+(\.\d+)+/.exec(answer)?.[0] ?? '0';
}

/** Compares as many numbers as `wanted` has. */
export function isOlderVersion(version: string, wanted: string): boolean {
  const numbers = version.split('.').map(Number);
  for (const [position, limit] of wanted.split('.').map(Number).entries()) {
    const number = numbers[position] ?? 0;
    if (number !== limit) return number < limit;
  }
  return false;
}
