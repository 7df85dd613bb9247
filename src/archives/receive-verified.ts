import { createHash } from 'node:crypto';
import { addAbortSignal, type Readable } from 'node:stream';
import { ExcessError, IntegrityError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import type { StoreOptions } from './archive-store.ts';
import type { DiskTicket } from './disk-share.ts';
import { createPieces } from './pieces.ts';
import { createZipCheck } from './zip-start.ts';

/** Where the bytes of an archive go while it is on its way and not verified yet. */
export interface PieceSink {
  /** Takes the next bytes. Called again only when it has resolved. */
  readonly append: (piece: Buffer) => Promise<void>;
  /** Counts them as part of what the source may fill of the disk; `undefined` where nothing is bounded. */
  readonly ticket: DiskTicket | undefined;
  /** Whether nothing else than a zip file is wanted. */
  readonly isZip: boolean;
}

/** Passes the body on in pieces of about 1 MiB, the last one only when all bytes are known to be the right ones. */
export async function receiveVerified(
  checksum: Checksum,
  body: Readable,
  { maxBytes = Number.POSITIVE_INFINITY, signal, onVerified }: StoreOptions,
  { append, ticket, isZip }: PieceSink,
): Promise<number> {
  const hash = createHash('sha256');
  const pieces = createPieces();
  const zip = isZip ? createZipCheck() : undefined;
  let sizeBytes = 0;
  signal?.throwIfAborted();
  if (signal) addAbortSignal(signal, body);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(checksum, maxBytes);
      if (zip?.accepts(chunk) === false) throw notAnArchive();
      hash.update(chunk);
      for (const piece of pieces.take(chunk)) {
        await ticket?.add(piece.length);
        await append(piece);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  // Nothing of what came instead is told: it may be what a server inside answered.
  if (zip?.isZip() === false) throw notAnArchive();
  if (hash.digest('hex') !== checksum)
    throw new IntegrityError(`what was received is not what the checksum in the index says, ${checksum}`);
  const last = pieces.rest();
  if (last.length === sizeBytes) onVerified?.(last);
  await append(last);
  return sizeBytes;
}

export function tooLarge(checksum: Checksum, maxBytes: number): ExcessError {
  return new ExcessError(`archive ${checksum} is larger than the ${maxBytes} bytes allowed`);
}

function notAnArchive(): IntegrityError {
  return new IntegrityError('what was received is no archive: it does not begin as a zip file does');
}
