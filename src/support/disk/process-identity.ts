import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errorCode } from '../error-code.ts';

/** Names one run of one process, so that another process can tell later whether it is still that one. */
export interface ProcessIdentity {
  /** For people. */
  readonly host: string;
  /** Where `pid` means something: host name, boot and pid namespace. Containers may share a host name. */
  readonly place: string;
  readonly pid: number;
  /** In clock ticks since boot; `undefined` where the system does not tell (no `/proc`). */
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

export async function identifyThisProcess(): Promise<ProcessIdentity> {
  return {
    host: hostname(),
    place: placeOfThisProcess(),
    pid: process.pid,
    startedAt: (await readProcFacts(process.pid))?.startedAt,
  };
}

/** What became of the process `identity` names, as far as `observer`, this process, can tell. */
export async function fateOf(
  identity: ProcessIdentity,
  observer: ProcessIdentity,
): Promise<'running' | 'ended' | 'unknown'> {
  if (identity.place !== observer.place) return 'unknown';
  if (!hasProcess(identity.pid)) return 'ended';
  const facts = await readProcFacts(identity.pid);
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

// proc(5): "pid (comm) state …", where comm may contain spaces and parentheses; starttime is field 22.
async function readProcFacts(pid: number): Promise<{ startedAt: string; isZombie: boolean } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startedAt = fields[19];
  if (state === undefined || startedAt === undefined) return undefined;
  return { startedAt, isZombie: state === 'Z' || state === 'X' };
}
