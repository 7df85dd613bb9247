import { LRUCache } from 'lru-cache';
import type { ReadyAnswer } from '../../http/answer.ts';
import { type EntityFacts, wholeHeaders } from '../../http/entity.ts';
import type { ServedArchive } from '../../registry/deliver/served-bytes.ts';

export interface ArchiveMemoryLimits {
  /** Archives up to this size are kept in memory and sent with one write. */
  readonly smallArchiveBytes: number;
  readonly archiveCacheBytes: number;
}

const rememberedTargetBytes = 16 * 1024 * 1024;

/** What hot archives need no git and no disk for. All of it is about targets as sent, at one commit of the state. */
export interface ArchiveMemory {
  recall(target: string, commit: string): ServedArchive | undefined;
  /** `caching` is what caches on the way are told of it. */
  remember(target: string, commit: string, archive: ServedArchive, caching: string): void;
  forget(target: string): void;
  /** The bytes of a small archive; `undefined` for a large one. */
  bytes(archive: ServedArchive): Promise<Buffer | undefined>;
  /** `undefined` as well when the commit is. */
  findReady(target: string, commit: string | undefined): ReadyAnswer | undefined;
}

interface Remembered {
  readonly commit: string;
  readonly archive: ServedArchive;
  readonly headers: readonly string[];
}

export function createArchiveMemory(limits: ArchiveMemoryLimits): ArchiveMemory {
  const targets = new LRUCache<string, Remembered>({
    maxSize: rememberedTargetBytes,
    sizeCalculation: (_, target) => 2 * target.length + 1500,
  });
  const contents = new LRUCache<string, Buffer>({
    maxSize: limits.archiveCacheBytes,
    sizeCalculation: (bytes) => bytes.length + 1,
  });
  const recall = (target: string, commit: string | undefined) => {
    const known = targets.get(target);
    return known?.commit === commit ? known : undefined;
  };
  return {
    recall: (target, commit) => recall(target, commit)?.archive,
    remember(target, commit, { bytes, ...archive }, caching) {
      if (bytes) contents.set(archive.checksum, bytes);
      const headers = Object.entries(wholeHeaders(describeArchive(archive, caching))).flat();
      targets.set(target, { commit, archive, headers });
    },
    forget: (target) => void targets.delete(target),
    findReady(target, commit) {
      const known = recall(target, commit);
      const body = known && contents.get(known.archive.checksum);
      return body && { headers: known.headers, body };
    },
    async bytes(archive) {
      if (archive.sizeBytes > limits.smallArchiveBytes) return undefined;
      const known = contents.get(archive.checksum) ?? archive.bytes;
      if (known) return known;
      const bytes = await archive.read();
      contents.set(archive.checksum, bytes);
      return bytes;
    },
  };
}

/** Below names of editions: whoever refuses an archive could not purge all the addresses it has there. A cache is told "the same" each time. */
export const editionArchiveCaching = 'public, no-cache, no-transform';

/**
 * The same bytes for as long as the version has its checksum, which an operator may change: a cache asks again after
 * five minutes, which costs a 304, and gives out what it has for a day while we do not answer.
 */
export const archiveCaching = 'public, max-age=300, stale-if-error=86400, no-transform';

export function describeArchive(archive: ServedArchive, caching: string): EntityFacts {
  return {
    etag: archive.checksum,
    sizeBytes: archive.sizeBytes,
    headers: {
      'Content-Type': 'application/zip',
      'Cache-Control': caching,
      'X-Checksum-SHA256': archive.checksum,
    },
  };
}
