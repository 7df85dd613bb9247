import { readFileSync, statfsSync } from 'node:fs';

const place = '/dev/shm';
/** More than all tests together ever have there at a time. */
const neededBytes = 4 * 1024 ** 3;

/**
 * A folder in memory with room for what tests write, and where programs may be run; `undefined` where there is none. Every write of the
 * registry is made durable, which a disk takes milliseconds for, and what tests look at is the same in memory.
 */
export function findMemoryPlace(): string | undefined {
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .find(([, path]) => path === place);
    const [, , type, options = ''] = mount ?? [];
    if (type !== 'tmpfs' || /\b(noexec|ro)\b/.test(options)) return undefined;
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize >= neededBytes ? place : undefined;
  } catch {
    return undefined;
  }
}
