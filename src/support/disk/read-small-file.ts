import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from '../error-code.ts';

/** The text of a file that an operator named, or why it cannot be had, in words that go after its name and never hold it. */
export type SmallFile =
  | { readonly kind: 'read'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Reads UTF-8 text, a byte-order mark included; never waits, whatever the file is. */
export async function readSmallFile(path: string, maxBytes: number): Promise<SmallFile> {
  let file: FileHandle | undefined;
  try {
    // Whoever opened a pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return unreadable('is not a regular file');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1));
    if (bytesRead > maxBytes) return unreadable(`is larger than ${maxBytes / 1024} KiB`);
    const text = decode(buffer.subarray(0, bytesRead));
    return text === undefined ? unreadable('is not UTF-8 text') : { kind: 'read', text };
  } catch (error) {
    return unreadable(troubleOf(errorCode(error)));
  } finally {
    await file?.close();
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function troubleOf(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  return `cannot be read (${code ?? 'unexpected failure'})`;
}

function unreadable(problem: string): SmallFile {
  return { kind: 'unreadable', problem };
}
