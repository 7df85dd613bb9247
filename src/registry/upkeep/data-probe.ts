import type { ArchiveUpkeep } from '../../archives/archive-store.ts';
import type { StorageError } from '../../errors.ts';
import { fingerprintIndex, probeIndex } from '../../index/probe-index.ts';

/** For whoever serves the data: whether they can be read, by a program that knows nothing of them yet. */
export interface DataProbe {
  /** Something that differs whenever a file of the index has changed. */
  fingerprint(): Promise<string>;
  /** Why the index cannot be served, having read all of it that clients want; see `probeIndex`. */
  probeIndex(timeoutMs: number): Promise<StorageError | undefined>;
  /** Why no archive can be read. */
  probeArchives(): Promise<StorageError | undefined>;
}

export function createDataProbe(index: string, archives: Pick<ArchiveUpkeep, 'probe'>): DataProbe {
  return {
    fingerprint: () => fingerprintIndex(index),
    probeIndex: (timeoutMs) => probeIndex(index, { timeoutMs }),
    probeArchives: () => archives.probe(),
  };
}
