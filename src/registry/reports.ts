/**
 * What the registry tells about its work. Plain data: printed by the CLI, answered as JSON by `--json` and the
 * server. Times are ISO 8601 in UTC, sizes bytes. Nothing here contains a credential.
 */
import type { Block, BlockSubject } from '../model/block.ts';
import type { Checksum } from '../model/checksum.ts';
import type { Finding } from '../model/finding.ts';
import type { SourceFailure } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import type { Version } from '../model/version.ts';

/** How reading one source's index went. */
export interface SourceRefresh {
  readonly source: string;
  /**
   * `held`: it was read, but lost modules or went back in history; its last good index stays in use until two
   * readings in a row agree.
   */
  readonly outcome: 'fresh' | 'unchanged' | 'held' | 'stale' | 'never-read';
  /** One line, for `held`, `stale` and `never-read`. */
  readonly detail?: string | undefined;
  /** For `stale` and `never-read`. */
  readonly reason?: SourceFailure['reason'] | undefined;
  /** What is in use. */
  readonly commit?: string | undefined;
  /** For `held`: what was read. */
  readonly heldCommit?: string | undefined;
  /** It was read, and says itself that it is not up to date. */
  readonly isStaleUpstream?: boolean | undefined;
}

/** What kind of trouble a source is in; unlike a failure's text, it may be told to anybody. */
export type FailureClass = SourceFailure['reason'] | 'held';

/** Names that are held back until the same sources were read (rule 4). They wait for nobody's decision: no conflict. */
export interface HeldBack {
  /** `new`: not given to any source, and not listed. `claimed`: served as before, but nothing new of them, until their claimant was read. */
  readonly kind: 'new' | 'claimed';
  /** How many. */
  readonly names: number;
  /** Who has most of them, and how many. */
  readonly owners: readonly { readonly owner: string; readonly names: number }[];
  /** The first of them. */
  readonly examples: readonly ModuleName[];
  /** Most trusted first; none: any sync decides them. */
  readonly waitsFor: readonly AwaitedSource[];
  /** Since when the first of them waits; ISO 8601, UTC. */
  readonly since: string;
}

/** A source that has to be read first, and why it is not current. */
export interface AwaitedSource {
  readonly source: string;
  /** `stale-upstream`: it says so itself. `not-read`: nobody has read it yet, or the last sync did not wait for it. */
  readonly failureClass: FailureClass | 'stale-upstream' | 'not-read';
  /** One line, for the operator alone: it may say what the source said. */
  readonly failure: string;
  /** Whether it claims names. */
  readonly claims: boolean;
}

/** An enabled source that was never read, or whose last reading is not in use. */
export interface StaleSource {
  readonly source: string;
  readonly readAt: string | undefined;
  /** For the operator; `undefined` while nobody has tried to read it. */
  readonly failure: string | undefined;
  readonly failureClass: FailureClass | undefined;
  /** The first of the readings in a row that were no use; ISO 8601, UTC. */
  readonly failingSince: string | undefined;
}

export interface ModuleChange {
  readonly module: ModuleName;
  readonly kind: 'added' | 'changed' | 'moved' | 'removed';
  readonly origin: string;
  /** For `moved`. */
  readonly previousOrigin?: string | undefined;
  readonly versionsAdded: readonly Version[];
  readonly versionsRemoved: readonly Version[];
}

/** Takes over work that goes on after whoever began it has its answer; what it changes is reported when it ends. */
export type GoOn = (job: string, work: Promise<SyncReport | undefined>) => void;

