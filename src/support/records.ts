/** Takes a stream of bytes apart at each `separator`, whatever its chunks; what follows the last one is left out. */
export function createRecordSplitter(separator: number, deliver: (record: Buffer) => void) {
  let pending: Buffer[] = [];
  return (chunk: Buffer): void => {
    let start = 0;
    for (let end = chunk.indexOf(separator); end >= 0; end = chunk.indexOf(separator, start)) {
      const rest = chunk.subarray(start, end);
      deliver(pending.length === 0 ? rest : Buffer.concat([...pending, rest]));
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  };
}
