import type { Checksum } from '../model/checksum.ts';
import type { ArchiveStore } from './archive-store.ts';

// A local file header, or the end of the central directory of an archive without files (APPNOTE.TXT 4.3.7, 4.3.16).
const starts = [Buffer.from('PK\x03\x04', 'latin1'), Buffer.from('PK\x05\x06', 'latin1')];
const length = 4;

/**
 * Looks at how a stream begins: `accepts` takes its pieces in order, until it has answered `false` or the stream is over;
 * `isZip` is whether what came is a zip file by its first bytes. So nothing else is ever kept as an archive: not what a
 * service answers that a source sent us to, whatever checksum the source lists for it.
 */
export function createZipCheck(): { accepts(piece: Uint8Array): boolean; isZip(): boolean } {
  let head = Buffer.alloc(0);
  const fits = () => starts.some((start) => start.subarray(0, head.length).equals(head));
  return {
    accepts(piece) {
      if (head.length < length) head = Buffer.concat([head, piece.subarray(0, length - head.length)]);
      return fits();
    },
    isZip: () => head.length === length && fits(),
  };
}

/** Whether what is stored under a checksum begins as a zip file; `false` where there is nothing. */
export async function beginsAsZip(store: Pick<ArchiveStore, 'open'>, checksum: Checksum): Promise<boolean> {
  const start = await store.open(checksum, { start: 0, end: length - 1 });
  const zip = createZipCheck();
  for await (const piece of start ?? []) zip.accepts(piece as Buffer);
  return zip.isZip();
}
