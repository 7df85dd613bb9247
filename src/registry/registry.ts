import type { CacheSpace } from '../archives/cache-reserve.ts';
import type { Config } from '../config/config.ts';
import type { OlderFormat } from '../index/registry-state.ts';
import type { Block } from '../model/block.ts';
import type { Checksum } from '../model/checksum.ts';
import type { Lookup, SourceFailure } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { When } from '../model/when.ts';
import type { DiskWatch } from '../support/disk/disk-watch.ts';
import type { OpenAccess } from './access/open-access.ts';
import type { TokenDesk } from './access/token-desk.ts';
import type { ArchiveOutcome, BlockedArchive, ServedFile } from './deliver/served-bytes.ts';
import type { ListedModule, ListOptions } from './deliver/served-modules.ts';
import type { AdoptedModule } from './hosting/adopt.ts';
import type { AdoptionWork, PreparedAdoption } from './hosting/adoption.ts';
import type { Publishing } from './hosting/publishing.ts';
import type { Staging } from './hosting/staging/staging.ts';
import type { WithdrawnVersion, WithdrawRuling } from './hosting/withdrawn.ts';
import type { YankOutcome, YankRuling } from './hosting/yank.ts';
import type { MirrorOptions } from './mirror/mirror-options.ts';
import type { MirrorReport } from './mirror/mirror-report.ts';
import type { OutdatedReport } from './mirror/outdated.ts';
import type { SourceCheck } from './sync/check-source.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from './sync/conflict.ts';
import type { Explanation } from './sync/explain.ts';
import type { PastExplanation } from './sync/explain-past.ts';
import type { HeldBack } from './sync/held-back.ts';
import type { SourceLook } from './sync/look-at-source.ts';
import type { FoundState, PastState } from './sync/past-states.ts';
import type { ReadTime, StaleSource } from './sync/read-times.ts';
import type { BlockOutcome, BlockRuling } from './sync/rule-on-block.ts';
import type { GoOn } from './sync/sync-context.ts';
import type { ReportedView, SyncReport } from './sync/sync-report.ts';
import type { DataProbe } from './upkeep/data-probe.ts';
import type { ScrubReport } from './upkeep/scrub.ts';
import type { StatusReport } from './upkeep/status.ts';
import type { VerifyOptions } from './upkeep/verify-options.ts';
import type { VerifyStep } from './upkeep/verify-report.ts';

/**
 * The product: everything the CLI and the server ask for. One decision serves index, downloads, mirroring and
 * explanations (rule 8). Safe to use from several processes on one directory. `open.ts` opens one.
 */
export interface Registry extends Serving, Operating {
  close(): Promise<void>;
}

/** What answers clients, and says how well they are served. */
export interface Serving extends Settings, Resolution, Past, Views, IndexServing, FileServing, Freshness {
  readonly data: DataProbe;
  readonly sharing: ProcessSharing;
  /** Of a registry that is served: whether the disk takes what is new. */
  readonly disk: DiskWatch;
  /** Who may, as it is written down; `watchTokens` follows it. */
  readonly access: OpenAccess;
  readonly publishing: Publishing;
  readonly hosted: HostedRulings;
  readonly staging: Staging;
  /** What is left of the disk, and whether archives are still cached; `undefined` where it cannot be asked. */
  cacheSpace(): Promise<CacheSpace | undefined>;
}

/** What changes a registry, and what its operator asks of it. */
export interface Operating extends Settings, Resolution, Past, Syncing, Sources, Rulings, Inventory, Upkeep {
  readonly hosted: HostedRulings;
  /** Who it is that asks, as `hosted` takes it. */
  readonly user: string;
  /** Gives out tokens and takes them back. */
  readonly tokens: TokenDesk;
  /** What waits for somebody's approval. */
  readonly staging: Staging;
}

export interface Settings {
  /** As last loaded; see `reload`. */
  readonly config: Config;
  /** Reads `registry.toml` again if it changed; a file that does not load keeps the old config and throws. */
  reload(): Promise<boolean>;
}

/** What was decided about a module, and why. */
export interface Resolution {
  /** Where the module comes from, as recorded. */
  originOf(module: ModuleName): Promise<string | undefined>;
  explain(module: ModuleName, version?: Version): Promise<Explanation>;
}

