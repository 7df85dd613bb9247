/** What this program runs on: Node.js, git, and who waits for processes that nobody else waits for. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { RegistryError } from '../../../errors.ts';
import { oldestGit, runGit } from '../../../support/git/git.ts';
import { parseGitVersion } from '../../../support/git/git-version.ts';
import { isOlderVersion } from '../../../support/older-version.ts';
import { oldestNode } from '../../../support/runtime.ts';
import { failure, ok, type Probe, type Verdict, warning } from './probe.ts';

export const toolProbes: readonly Probe[] = [
  { name: 'Node.js', ask: () => judgeNode(process.versions.node) },
  { name: 'git', ask: askGit },
  { name: 'process 1', ask: askProcessOne },
];

/** The first git that heeds `core.fsync` for what a ref names. */
const durableGit = '2.36';

export function judgeNode(running: string): Verdict {
  return isOlderVersion(running, oldestNode)
    ? failure(`${running} is too old`, `install Node.js ${oldestNode} or later`)
    : ok(running);
}

async function askGit(): Promise<Verdict> {
  try {
    return judgeGit((await runGit(['--version'])).toString());
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return failure(error.message, error.hint);
  }
}

/** `answer` is what `git --version` prints. */
export function judgeGit(answer: string): Verdict {
  const version = parseGitVersion(answer);
  if (isOlderVersion(version, oldestGit))
    return failure(`${version} is too old`, `install git ${oldestGit} or later`);
  if (isOlderVersion(version, durableGit))
    return warning(
      `${version} writes some files without waiting for the disk: a power cut could lose the last change`,
      `install git ${durableGit} or later`,
    );
  return ok(version);
}

/** What the system tells of process 1. */
export interface ProcessOne {
  readonly command: string;
  readonly isThisOne: boolean;
}

/** Whether there is somebody to wait for the helpers that a git leaves behind. Nothing where the system does not tell. */
function askProcessOne(): Verdict[] {
  try {
    const [program = ''] = readFileSync('/proc/1/cmdline', 'utf8').split(/[\0 ]/);
    const command = basename(program) || readFileSync('/proc/1/comm', 'utf8').trim();
    return [judgeProcessOne({ command, isThisOne: process.pid === 1 })];
  } catch {
    // No Linux, or other users' processes are hidden.
    return [];
  }
}

export function judgeProcessOne({ command, isThisOne }: ProcessOne): Verdict {
  if (!isThisOne && !/^(node|nodejs|moonbit-registry)$/.test(command)) return ok(command);
  return warning(
    'there is no init: process 1 is Node.js, so what a failing git leaves behind stays, until no process can be started any more',
    'run it with an init: docker run --init …, or init: true (Compose), shareProcessNamespace: true (Kubernetes), or tini in front of the command',
  );
}
