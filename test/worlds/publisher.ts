import { formatIndexLine, formatTime, indexPath } from '../../src/demo/index-line.ts';
import { createModuleArchive } from '../../src/demo/module-archive.ts';
import type { ArchiveShelf } from './archive-shelf.ts';
import type { UpstreamIndex } from './upstream-index.ts';

export interface Publication {
  readonly module: string;
  readonly version: string;
  readonly deps?: Readonly<Record<string, unknown>> | undefined;
  readonly binDeps?: Readonly<Record<string, unknown>> | undefined;
  /** Further keys of the index line; they replace generated ones, and `undefined` leaves a key out. */
  readonly line?: Readonly<Record<string, unknown>> | undefined;
  /** Default: generated from module, version, deps and size, so it is the same in every registry. */
  readonly archive?: Buffer | undefined;
  readonly sizeBytes?: number | undefined;
}

/**
 * Publishes in one commit; returns the checksums in the same order. A version that was published before is
 * replaced in its place, as has happened on the official registry (moon-protocol §11).
 */
export type Publish = (publications: Iterable<Publication>, message: string) => Promise<string[]>;

const firstPublication = Date.UTC(2026, 0, 1);

export function createPublisher(index: UpstreamIndex, shelf: ArchiveShelf): Publish {
  let publishedCount = 0;
  return async (publications, message) => {
    const checksums: string[] = [];
    const files = new Map<string, string[]>();
    for (const publication of publications) {
      const { module, version } = publication;
      const id = `${module}@${version}`;
      const isRepublished = shelf.has(id);
      const checksum = await shelf.add(id, publication.archive ?? createModuleArchive(publication));
      checksums.push(checksum);
      const lines = files.get(indexPath(module)) ?? splitLines(index.read(indexPath(module)));
      files.set(indexPath(module), lines);
      const line = formatIndexLine(createIndexRecord(publication, checksum, publishedCount++));
      const place = isRepublished ? lines.findIndex((present) => statesVersion(present, version)) : -1;
      lines.splice(place < 0 ? lines.length : place, place < 0 ? 0 : 1, line);
    }
    const contents = [...files].map(([path, lines]) => [path, Buffer.from(`${lines.join('\n')}\n`)] as const);
    if (contents.length > 0) await index.write(new Map(contents), message);
    return checksums;
  };
}

/** Keys in the order of the official registry. */
export function createIndexRecord(
  { module, version, deps, binDeps, line }: Publication,
  checksum: string,
  position: number,
): Record<string, unknown> {
  const { created_at = undefined, ...further } = line ?? {};
  const hasOwnTime = line !== undefined && 'created_at' in line;
  return {
    name: module,
    version,
    deps,
    'bin-deps': binDeps,
    ...further,
    checksum: further.checksum ?? checksum,
    created_at: hasOwnTime ? created_at : formatTime(firstPublication + position * 61_803),
  };
}

function splitLines(file: Buffer | undefined): string[] {
  return file === undefined ? [] : file.toString().replace(/\n$/, '').split('\n');
}

function statesVersion(line: string, version: string): boolean {
  return line.includes(`"version": ${JSON.stringify(version)}`);
}
