/** What is gathered before anything is written: a smaller body is one piece. */
export const pieceBytes = 1024 * 1024;
/** Of a larger body, how much is written at a time after that. */
const laterPieceBytes = 256 * 1024;

/**
 * Cuts a body into pieces for writing. Those of a large body share the same memory: each must have been used when the next
 * chunk is taken, so that a body costs little, however large it is.
 */
export function createPieces() {
  let gathered: Uint8Array[] = [];
  let shared: Buffer | undefined;
  let filled = 0;

  return {
    *take(chunk: Uint8Array): Generator<Buffer> {
      if (!shared) {
        gathered.push(chunk);
        filled += chunk.length;
        if (filled < pieceBytes) return;
        yield Buffer.concat(gathered);
        gathered = [];
        shared = Buffer.allocUnsafeSlow(laterPieceBytes);
        filled = 0;
        return;
      }
      for (let taken = 0; taken < chunk.length; ) {
        const part = chunk.subarray(taken, taken + shared.length - filled);
        shared.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled < shared.length) continue;
        yield shared;
        filled = 0;
      }
    },
    rest: (): Buffer => (shared ? shared.subarray(0, filled) : Buffer.concat(gathered)),
  };
}
