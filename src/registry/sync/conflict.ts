import type { Checksum } from '../../model/checksum.ts';
import type { ConflictFinding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Version } from '../../model/version.ts';
import type { SyncReport } from './sync-report.ts';

/** A conflict with what it is about. */
export type Conflict = ConflictFinding & {
  /** Where the module comes from; absent while that is undecided. */
  readonly origin: string | undefined;
  /** For `checksum-conflict`. */
  readonly pin:
    | { readonly checksum: Checksum; readonly firstSeen: string; readonly source: string }
    | undefined;
};

/** What the operator says about a conflict; new checksums and digests as typed out. */
export type ConflictRuling =
  | { readonly action: 'keep'; readonly module: ModuleName; readonly version: Version | undefined }
  | {
      readonly action: 'accept-version';
      readonly module: ModuleName;
      readonly version: Version;
      readonly checksum: Checksum;
    }
  | {
      readonly action: 'accept-requirements';
      readonly module: ModuleName;
      readonly version: Version;
      /** The digest of what it requires now. */
      readonly requirements: string;
    }
  | {
      readonly action: 'accept-origin';
      readonly module: ModuleName;
      readonly origin: string;
      /** For every served version whose bytes the move changes. */
      readonly checksums: ReadonlyMap<Version, Checksum>;
      /** For every other served version whose requirements it changes. */
      readonly requirements: ReadonlyMap<Version, string>;
    }
  /** Every waiting module that the pattern matches, if the move changes nothing that was served. */
  | { readonly action: 'accept-origins'; readonly pattern: string; readonly origin: string }
  /** A name that looks like another one. */
  | { readonly action: 'accept-name'; readonly module: ModuleName };

export interface ConflictOutcome {
  /** What was recorded; none if all was kept already. */
  readonly decisions: readonly OperatorDecision[];
  /** Of many, those that were left as they are. */
  readonly skipped: readonly { readonly module: ModuleName; readonly reason: string }[];
  readonly report: SyncReport;
}
