import type { Readable } from 'node:stream';
import type { ByteRange } from '../../archives/archive-store.ts';
import type { Block } from '../../model/block.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Lookup } from '../../model/lookup.ts';
import type { GoneArchive } from '../sync/unlisted.ts';

/** What asking for an archive ends in: a lookup, or a refusal that no asking again changes. */
export type ArchiveOutcome = Lookup<ServedArchive> | ArchiveRefusal;

export type ArchiveRefusal = BlockedArchive | GoneArchive;

export interface BlockedArchive {
  readonly kind: 'blocked';
  readonly block: Pick<Block, 'reason' | 'at' | 'version' | 'isWithdrawn'>;
}

export interface ServedArchive {
  readonly checksum: Checksum;
  readonly sizeBytes: number;
  /** The whole archive, of a small one that has just been fetched: give it out, and let it go. */
  readonly bytes?: Buffer | undefined;
  /** Opens verified bytes; the caller reads or destroys the stream. May be called more than once. */
  open(range?: ByteRange): Promise<Readable>;
  /** The whole archive; only for small ones. */
  read(): Promise<Buffer>;
}

export interface ServedFile {
  /** Opaque, visible ASCII, without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** A small one as it is; of others verified bytes, as a stream that the caller reads or destroys. */
  readonly content: Buffer | ((range: ByteRange | undefined) => Promise<Readable>);
}
