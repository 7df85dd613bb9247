import { RegistryError } from '../../../errors.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { oldestGit, runGit } from '../../../support/git/git.ts';
import { parseGitVersion } from '../../../support/git/git-version.ts';
import { isOlderVersion } from '../../../support/older-version.ts';
import { oldestNode } from '../../../support/runtime.ts';

/** The first git that heeds `core.fsync` for what a ref names. */
const durableGit = '2.36';

export function checkNode(running = process.versions.node): HealthCheck {
  if (!isOlderVersion(running, oldestNode)) return { name: 'Node.js', result: 'ok', detail: running };
  return {
    name: 'Node.js',
    result: 'failure',
    detail: `${running} is too old`,
    hint: `install Node.js ${oldestNode} or later`,
  };
}

export async function checkGit(): Promise<HealthCheck> {
  try {
    return judgeGit((await runGit(['--version'])).toString());
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return { name: 'git', result: 'failure', detail: error.message, hint: error.hint };
  }
}

/** `answer` is what `git --version` prints. */
export function judgeGit(answer: string): HealthCheck {
  const name = 'git';
  const version = parseGitVersion(answer);
  if (isOlderVersion(version, oldestGit)) {
    const detail = `${version} is too old`;
    return { name, result: 'failure', detail, hint: `install git ${oldestGit} or later` };
  }
  if (isOlderVersion(version, durableGit)) {
    const detail = `${version} writes some files without waiting for the disk: a power cut could lose the last change`;
    return { name, result: 'warning', detail, hint: `install git ${durableGit} or later` };
  }
  return { name, result: 'ok', detail: version };
}
