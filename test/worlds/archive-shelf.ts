import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** The archives of an embedded registry: bytes one after the other in one file, found by `module@version`. */
export interface ArchiveShelf {
  /** Returns the checksum. A later archive of the same id hides the earlier one. */
  add(id: string, archive: Buffer): Promise<string>;
  has(id: string): boolean;
  read(id: string): Promise<ShelvedArchive | undefined>;
  remove(id: string): void;
  close(): Promise<void>;
}

interface ShelvedArchive {
  readonly bytes: Buffer;
  readonly checksum: string;
}

/** Starts an empty shelf; a file that is already there is replaced. */
export async function createArchiveShelf(path: string): Promise<ArchiveShelf> {
  const file = await open(path, 'w+');
  const places = new Map<string, { offset: number; length: number; checksum: string }>();
  let end = 0;
  return {
    async add(id, archive) {
      const checksum = createHash('sha256').update(archive).digest('hex');
      const offset = end;
      end += archive.length;
      await file.write(archive, 0, archive.length, offset);
      places.set(id, { offset, length: archive.length, checksum });
      return checksum;
    },
    has: (id) => places.has(id),
    async read(id) {
      const place = places.get(id);
      if (!place) return undefined;
      const bytes = Buffer.allocUnsafe(place.length);
      const { bytesRead } = await file.read(bytes, 0, place.length, place.offset);
      if (bytesRead !== place.length) throw new Error(`the shelf ${path} was cut short`);
      return { bytes, checksum: place.checksum };
    },
    remove: (id) => void places.delete(id),
    close: () => file.close(),
  };
}
