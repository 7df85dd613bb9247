import { readdir } from 'node:fs/promises';
import { fingerprintIndex, probeIndex } from '../../index/probe-index.ts';
import { storageErrorOf } from '../../support/disk/disk-errors.ts';
import type { DataProbe } from '../registry.ts';

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
