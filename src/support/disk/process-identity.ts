import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from '../error-code.ts';
import { statOf } from '../git/process-tree.ts';

/** Names one run of one process, so that another process can tell later whether it is still that one. */
export interface ProcessIdentity {
  /** Name of the machine, for people. */
  readonly host: string;
  /** Where `pid` means something: host name, boot and pid namespace. Containers may share a host name. */
  readonly place: string;
  readonly pid: number;
  /** When the process was started, in clock ticks since boot; `undefined` where the system does not tell (no `/proc`). */
  readonly startedAt: string | undefined;
}

/** Where this process's number means something, as in `ProcessIdentity`. */
export function placeOfThisProcess(): string {
  place ??= [hostname(), readOr(readBootId), readOr(readNamespace)].join('/');
  return place;
}

let place: string | undefined;
const readBootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const readNamespace = () => readlinkSync('/proc/self/ns/pid');

// There is no /proc outside Linux.
function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

export function identifyThisProcess(): ProcessIdentity {
  return {
    host: hostname(),
    place: placeOfThisProcess(),
    pid: process.pid,
    startedAt: readProcFacts(process.pid)?.startedAt,
  };
}

/** What became of a process, as far as can be told. */
export type Fate = 'running' | 'ended' | 'unknown';

/** What became of the process `identity` names, as far as `observer`, this process, can tell. */
export function fateOf(identity: ProcessIdentity, observer: ProcessIdentity): Fate {
  if (identity.place !== observer.place) return 'unknown';
  if (!hasProcess(identity.pid)) return 'ended';
  const facts = readProcFacts(identity.pid);
  if (!facts || identity.startedAt === undefined) return 'unknown';
  return facts.isZombie || facts.startedAt !== identity.startedAt ? 'ended' : 'running';
}

/** Whether a process of this number exists here: the one meant, or another that was given its number since. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

function readProcFacts(pid: number): { startedAt: string; isZombie: boolean } | undefined {
  const fields = statOf(pid);
  const state = fields?.[0];
  const startedAt = fields?.[19]; // starttime, of which the state is field 3
  if (state === undefined || startedAt === undefined) return undefined;
  return { startedAt, isZombie: state === 'Z' || state === 'X' };
}
