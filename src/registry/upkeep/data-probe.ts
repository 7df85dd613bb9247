import { readdir } from 'node:fs/promises';
import type { StorageError } from '../../errors.ts';
import { fingerprintIndex, probeIndex } from '../../index/probe-index.ts';
import { storageErrorOf } from '../../support/disk/disk-errors.ts';

/** For whoever serves the data: whether they can be read, by a program that knows nothing of them yet. */
export interface DataProbe {
  /** Something that differs whenever a file of the index has changed. */
  fingerprint(): Promise<string>;
  /** Why the index cannot be served, having read all of it that clients want; see `probeIndex`. */
  probeIndex(timeoutMs: number): Promise<StorageError | undefined>;
  /** Why no archive can be read. */
  probeArchives(): Promise<StorageError | undefined>;
}

export function createDataProbe({
  index,
  packages,
}: {
  readonly index: string;
  readonly packages: string;
}): DataProbe {
  return {
    fingerprint: () => fingerprintIndex(index),
    probeIndex: (timeoutMs) => probeIndex(index, { timeoutMs }),
    probeArchives: () =>
      readdir(packages).then(
        () => undefined,
        (error: unknown) => storageErrorOf(`read ${packages}`, error),
      ),
  };
}
