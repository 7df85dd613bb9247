import type { FileHandle } from 'node:fs/promises';

/** A file that is read piece by piece, in any order. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** The bytes from `at` on: `length` of them, or fewer where the file ends. Nobody changes what it gives. */
  read(at: number, length: number): Promise<Buffer>;
}

export function bytesInMemory(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sizeBytes: buffer.length,
    read: (at, length) => Promise.resolve(buffer.subarray(at, at + length)),
  };
}

/** Of an open file, which stays open and whose owner closes it. */
export async function bytesOfFile(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    async read(at, length) {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - at)));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, at + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
  };
}