export interface SyncReport {
  /** When it was planned, ISO 8601, UTC: what it found first has this time as `foundAt`. */
  readonly at: string;
  readonly dryRun: boolean;
  readonly sources: readonly SourceRefresh[];
  readonly changes: readonly ModuleChange[];
  /** Every finding that stands after this sync, old and new. */
  readonly findings: readonly Finding[];
  /** Names that begin to wait: for these sources to be read, or, where there are none, for the next sync to decide. */
  readonly newlyHeld: readonly { readonly module: ModuleName; readonly waitsFor: readonly string[] }[];
  /** All names that wait after this sync, old and new. */
  readonly heldBack: readonly HeldBack[];
  readonly modules: number;
  /** The served commit. */
  readonly commit: string;
  readonly reRooted: boolean;
}

export interface MirrorOptions {
  /** As `mirrorPatternProblem` takes them; none: `[mirror] packages`, unless `full` or `from` says otherwise. */
  readonly patterns: readonly string[];
  /** A source's name, `*` for whichever supplies a module; the default source unless given. */
  readonly source?: string | undefined;
  /** Everything the source supplies. */
  readonly full?: boolean | undefined;
  /** Without the closure of dependencies. */
  readonly strict?: boolean | undefined;
  /** Only the latest version of what matches. */
  readonly latest?: boolean | undefined;
  /** Path of a `moon.mod.json` or `moon.mod`, or of the folder that holds one. */
  readonly from?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** Concurrent downloads, of which no source gets more than its `max_concurrency`; by default that setting's default. */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MirrorProgress) => void) | undefined;
}

export interface MirrorProgress {
  readonly phase: 'refreshing' | 'downloading' | 'aggregating';
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
}

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

export interface StatusReport {
  readonly name: string;
  /** `degraded`: what is served may be older than what an enabled source has. */
  readonly health: 'ok' | 'degraded';
  readonly directory: string;
  readonly commit: string;
  readonly modules: number;
  readonly upstreamFallback: boolean;
  readonly sources: readonly {
    readonly name: string;
    readonly isDefault: boolean;
    readonly enabled: boolean;
    /** Configured no longer, but modules are still served under its name. */
    readonly removed: boolean;
    readonly priority: number;
    /** When the index was last read successfully, and when anybody last tried. */
    readonly readAt: string | undefined;
    readonly triedAt: string | undefined;
    readonly isStale: boolean;
    /** Its newest index is held back, as `failure` says. */
    readonly isHeld: boolean;
    readonly failure: string | undefined;
    readonly failureClass: FailureClass | undefined;
    /** The first of the readings in a row that were no use. */
    readonly failingSince: string | undefined;
    /** What of its credentials is missing now, and where it should be; for the operator alone. */
    readonly missingCredentials: string | undefined;
    readonly listed: number;
    /** Modules in the served index whose origin it is. */
    readonly served: number;
  }[];
  readonly findings: readonly Finding[];
  readonly heldBack: readonly HeldBack[];
  /** What is refused to everybody. */
  readonly blocks: readonly Block[];
  readonly archives: { readonly count: number; readonly bytes: number };
  readonly indexBytes: number;
  /** Archives are not cached while less is free than is kept for the index; absent where the disk cannot be asked. */
  readonly caching?:
    | {
        readonly isPaused: boolean;
        /** Absent where the file system does not say how large it is. */
        readonly freeBytes?: number | undefined;
        readonly reserveBytes: number;
      }
    | undefined;
}

export interface Explanation {
  readonly module: ModuleName;
  readonly version: Version | undefined;
  /** Whether clients can get it (the module, or the version if one was asked for). */
  readonly isServed: boolean;
  readonly origin: string | undefined;
  /** The rule that decided, and one sentence that says so to anybody: no user of this machine is named in it. */
  readonly rule: string;
  readonly because: string;
  /** Who gave the name to its origin by mirroring it: a user of the operating system, for the operator alone. */
  readonly decidedBy: string | undefined;
  /** Highest trust first; every configured source, and a removed one that is still an origin. */
  readonly sources: readonly {
    readonly source: string;
    readonly priority: number;
    readonly listing:
      | 'listed'
      | 'absent'
      | 'excluded'
      | 'claimed-elsewhere'
      | 'disabled'
      | 'never-read'
      | 'removed';
    readonly isStale: boolean;
    readonly versions: readonly Version[];
    /** What this source says the asked version's checksum is. */
    readonly checksum: Checksum | undefined;
  }[];
  readonly pin:
    | { readonly checksum: Checksum; readonly firstSeen: string; readonly source: string }
    | undefined;
  readonly isCached: boolean | undefined;
  /** Versions in the served index, lowest first. */
  readonly versions: readonly Version[];
  /** What of it is refused to everybody; of one version, what refuses that. */
  readonly blocks: readonly Block[];
  readonly findings: readonly Finding[];
  /** What keeps this name from being decided, where it only waits. */
  readonly heldBack: HeldBack | undefined;
}

