import { readdirSync, readFileSync } from 'node:fs';

/** A process and everything that it has started, and that has started, and so on: those that run now. */
export function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (one: number): number[] => [one, ...(children.get(one) ?? []).flatMap(below)];
  return below(pid);
}

function parentOf(pid: string): number | undefined {
  const stat = readOf(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Of these, those that are running; a process that has ended and that nobody asked about is none. */
export function runningOf(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    const stat = readOf(`/proc/${pid}/stat`);
    return stat !== undefined && !/^Z/.test(stat.slice(stat.lastIndexOf(')') + 2));
  });
}

/** Its command line, as far as it is known. */
export function commandOf(pid: number): string {
  return (readOf(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').slice(0, 300);
}

export function openFilesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function readOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
