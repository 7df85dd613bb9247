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
