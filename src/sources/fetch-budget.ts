import { statfs } from 'node:fs/promises';
import type { SourceLimits } from '../config/config.ts';
import { onDisk } from '../support/disk/disk-errors.ts';

/** What one fetch may take of the disk, in bytes, and which setting says so. */
export interface FetchBudget {
  readonly bytes: number;
  readonly setting: string;
}

/** Throws `StorageError` where the disk does not say how much of it is free. */
export async function fetchBudget(folder: string, limits: SourceLimits): Promise<FetchBudget> {
  const disk = await onDisk(`ask for the free space of ${folder}`, () => statfs(folder));
  return decideBudget(limits, disk.bavail * disk.bsize);
}

export function decideBudget(
  { fetchBytes, diskShare }: Pick<SourceLimits, 'fetchBytes' | 'diskShare'>,
  freeBytes: number,
): FetchBudget {
  const share = Math.floor(freeBytes * diskShare);
  return share < fetchBytes
    ? { bytes: share, setting: 'limits.disk_share' }
    : { bytes: fetchBytes, setting: 'limits.fetch_bytes' };
}

const mebibyte = 1024 * 1024;

/**
 * What git may allocate in one piece (GIT_ALLOC_LIMIT): its lists of objects, a folder, a small file. Larger files are
 * streamed, so an honest index stays far below; what expands in memory ends git.
 */
export function allocationLimit({ modules, indexFileBytes }: SourceLimits): number {
  return Math.max(32 * mebibyte, modules * 160, indexFileBytes * 4);
}
