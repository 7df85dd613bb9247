import { statfs } from 'node:fs/promises';
import { StorageError } from '../errors.ts';
import { onDisk } from '../support/disk/disk-errors.ts';
import { shellLine } from '../support/shell.ts';

const gibibyte = 1024 ** 3;
const defaultReserveBytes = 2 * gibibyte;
const defaultReserveShare = 0.05;
/** With so much more than the reserve free, the disk is looked at once a second and not for each archive. */
const ampleBytes = gibibyte;
const msBetweenLooks = 1000;

export interface DiskSpace {
  /** What anybody but root may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What is free, and what of it is kept free of archives and assets. */
export interface CacheSpace {
  readonly freeBytes: number;
  readonly reserveBytes: number;
  /** Nothing is added to what is cached. */
  readonly isPaused: boolean;
}

/** There is room on the disk, but that is kept for the index and its state. */
export class ReserveError extends StorageError {}

/**
 * Archives can be had again, the state cannot: so caching stops while there is still room for the state. What was cached
 * stays.
 */
export interface CacheReserve {
  /** Whether so many more bytes may be cached. */
  isRoomFor(sizeBytes: number): Promise<boolean>;
  /** Throws `ReserveError` where they may not. */
  check(sizeBytes: number): Promise<void>;
  /** Why nothing may be cached. */
  refusal(): Promise<ReserveError>;
  /** Whether there was no room when it was last asked for. */
  readonly isRefusing: boolean;
  look(): Promise<CacheSpace>;
}

/** `setting`: `registry.cache_reserve` in bytes; without it, 5 % of the disk and 2 GiB at least. */
export function reserveOf(totalBytes: number, setting: number | undefined): number {
  return setting ?? Math.max(defaultReserveBytes, defaultReserveShare * totalBytes);
}

export function createCacheReserve(
  place: string,
  setting: () => number | undefined,
  readDisk: (place: string) => Promise<DiskSpace> = readDiskSpace,
): CacheReserve {
  let isRefusing = false;
  /** What the disk said last, less what may have been written since. */
  let last: DiskSpace | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  async function look(moreBytes = 0): Promise<CacheSpace> {
    const { freeBytes, totalBytes } = await readDisk(place);
    last = { freeBytes, totalBytes };
    lookedAt = performance.now();
    const reserveBytes = reserveOf(totalBytes, setting());
    isRefusing = reserveBytes > 0 && freeBytes - moreBytes <= reserveBytes;
    return { freeBytes, reserveBytes, isPaused: isRefusing };
  }
  /** So much room that nobody need look again just yet. */
  function isAmple({ freeBytes, totalBytes }: DiskSpace, moreBytes: number): boolean {
    const isRecent = performance.now() - lookedAt < msBetweenLooks;
    return isRecent && freeBytes - moreBytes > reserveOf(totalBytes, setting()) + ampleBytes;
  }
  const reserve: CacheReserve = {
    look: () => look(),
    get isRefusing() {
      return isRefusing;
    },
    async isRoomFor(sizeBytes) {
      if (!last || !isAmple(last, sizeBytes)) return !(await look(sizeBytes)).isPaused;
      last = { ...last, freeBytes: last.freeBytes - sizeBytes };
      isRefusing = false;
      return true;
    },
    async check(sizeBytes) {
      if (!(await reserve.isRoomFor(sizeBytes))) throw await reserve.refusal();
    },
    async refusal() {
      const { freeBytes, reserveBytes } = await look();
      return new ReserveError(
        `archives are not cached any more: ${inGibibytes(freeBytes)} are free at ${place}, and ${inGibibytes(reserveBytes)} are ` +
          'kept free for the index and its state',
        {
          hint: `free some space there, or keep less free: ${shellLine`moonbit-registry config registry.cache_reserve ${lowerThan(freeBytes)}`}`,
        },
      );
    },
  };
  return reserve;
}

/** What a file system says of itself. No limit where it does not say how large it is. */
export async function readDiskSpace(place: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await onDisk(`look how much is free at ${place}`, () => statfs(place));
  if (blocks === 0) return { freeBytes: Number.POSITIVE_INFINITY, totalBytes: 0 };
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

export function inGibibytes(bytes: number): string {
  return bytes < gibibyte / 10
    ? `${(bytes / 1024 ** 2).toFixed(1)} MiB`
    : `${(bytes / gibibyte).toFixed(1)} GiB`;
}

/** A setting that lets caching go on for a while: half of what is free. */
function lowerThan(freeBytes: number): string {
  return `${Math.floor(freeBytes / 2 / 1024 ** 2)}MiB`;
}
