import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { Checksum } from '../../model/checksum.ts';

/** Beyond this many questions, listing the whole store is cheaper than looking for each archive. */
const manyArchives = 500;

/** Whether archives are in the store, for so many questions. */
export async function createPresence(
  archives: ArchiveStore,
  questions: number,
): Promise<(checksum: Checksum) => boolean | Promise<boolean>> {
  if (questions < manyArchives) return (checksum) => archives.has(checksum);
  const here = new Set<Checksum>();
  for await (const checksums of archives.names()) for (const checksum of checksums) here.add(checksum);
  return (checksum) => here.has(checksum);
}