/** What was served at any moment, from the states that were in force then. */
export interface Past {
  findState(when: When): Promise<FoundState>;
  /** The newest states first, at most so many. */
  newestStates(count: number): Promise<readonly PastState[]>;
  /** As `explain`, of what was recorded then; whether an archive is here is as of now. */
  explainPast(module: ModuleName, version: Version | undefined, state: PastState): Promise<PastExplanation>;
  /**
   * The index of that state, for clients: what it lists is what was listed then, with the bytes of then, and never changes; where
   * bytes come from, and what is refused, is as of now.
   */
  serveState(state: PastState): EditionServing;
}

/** Parts of the index, each served by itself. */
export interface Views {
  /** `undefined` where the settings name no such view, or it was not made yet. */
  findView(name: string): Promise<ServedView | undefined>;
  /** All that the state has, for people. */
  listViews(): Promise<readonly ReportedView[]>;
}

export interface ServedView {
  /** Of its own history. */
  readonly commit: string;
  /** What clients are served of it, and of nothing else. */
  readonly serving: EditionServing;
}

export interface EditionServing extends Resolution, IndexServing, FileServing {}

/** The index as clients see it. */
export interface IndexServing {
  /** Absolute path of the bare git repository whose `main` is served. */
  readonly indexDirectory: string;
  /** The commit `main` is served at, read afresh: 40 hex digits. */
  servedCommit(): Promise<string>;
  /** The commit of the state, read afresh: another one wherever anything was decided, also where the index stays as it is. */
  stateCommit(): Promise<string>;
  /** Commits a client may `want`, or be found to have: recent history of `main`. */
  servedCommits(): Promise<ReadonlySet<string>>;
  /** The index file of a served module as clients see it. */
  readIndexFile(module: ModuleName): Promise<Buffer | undefined>;
  /** Every served module with its index file, in path order; for search and listings. */
  readIndex(): AsyncIterable<{ readonly module: ModuleName; readonly file: Buffer }>;
}

/** Bytes that clients fetch beside the index; none of them unverified (rule 7). */
export interface FileServing {
  /**
   * The archive of a listed version, fetched first if it is not cached (rule 5; one fetch however many ask, and it
   * outlives the caller). `absent`: every source that lists it has no such archive, or it is not listed, was never served,
   * and no source that may supply the module has to be read first (`not-current`). What is blocked is refused to everybody.
   */
  openArchive(module: ModuleName, version: Version): Promise<ArchiveOutcome>;
  /** `symbols.zip`, merged from the sources' own by the modules' origins; always a valid zip. */
  symbols(): Promise<ServedFile>;
  /** A verified wasm asset or its `.sha256`, refused where its version is blocked; `assetPath` as in `Source.openAsset`. */
  openAsset(assetPath: string): Promise<Lookup<ServedFile> | BlockedArchive>;
}

/** How current what is served is. */
export interface Freshness {
  /** Whether there is an index to serve: `false` only while no enabled source was ever read, and nothing is listed. */
  isReady(): Promise<boolean>;
  /** When each enabled source's index was last read; cheap at any size. */
  readTimes(): Promise<readonly ReadTime[]>;
  /** Enabled sources that were never read, or not when last tried. */
  staleSources(): Promise<readonly StaleSource[]>;
  /** Sources that this process does not ask just now, and why. Another process has its own experience of them. */
  sourcesLeftAlone(): readonly { readonly source: string; readonly cause: SourceFailure }[];
  /** Another process has read the sources: what they did not have before may be asked for again. */
  forgetAbsences(): void;
}