/** One module of the served index. */
export interface ListedModule {
  readonly module: ModuleName;
  /** The highest version, prereleases and yanked ones included, as the client understands "latest". */
  readonly latest: Version;
  /** How many there are. */
  readonly versions: number;
  /** Where it comes from, as recorded. */
  readonly origin: string | undefined;
  /** Of how many of these versions the archive is here. */
  readonly cached: number;
}

export interface ListOptions {
  /** Only modules that one of these matches; without any, all. */
  readonly patterns?: readonly string[] | undefined;
  /** Only versions whose archives are here, and modules that have such: `latest` and `versions` are about those. */
  readonly cachedOnly?: boolean | undefined;
}

/** A requirement of a project for which something newer is served. */
export interface OutdatedDependency {
  readonly module: ModuleName;
  /** The version that the project states. */
  readonly wanted: Version;
  /** What a client builds with. */
  readonly selected: Version;
  readonly latest: Version;
  readonly origin: string | undefined;
}

export interface OutdatedReport {
  /** Absolute path of the project's manifest. */
  readonly project: string;
  /** How many of its requirements were looked up here: neither paths, nor what the toolchain brings along. */
  readonly requirements: number;
  readonly outdated: readonly OutdatedDependency[];
  /** Requirements that nothing served satisfies. */
  readonly unsatisfied: readonly {
    readonly module: string;
    readonly wanted: string;
    /** The end of a sentence: "is not served". */
    readonly reason: string;
  }[];
}

/** A conflict with what it is about. */
export interface Conflict extends Finding {
  /** Where the module comes from; absent while that is undecided. */
  readonly origin: string | undefined;
  /** For `checksum-conflict`. */
  readonly pin:
    | { readonly checksum: Checksum; readonly firstSeen: string; readonly source: string }
    | undefined;
}

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

export type BlockRuling = BlockSubject &
  ({ readonly action: 'block'; readonly reason: string } | { readonly action: 'unblock' });

export interface BlockOutcome {
  readonly decision: OperatorDecision;
  /** Those of the versions it is about that clients have ever been served, lowest first. */
  readonly versions: readonly Version[];
  /** Of what it is about, what stands in the index now, lowest first: whoever requires it is told the reason, while it is blocked. */
  readonly listed: readonly Version[];
  /** What left the index, as nothing above it could be taken instead: clients find no version, and no reason. */
  readonly left: readonly Version[];
  readonly report: SyncReport;
  /** What of it no source lists and nobody was ever served; what may have been meant; and which sources were never read. */
  readonly unknown:
    | { readonly what: string; readonly nearest: string | undefined; readonly unread: readonly string[] }
    | undefined;
}

/** One thing that `doctor` looked at. */
export interface HealthCheck {
  readonly name: string;
  readonly result: 'ok' | 'warning' | 'failure';
  /** One line. */
  readonly detail: string;
  /** What to do: a command, or what to write where. */
  readonly hint?: string | undefined;
}

export interface DoctorReport {
  /** The registry's folder. */
  readonly directory: string;
  readonly checks: readonly HealthCheck[];
}

