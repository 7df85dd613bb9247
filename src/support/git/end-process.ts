import type { ChildProcess } from 'node:child_process';
import { canSeeProcesses, childrenOf, isBeingStarted, leavesOf, stateOf } from './process-tree.ts';

const lookAgainMs = 10;
/** git writes into a helper that was just started, and would die of it unless the helper reads. */
const patienceMs = 250;
/** What heeds no SIGTERM until then is killed. */
const killAfterMs = 1000;
const killAllAfterMs = 2000;
const giveUpAfterMs = 3000;

const ending = new WeakSet<ChildProcess>();

/**
 * Ends a process that leads a group of its own (`detached`), and its helpers; harmless later. Those that started no other go
 * first, so that whoever started them has time to wait for them: git does not when it is ended itself, and what nobody
 * waits for stays with process 1, which is ours in a container without an init and cannot wait for strangers.
 * SIGTERM lets git remove its lock and temporary files; what heeds none is killed, after two seconds all at once.
 * The caller reads its output to the end, as a full pipe would keep it. What has left the group and
 * holds the pipes is not waited for.
 */
export function endProcess(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || isGone(child) || ending.has(child)) return;
  ending.add(child);
  const isOrderly = !hasEnded(child) && canSeeProcesses();
  let signal: NodeJS.Signals = 'SIGTERM';
  let isPatient = true;
  const endNext = () => {
    for (const leaf of leavesOf(pid)) if (!(isPatient && isBeingStarted(leaf))) endLeaf(leaf.pid, signal);
  };
  if (isOrderly) endNext();
  else signalGroup(child, signal);
  const again = isOrderly ? setInterval(endNext, lookAgainMs) : undefined;
  const timers = [
    setTimeout(() => {
      isPatient = false;
    }, patienceMs),
    setTimeout(() => {
      signal = 'SIGKILL';
    }, killAfterMs),
    setTimeout(() => signalGroup(child, 'SIGKILL'), killAllAfterMs),
    setTimeout(() => {
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
    }, giveUpAfterMs),
  ];
  child.once('exit', () => clearInterval(again));
  child.once('close', () => {
    clearInterval(again);
    timers.forEach(clearTimeout);
  });
}

export function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid !== undefined) send(-child.pid, name);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function isGone(child: ChildProcess): boolean {
  return hasEnded(child) && [child.stdout, child.stderr].every((pipe) => pipe?.destroyed !== false);
}

/** Looked at while it stands still, as it may have been about to start a helper. It goes on in every case. */
function endLeaf(pid: number, signal: NodeJS.Signals): void {
  if (stateOf(pid) === 'Z') return;
  send(pid, 'SIGSTOP');
  if (standsStill(pid) && childrenOf(pid)?.length === 0) send(pid, signal);
  send(pid, 'SIGCONT');
}

/** A process takes note of a signal within microseconds, unless it waits for the disk: then the next look ends it. */
function standsStill(pid: number): boolean {
  for (let looks = 0; looks < 20; looks++) if (stateOf(pid) === 'T') return true;
  return false;
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Nobody is left, or (ssh may be set-uid) nobody whom we may end.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