/** What moves the state on, and what would. */
export interface Syncing {
  /**
   * Refreshes the enabled sources and the aggregated index. Throws only when our own disk fails. Where `goOn` is given,
   * nothing slow is waited for: it is told what goes on.
   */
  sync(options?: {
    readonly dryRun?: boolean;
    readonly signal?: AbortSignal;
    readonly goOn?: GoOn;
  }): Promise<SyncReport>;
  /** Applies the current config to the snapshots at hand, without asking any source. */
  reaggregate(): Promise<SyncReport>;
  mirror(options: MirrorOptions): Promise<MirrorReport>;
  /**
   * What the config in force, or another one, would change of what is served, as a sync's report with `dryRun`. Asks no source
   * unless `isFresh`; changes nothing.
   */
  plan(options?: {
    readonly config?: Config | undefined;
    readonly isFresh?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<SyncReport>;
}

/** Looking at sources; decides nothing. */
export interface Sources {
  /** One source, disabled or not, or all that are enabled. */
  checkSources(name?: string): Promise<SourceCheck[]>;
  /** Looks at a source of these settings, or of those in force, for a few seconds, and foresees the next sync. Decides and keeps nothing. */
  lookAtSource(
    name: string,
    options?: { readonly config?: Config | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<SourceLook>;
  /** Names that only wait for sources to be read, by what they wait for. Asks no source. */
  heldBack(): Promise<readonly HeldBack[]>;
}

/** What the operator decides. */
export interface Rulings {
  /** What waits for the operator's decision, and what was kept as it is. */
  conflicts(): Promise<Conflict[]>;
  /** Carries a decision out. Throws `NotFoundError` or `UsageError`, with nothing changed, where it does not fit. */
  ruleOnConflict(ruling: ConflictRuling): Promise<ConflictOutcome>;
  /** What is refused to everybody, by name. */
  blocks(): Promise<readonly Block[]>;
  /** Refuses a version or a module to everybody, served or not, or lifts that. Throws `NotFoundError` where nothing is to lift. */
  ruleOnBlock(ruling: BlockRuling): Promise<BlockOutcome>;
}

/** What is decided about modules that are published here. `by`: `user NAME` or `token NAME`. */
export interface HostedRulings {
  yank(ruling: YankRuling, by: string): Promise<YankOutcome>;
  /** As `ruleOnBlock`. */
  withdraw(ruling: WithdrawRuling, by: string): Promise<BlockOutcome>;
  /** See `prepareAdoption`. */
  prepareAdoption(work: AdoptionWork, by: string): Promise<PreparedAdoption>;
  /** See `adopt`. */
  adopt(pattern: string, by: string): Promise<readonly AdoptedModule[]>;
  /** What was withdrawn, by name, with the bytes that are given out no more. */
  withdrawn(): Promise<readonly WithdrawnVersion[]>;
  /** Patterns of all names that are published here, or may be. */
  names(): Promise<readonly string[]>;
}

/** What is here. */
export interface Inventory {
  status(): Promise<StatusReport>;
  /** What is served, module by module in the order of the index. Reads as it goes, so that a large index needs little memory. */
  list(options?: ListOptions): AsyncIterable<ListedModule>;
  /** What the index says, without fetching: the checksum and whether the archive is cached. */
  findArchive(
    module: ModuleName,
    version: Version,
  ): Promise<{ readonly checksum: Checksum; readonly cachedAt: string | undefined } | undefined>;
  /** Compares what a project requires with what is served; `project` is its folder, `moon.mod` or `moon.mod.json`. */
  findOutdated(project: string): Promise<OutdatedReport>;
  /** The name that was probably meant by one that nobody knows: of all that are served, or that a source lists. */
  suggestModule(name: string): Promise<ModuleName | undefined>;
}

/** Keeping the data sound. */
export interface Upkeep {
  /** Tries whether the disk takes what is new. Throws `StorageError` if not. */
  probeDisk(): Promise<void>;
  /** Reads every archive again, slowly, and fetches damaged ones anew; goes on where it was interrupted. */
  scrub(signal?: AbortSignal): Promise<ScrubReport>;
  /** The steps of a verification from the ledger on; see `verifyRegistry`. */
  verify(options: VerifyOptions): Promise<readonly VerifyStep[]>;
  /** Brings the data back to that format, for an older program; throws `StorageError` where that would lose something. */
  downgrade(format: OlderFormat): Promise<void>;
}

/** Where the processes that serve one registry exclude and help each other. */
interface ProcessSharing {
  /** Whether this is one of several. */
  readonly isShared: boolean;
  /** Absolute path of the folder of locks. */
  readonly lockFolder: string;
  /** Absolute path of the folder of packs that they share; created on first use, worth nothing once they have ended. */
  readonly packFolder: string;
}
