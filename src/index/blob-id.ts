import { createHash } from 'node:crypto';

/** The object id git gives these bytes as a blob. */
export function gitBlobId(bytes: Buffer): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
