import { createHash } from 'node:crypto';
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { errorCode } from '../../support/error-code.ts';
import type { ByteSource } from './byte-source.ts';
import { zipMethods } from './zip-entry.ts';
import type { PlacedEntry } from './zip-layout.ts';

/** `content` where it was wanted, `digest` its SHA-256 in hex either way; `reason` is the end of a sentence about the entry. */
export type Unpacked =
  | { readonly kind: 'unpacked'; readonly content: Buffer; readonly digest: string }
  | { readonly kind: 'damaged'; readonly reason: string };

const pieceBytes = 64 * 1024;

/**
 * Unpacks one entry and compares what comes out with what it states. Nothing is unpacked beyond its stated size, a piece
 * is in memory at a time, and the content only where `isWanted`.
 */
export async function unpackEntry(
  bytes: ByteSource,
  entry: PlacedEntry,
  isWanted: boolean,
): Promise<Unpacked> {
  const { method, unpackedBytes, crc } = entry.entry;
  const content: Buffer[] = [];
  const hash = createHash('sha256');
  let actualCrc = 0;
  let actualBytes = 0;
  try {
    for await (const piece of method === zipMethods.stored
      ? readPacked(bytes, entry)
      : inflate(bytes, entry)) {
      actualBytes += piece.length;
      if (actualBytes > unpackedBytes)
        return damaged(`unpacks to more than the ${unpackedBytes} bytes it states`);
      actualCrc = crc32(piece, actualCrc);
      hash.update(piece);
      if (isWanted) content.push(piece);
    }
  } catch (error) {
    if (error instanceof DamagedStream) return damaged(error.message);
    throw error;
  }
  if (actualBytes < unpackedBytes)
    return damaged(`unpacks to ${actualBytes} of the ${unpackedBytes} bytes it states`);
  if (actualCrc !== crc) return damaged('unpacks to other bytes than its checksum states');
  return { kind: 'unpacked', content: Buffer.concat(content), digest: hash.digest('hex') };
}

/** The message is the end of a sentence. */
class DamagedStream extends Error {}

function damaged(reason: string): Unpacked {
  return { kind: 'damaged', reason };
}

async function* readPacked(bytes: ByteSource, { dataAt, entry }: PlacedEntry): AsyncGenerator<Buffer> {
  for (let at = 0; at < entry.packedBytes; ) {
    const piece = await bytes.read(dataAt + at, Math.min(pieceBytes, entry.packedBytes - at));
    if (piece.length === 0) throw new DamagedStream('is cut off');
    yield piece;
    at += piece.length;
  }
}

async function* inflate(bytes: ByteSource, entry: PlacedEntry): AsyncGenerator<Buffer> {
  const stream = createInflateRaw({ chunkSize: pieceBytes });
  const fed = feed(stream, readPacked(bytes, entry));
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    if (!errorCode(error)?.startsWith('Z_')) throw error;
    throw new DamagedStream('is not what deflating gives');
  } finally {
    // What it says has an end before its bytes have takes no more: whoever feeds it waits until it is closed.
    stream.destroy();
    await fed;
  }
  if (stream.bytesWritten !== entry.entry.packedBytes) throw new DamagedStream('has bytes behind its end');
}

/** Never fails: what goes wrong is what reading the stream fails with. */
async function feed(stream: InflateRaw, pieces: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (stream.destroyed) return;
      if (!stream.write(piece)) await drained(stream);
    }
    if (!stream.destroyed) stream.end();
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function drained(stream: InflateRaw): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.once('drain', settle).once('close', settle);
  });
}
