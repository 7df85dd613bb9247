import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { HeldBack } from '../sync/held-back.ts';
import type { SourceRefresh } from '../sync/source-refresh.ts';

export interface MirrorReport {
  readonly dryRun: boolean;
  readonly refresh: readonly SourceRefresh[];
  /** One per source that supplied something. `versions` are those wanted: downloaded + present + failed. */
  readonly sources: readonly MirrorSourceSummary[];
  /** Names that were undecided, and belong to the source now that they were mirrored from by name; with `dryRun`, would belong. */
  readonly decided: readonly { readonly module: ModuleName; readonly source: string }[];
  /** Owners of names that stay undecided, and of which archives were fetched all the same, from what that source lists. */
  readonly undecided: readonly {
    readonly source: string;
    readonly owner: string;
    readonly modules: readonly ModuleName[];
    /** How many versions of them. */
    readonly versions: number;
    /** Modules that clients cannot resolve before these names are listed, since they require them. */
    readonly requiredBy: readonly ModuleName[];
  }[];
  /** What matched, and of which nothing was taken. */
  readonly skipped: readonly {
    readonly module: ModuleName;
    readonly origin: string | undefined;
    /** `contradicted`: while the name is undecided, a source trusted more lists other bytes for it. */
    readonly kind: 'other-origin' | 'undecided' | 'contradicted' | 'no-version';
    readonly reason: string;
  }[];
  /** Of `[mirror] packages`, what matched nothing, and why. */
  readonly unmatched: readonly {
    readonly source: string;
    readonly pattern: string;
    readonly reason: string;
    readonly hint: string | undefined;
  }[];
  /** With `dryRun`: what would be downloaded, `OWNER/NAME@VERSION`, in the order of names. */
  readonly toDownload: readonly string[];
  /** Versions that were selected, and are not downloaded, as they are refused to everybody. */
  readonly blocked: readonly { readonly module: ModuleName; readonly version: Version }[];
  readonly failed: readonly {
    readonly module: ModuleName;
    readonly version: Version;
    readonly source: string;
    readonly reason: string;
  }[];
  /** Dependencies that nothing could be selected for. */
  readonly unsatisfied: readonly {
    readonly module: string;
    readonly requirement: string;
    /** `module@version` that asks for it, or the project file. */
    readonly requiredBy: string;
    readonly reason: string;
    /**
     * `impossible`: no client can satisfy it from any registry. `unlisted`: every enabled source was read, and none lists
     * it. `open`: it may be had once something else has happened, as `reason` says.
     */
    readonly kind: 'impossible' | 'unlisted' | 'open';
  }[];
  readonly findings: readonly Finding[];
  readonly heldBack: readonly HeldBack[];
}

export interface MirrorSourceSummary {
  readonly source: string;
  readonly modules: number;
  readonly versions: number;
  readonly downloaded: number;
  readonly present: number;
  readonly failed: number;
  /** Bytes downloaded; with `dryRun`, 0. */
  readonly bytes: number;
}
