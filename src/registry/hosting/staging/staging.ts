import type { StagingRecord } from '../../../index/staged-file.ts';
import type { Checksum } from '../../../model/checksum.ts';
import type { ModuleName } from '../../../model/module-name.ts';
import type { Version } from '../../../model/version.ts';
import type { Approver } from '../publication.ts';
import type { PublishOutcome } from '../publish-outcome.ts';
import type { PublishProblem } from '../publish-problem.ts';
import type { Differences } from './compare-versions.ts';

/** Something that was sent to be published once it is approved, and what has become of it. */
export interface StagedPublication extends StagingRecord {
  /** Until when it waits; ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** What is in an archive that waits, and what is new in it. */
export interface StagedModule {
  readonly module: ModuleName;
  readonly version: Version;
  readonly checksum: Checksum;
  readonly sizeBytes: number;
  /** Where the archive is, for people on this machine. */
  readonly archive: string;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** All that it says of itself, as its line in the index will have it: JSON. */
  readonly manifest: string;
  /** What the checks say today; an error would keep it from being published. */
  readonly problems: readonly PublishProblem[];
  /** The highest published version below it; absent where there is none. */
  readonly previous?: PreviousVersion | undefined;
}

export interface PreviousVersion {
  readonly version: Version;
  /** Absent where its archive cannot be read. */
  readonly files?: Differences | undefined;
  readonly dependencies: Differences;
}

export interface StagedDetails extends StagedPublication {
  readonly modules: readonly StagedModule[];
}

/** What waits to be published until somebody approves it. Nothing of it is listed, or given out as a version. */
export interface Staging {
  /** What waits, and what became of the rest as far as that is still known, in the order in which it came. */
  list(): Promise<readonly StagedPublication[]>;
  /** Of what waits, or waited last, under this id. */
  find(id: Checksum): Promise<StagedPublication | undefined>;
  /** Reads the archives; `undefined` where nothing waits under this id. Throws `StorageError` where one is not as it came. */
  show(id: Checksum): Promise<StagedDetails | undefined>;
  /** One of its archives; `undefined` where it has none of this checksum, or waits no more. Throws `StorageError` as `show` does. */
  read(id: Checksum, checksum: Checksum): Promise<Buffer | undefined>;
  /**
   * Publishes these bytes, and no others, all or none, if nothing stands against them now; they wait on if something does. Whoever sent them
   * may not. Approved before: `already-published`.
   */
  approve(id: Checksum, by: Approver): Promise<PublishOutcome>;
  /** Drops them; `undefined` where that is done, else why nothing waits under this id. */
  reject(id: Checksum, by: Approver, reason: string): Promise<PublishOutcome | undefined>;
}
