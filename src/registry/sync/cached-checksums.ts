import type { ArchiveStore } from '../../archives/archive-store.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import type { Checksum } from '../../model/checksum.ts';

/**
 * Which archives that index files name are here. A version that upstream has replaced or deleted is named by the served
 * file alone, so with `served` only those are looked for that the source's file no longer names.
 */
export async function cachedChecksums(
  [sourceFile, servedFile]: readonly [source: Buffer | undefined, served: Buffer | undefined],
  archives: ArchiveStore,
  which: 'all' | 'served' = 'all',
): Promise<Set<Checksum>> {
  // Most often it is the source's own file that is served.
  const isSame = servedFile === undefined || (sourceFile?.equals(servedFile) ?? false);
  if (which === 'served' && isSame) return new Set();
  const checksumsOf = (file: Buffer | undefined) =>
    new Set((file ? parseIndexFile(file).lines : []).map(({ entry }) => entry.checksum));
  const stated = checksumsOf(sourceFile);
  const served = checksumsOf(servedFile);
  const wanted =
    which === 'all'
      ? new Set([...stated, ...served])
      : new Set([...served].filter((one) => !stated.has(one)));
  const checksums = [...wanted];
  const isHere = await Promise.all(checksums.map((checksum) => archives.has(checksum)));
  return new Set(checksums.filter((_, position) => isHere[position]));
}
