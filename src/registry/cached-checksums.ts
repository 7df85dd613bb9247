import type { ArchiveStore } from '../archives/archive-store.ts';
import { parseIndexFile } from '../index/index-file.ts';
import type { Checksum } from '../model/checksum.ts';

/** Which archives that index files name are here. A version that upstream has replaced is named by the served file alone. */
export async function cachedChecksums(
  files: readonly (Buffer | undefined)[],
  archives: ArchiveStore,
): Promise<Set<Checksum>> {
  const lines = files.flatMap((file) => (file ? parseIndexFile(file).lines : []));
  const checksums = [...new Set(lines.map((line) => line.entry.checksum))];
  const isHere = await Promise.all(checksums.map((checksum) => archives.has(checksum)));
  return new Set(checksums.filter((_, position) => isHere[position]));
}
