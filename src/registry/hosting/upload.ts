import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Checksum } from '../../model/checksum.ts';
import { onDisk, unlessFileFailure } from '../../support/disk/disk-errors.ts';
import { temporaryName } from '../../support/disk/temporary-file.ts';
import { type ByteSource, bytesOfFile } from './byte-source.ts';

/** A file that somebody wants to publish, on this disk while it is looked at. */
export interface Upload {
  readonly checksum: Checksum;
  readonly sizeBytes: number;
  /** Gives its bytes in any order while `use` runs. */
  withBytes<T>(use: (bytes: ByteSource) => Promise<T>): Promise<T>;
  open(): Readable;
  /** Harmless where it is gone already. */
  remove(): Promise<void>;
}

/**
 * Writes `body` below `folder`, which is there. `undefined`, with nothing left behind, where it has more than `maxBytes`. Throws
 * `StorageError` where our disk fails, and what `body` fails with.
 */
export async function receiveUpload(
  folder: string,
  body: Readable,
  maxBytes: number,
): Promise<Upload | undefined> {
  const file = join(folder, temporaryName('upload'));
  const remove = () => onDisk(`remove ${file}`, () => rm(file, { force: true }));
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _, done) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      done(sizeBytes > maxBytes ? new ExcessBytes() : null, chunk);
    },
  });
  try {
    await pipeline(body, measured, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    await remove();
    if (error instanceof ExcessBytes) return undefined;
    throw unlessFileFailure(error);
  }
  return {
    checksum: hash.digest('hex') as Checksum,
    sizeBytes,
    async withBytes(use) {
      const handle = await onDisk(`open ${file}`, () => open(file, 'r'));
      try {
        return await use(await bytesOfFile(handle));
      } finally {
        await handle.close();
      }
    },
    open: () => createReadStream(file),
    remove,
  };
}

class ExcessBytes extends Error {}
