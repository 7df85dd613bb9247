import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { HealthCheck } from '../../../model/health-check.ts';

/** What the system tells of process 1. */
export interface ProcessOne {
  readonly command: string;
  readonly isThisOne: boolean;
}

/** Whether there is somebody to wait for the helpers that a git leaves behind. Nothing where the system does not tell. */
export function checkProcessOne(): HealthCheck[] {
  const one = readProcessOne();
  return one ? [judgeProcessOne(one)] : [];
}

export function judgeProcessOne({ command, isThisOne }: ProcessOne): HealthCheck {
  const name = 'process 1';
  if (!isThisOne && !/^(node|nodejs|moonbit-registry)$/.test(command))
    return { name, result: 'ok', detail: command };
  return {
    name,
    result: 'warning',
    detail:
      'there is no init: process 1 is Node.js, so what a failing git leaves behind stays, until no process can be started any more',
    hint: 'run it with an init: docker run --init …, or init: true (Compose), shareProcessNamespace: true (Kubernetes), or tini in front of the command',
  };
}

function readProcessOne(): ProcessOne | undefined {
  try {
    const [program = ''] = readFileSync('/proc/1/cmdline', 'utf8').split(/[\0 ]/);
    const command = basename(program) || readFileSync('/proc/1/comm', 'utf8').trim();
    return { command, isThisOne: process.pid === 1 };
  } catch {
    // No Linux, or other users' processes are hidden.
    return undefined;
  }
}
