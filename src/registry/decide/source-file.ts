import { StorageError } from '../../errors.ts';
import type { GitIndex } from '../../index/git-index.ts';

/** A source's index file: its bytes, or why it cannot be used although it is there (the end of a sentence). */
export type SourceFile = { readonly bytes: Buffer } | { readonly unreadable: string };

/** Reads an index file that a source has written, if it is no larger than allowed: its size is asked first. */
export async function readSourceFile(index: GitIndex, id: string, maxBytes: number): Promise<SourceFile> {
  const read = await index.readBounded(id, maxBytes);
  switch (read.kind) {
    case 'read':
      return { bytes: read.bytes };
    case 'too-large':
      return {
        unreadable: `it has ${read.sizeBytes.toLocaleString('en')} bytes, more than ${maxBytes.toLocaleString('en')}`,
      };
    case 'missing':
      throw missingObject(index, id);
  }
}

/** Reads a file that we have written ourselves. */
export async function readOwnFile(index: GitIndex, id: string): Promise<Buffer> {
  const content = await index.read(id);
  if (!content) throw missingObject(index, id);
  return content;
}

function missingObject(index: GitIndex, id: string): StorageError {
  return new StorageError(`object ${id} is missing from ${index.directory}`, {
    hint: 'run "git fsck" there; a copy of the repository can supply it',
  });
}