export interface SourceCheck {
  readonly source: string;
  readonly ok: boolean;
  /** In the order tried; checking stops at the first failure that makes the rest pointless. */
  readonly steps: readonly {
    readonly step: 'reach' | 'authenticate' | 'index' | 'archive';
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly modules: number | undefined;
  /** When the index last changed, as its newest commit says. */
  readonly changedAt: string | undefined;
  readonly latencyMs: number | undefined;
  /** Whether the newest versions of its modules can be passed on; absent where its index was not read. */
  readonly newest?: NewestLines | undefined;
}

/** What a look at a source found, and what the next sync would decide then. Nothing of it is kept. */
export interface SourceLook {
  readonly source: string;
  /** Absent where it could not be read. */
  readonly listing: SourceListing | undefined;
  /** Why it could not be read; the text is for the operator alone. */
  readonly failure: { readonly class: FailureClass; readonly text: string } | undefined;
  /** One archive of it that was asked for, and why it could not be had; the text is for the operator alone. */
  readonly archive:
    | {
        readonly name: string;
        readonly problem: { readonly class: FailureClass | undefined; readonly text: string } | undefined;
      }
    | undefined;
  /** Which new names wait while it is not current, and of which enabled sources, all trusted less. */
  readonly holdsBack: { readonly names: 'all' | 'claimed'; readonly of: readonly string[] };
  /** How many names that are not served yet the next sync would serve. */
  readonly ready: number;
  /** What would wait even then. */
  readonly heldBack: readonly HeldBack[];
}

export interface SourceListing {
  readonly modules: number;
  readonly owners: number;
  /** The other enabled sources that have been read. */
  readonly comparedWith: readonly string[];
  /** How many of its modules these list too, by who would supply them; without a supplier while that cannot be told. */
  readonly shared: readonly { readonly supplier: string | undefined; readonly modules: number }[];
  /** Owners of whom these list nothing, with how many of its modules are theirs. */
  readonly ownOwners: readonly { readonly owner: string; readonly modules: number }[];
}

/** Of how many modules of a source the newest version is dropped. */
export interface NewestLines {
  /** How many modules were looked at. */
  readonly modules: number;
  readonly dropped: number;
  /** Why the first of them is: the end of a sentence. */
  readonly reason: string | undefined;
}

export interface VerifyOptions {
  /** Fetch damaged and missing archives again against their pins, and clear away what killed processes left. */
  readonly repair?: boolean | undefined;
  /** Read every byte: all of git's objects, all archives. */
  readonly deep?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** The steps of a verification, in their order. */
type VerifyStepName = 'repository' | 'state' | 'ledger' | 'index' | 'archives' | 'temporary-files';

export interface VerifyProgress {
  readonly step: VerifyStepName;
  readonly done: number;
  /** 0 where that is not known. */
  readonly total: number;
}

export interface VerifyReport {
  readonly deep: boolean;
  readonly repair: boolean;
  /** No problem was found, or every one was repaired. */
  readonly isSound: boolean;
  readonly steps: readonly VerifyStep[];
}

export interface VerifyStep {
  readonly step: VerifyStepName;
  /** `skipped`: an earlier step found damage without which there is nothing to look at. */
  readonly outcome: 'sound' | 'problems' | 'skipped';
  /** Objects, modules, lines, archives or files looked at, as the step goes. */
  readonly checked: number;
  readonly findings: readonly VerifyFinding[];
}

export interface VerifyFinding {
  /** `note`: good to know, harms nobody. */
  readonly severity: 'problem' | 'note';
  /** A file, a ref, a module, a version or a checksum. */
  readonly subject: string;
  /** One sentence without the subject: "is not what its name says". */
  readonly detail: string;
  readonly isRepaired: boolean;
}

export interface ScrubReport {
  readonly archives: number;
  readonly bytes: number;
  readonly damaged: number;
  /** Damaged ones that were fetched again. */
  readonly repaired: number;
}
