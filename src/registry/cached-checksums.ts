import type { ArchiveStore } from '../archives/archive-store.ts';
import { parseIndexFile } from '../index/index-file.ts';
import type { Checksum } from '../model/checksum.ts';

/** Which archives an index file names are here. */
export async function cachedChecksums(file: Buffer, archives: ArchiveStore): Promise<Set<Checksum>> {
  const checksums = [...new Set(parseIndexFile(file).lines.map((line) => line.entry.checksum))];
  const isHere = await Promise.all(checksums.map((checksum) => archives.has(checksum)));
  return new Set(checksums.filter((_, position) => isHere[position]));
}
