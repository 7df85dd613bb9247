import { readdirSync, readFileSync } from 'node:fs';

/** Resident bytes of a process and all its descendants now, from /proc; shared pages count once per process. */
export function residentMiB(pid: number): number {
  return sumOfFamily(pid, kibibytes) / 1024;
}

/** Seconds of CPU time, user and system, that a process and its running descendants have taken, from /proc. */
export function cpuSeconds(pid: number): number {
  const ticksPerSecond = 100; // USER_HZ, which proc(5) counts in
  return sumOfFamily(pid, cpuTicks) / ticksPerSecond;
}

function sumOfFamily(pid: number, measure: (pid: number) => number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(
      readProc(`${name}/stat`)
        .replace(/^.*\) . /s, '')
        .split(' ')[0],
    );
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const sum = (process: number): number =>
    measure(process) + (children.get(process) ?? []).map(sum).reduce((a, b) => a + b, 0);
  return sum(pid);
}

/** The largest of what `residentMiB` says every 50 ms while `work` runs. */
export async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = residentMiB(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMiB(pid));
  }, 50);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, residentMiB(pid));
}

function kibibytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`))?.[1] ?? 0);
}

function cpuTicks(pid: number): number {
  const [user = 0, system = 0] = readProc(`${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return user + system;
}

/** Processes end while we look. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
