import type { Readable } from 'node:stream';
import type { StorageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import type { Supplier } from './disk-share.ts';

/**
 * Seam 2: verified archives by checksum, on this disk or elsewhere. What `has` and `open` show was verified when it was stored (rule 7);
 * an archive appears whole and durable, or not at all.
 */
export interface ArchiveStore {
  has(checksum: Checksum): Promise<boolean>;

  /** Size in bytes, or `undefined` if it is not here. */
  size(checksum: Checksum): Promise<number | undefined>;

  /** Bytes `start` to `end` inclusive, as a stream the caller reads or destroys; `undefined` if it is not here. */
  open(checksum: Checksum, range?: ByteRange): Promise<Readable | undefined>;

  /** Its size, and if it has at most `maxBytes` its bytes, at the cost of one look; `undefined` if it is not here. */
  load(checksum: Checksum, maxBytes: number): Promise<LoadedArchive | undefined>;

  /** The whole archive in memory; `undefined` if it is not here. For archives known to be small. */
  read(checksum: Checksum): Promise<Buffer | undefined>;

  /**
   * Stores `body` if it begins as a zip file does and its SHA-256 is `checksum`; consumes or destroys it in every case. Returns the size.
   * Throws `IntegrityError` when the bytes are others, which it says nothing about, `ExcessError` when they are too many, `ReserveError`
   * where the disk's room is kept for other things, `StorageError` when it fails, and whatever `body` fails with; nothing is left behind then. Storing what is already here is harmless.
   */
  store(checksum: Checksum, body: Readable, options?: StoreOptions): Promise<number>;

  /** Every checksum here, in no order. */
  list(): AsyncIterable<{ readonly checksum: Checksum; readonly sizeBytes: number }>;

  /** The same without their sizes, many at a time: at the cost of a listing of names, not a look at each archive. */
  names(): AsyncIterable<readonly Checksum[]>;

  /** Where people find it, to be shown: an absolute file path, or a URL for stores that are not on this disk. */
  locate(checksum: Checksum): string;
}

/** What else lies where archives are stored: damaged ones, and what was not stored to its end. For whoever operates the store. */
export interface ArchiveUpkeep {
  /**
   * Takes an archive whose bytes are not what its name says out of the store and keeps it for people to look at.
   * Answers where it is now; `undefined` if it was not here, or is right by now because another process put it in
   * order. Throws `StorageError` when it can neither be read as right nor be moved.
   */
  quarantine(checksum: Checksum): Promise<string | undefined>;

  /** The archives that were taken out, now and before, and where they are, to be shown. */
  quarantined(): Promise<{ readonly place: string; readonly checksums: ReadonlySet<Checksum> }>;

  /** What interrupted `store` calls left of processes that have ended, in no order. None of what may be in use. */
  findAbandoned(): Promise<readonly AbandonedUpload[]>;

  /** Of all archives here. */
  usage(): Promise<ArchiveUsage>;

  /** Why no archive can be read, at the cost of one look; `undefined` where they can. */
  probe(): Promise<StorageError | undefined>;
}

/** A store as its implementation has it: both sides of it, and what it gives out was verified when it came, and not since. */
export interface StoredArchives extends ArchiveStore, ArchiveUpkeep {}

export interface AbandonedUpload {
  /** To be shown: an absolute file path, or what the store calls it. */
  readonly place: string;
  /** Harmless where it is gone already. */
  remove(): Promise<void>;
}

export interface ArchiveUsage {
  readonly count: number;
  readonly bytes: number;
}

export interface LoadedArchive {
  readonly sizeBytes: number;
  readonly bytes: Buffer | undefined;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bounds of one `store`, and what its caller knows or wants to know. */
export interface StoreOptions {
  /** Reading stops with an `ExcessError` beyond this many bytes. */
  readonly maxBytes?: number | undefined;
  /** As the far side said; where that is too many, nothing is read. The body may still lie. */
  readonly announcedBytes?: number | undefined;
  /** Who may have only a share of the free disk on its way; without it, nobody counts. */
  readonly supplier?: Supplier | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The caller has just seen that it is not here, which spares another look. */
  readonly isAbsent?: boolean | undefined;
  /**
   * Called once with the whole archive when its bytes are known to be the right ones, which is before they are stored.
   * Only for archives of less than 1 MiB.
   */
  readonly onVerified?: ((bytes: Buffer) => void) | undefined;
}
