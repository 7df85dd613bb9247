import { createHash, hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Checksum } from '../model/checksum.ts';
import { errorCode } from '../support/error-code.ts';

export interface CheckOptions {
  /** Waited for after every piece of the file: how fast it is read. */
  readonly pace?: ((sizeBytes: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is wrong with stored bytes, as the end of "archive X …". */
export type Damage = string;

// What a disk says of a file it cannot give back, now or later; other failures are not the file's.
const damageCodes = new Set(['EIO', 'EREMOTEIO', 'EBADMSG', 'EUCLEAN', 'EHWPOISON', 'EISDIR']);

/**
 * Reads `open()` to its end and says what is wrong with it; `undefined` if its SHA-256 is `checksum`. Throws what
 * reading failed with where that says nothing about the bytes, such as too many open files, and the signal's reason.
 */
export async function findDamage(
  checksum: Checksum,
  open: () => Promise<Readable | undefined>,
  { pace, signal }: CheckOptions = {},
): Promise<Damage | undefined> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  try {
    const stream = await open();
    if (!stream) return 'was removed while it was read';
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      digest.update(chunk);
      sizeBytes += chunk.length;
      await pace?.(chunk.length);
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || !damageCodes.has(code)) throw error;
    return `cannot be read: ${code}`;
  }
  return describeWrongBytes(checksum, digest.digest('hex'), sizeBytes);
}

/** As `findDamage`, for bytes in memory. */
export function findDamageIn(checksum: Checksum, bytes: Uint8Array): Damage | undefined {
  return describeWrongBytes(checksum, hash('sha256', bytes, 'hex'), bytes.length);
}

function describeWrongBytes(checksum: Checksum, actual: string, sizeBytes: number): Damage | undefined {
  return actual === checksum ? undefined : `has ${sizeBytes} bytes with the SHA-256 ${actual}`;
}

/** The system's code, also of a failure that was worded for people already. */
function systemCode(error: unknown): string | undefined {
  const { cause } = error instanceof Error ? error : {};
  return cause === undefined ? errorCode(error) : systemCode(cause);
}
