import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Whether `/proc` tells of the processes that our numbers mean: not outside of Linux, nor where it is another pid
 * namespace's.
 */
export function canSeeProcesses(): boolean {
  isVisible ??= orElse(false, () => {
    const self = readlinkSync('/proc/self');
    return self === String(process.pid) && childrenOf(process.pid) !== undefined;
  });
  return isVisible;
}

let isVisible: boolean | undefined;

/**
 * The processes that it started and has not yet waited for, ended ones among them. `undefined` where the system does not
 * tell, or it is gone.
 */
export function childrenOf(pid: number): number[] | undefined {
  return orElse(undefined, () => {
    const threads = readdirSync(`/proc/${pid}/task`);
    const texts = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'));
    return texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
  });
}

/** What the system tells of a process from its state on, a field each (proc(5)); `undefined` where it does not tell, or it is gone. */
export function statOf(pid: number): string[] | undefined {
  return orElse(undefined, () => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the command may contain spaces and parentheses.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  });
}

/** One letter (proc(5)): `T` is stopped, `Z` is ended and not yet waited for. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0];
}

export interface Leaf {
  readonly pid: number;
  readonly parent: number | undefined;
}

/** It, or those below it, that have no process below them which is not yet waited for. */
export function leavesOf(pid: number, parent?: number): Leaf[] {
  const children = childrenOf(pid) ?? [];
  return children.length === 0 ? [{ pid, parent }] : children.flatMap((child) => leavesOf(child, pid));
}

/** Whether it has yet to become the program that it was started for, or whoever started it may still write into its pipe. */
export function isBeingStarted({ pid, parent }: Leaf): boolean {
  return parent !== undefined && orElse(false, () => isCopyOf(pid, parent) || isWrittenTo(pid, parent));
}

function isCopyOf(pid: number, parent: number): boolean {
  const [one, other] = [pid, parent].map((each) => readFileSync(`/proc/${each}/cmdline`, 'latin1'));
  return one === other;
}

function isWrittenTo(pid: number, parent: number): boolean {
  const input = readlinkSync(`/proc/${pid}/fd/0`);
  if (!input.startsWith('pipe:')) return false;
  const files = readdirSync(`/proc/${parent}/fd`).map((name) => `/proc/${parent}/fd/${name}`);
  return files.some((file) => readlinkSync(file) === input && (lstatSync(file).mode & 0o200) !== 0);
}

function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
