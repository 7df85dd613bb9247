import { parseIndexFile } from '../../index/index-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ArchiveDelivery } from './deliver-archive.ts';
import type { ServedIndex } from './served-index.ts';

/** Fetches an archive again that some line of the served index names; whether it is here now. */
export async function repairListed(
  checksum: Checksum,
  served: Pick<ServedIndex, 'readAll'>,
  delivery: Pick<ArchiveDelivery, 'repair'>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for await (const { module, file } of served.readAll()) {
    signal?.throwIfAborted();
    const line = parseIndexFile(file).lines.find(({ entry }) => entry.checksum === checksum);
    if (line) return delivery.repair(module, line.entry);
  }
  return false;
}
