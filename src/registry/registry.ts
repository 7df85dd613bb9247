import type { Readable } from 'node:stream';
import type { ByteRange } from '../archives/archive-store.ts';
import type { CacheSpace } from '../archives/cache-reserve.ts';
import type { Config } from '../config/config.ts';
import type { StorageError } from '../errors.ts';
import type { OlderFormat } from '../index/registry-state.ts';
import type { Block } from '../model/block.ts';
import type { Checksum } from '../model/checksum.ts';
import type { Lookup, SourceFailure } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { DiskWatch } from '../support/disk/disk-watch.ts';
import type {
  BlockOutcome,
  BlockRuling,
  Conflict,
  ConflictOutcome,
  ConflictRuling,
  Explanation,
  GoOn,
  HeldBack,
  ListedModule,
  ListOptions,
  MirrorOptions,
  MirrorReport,
  OutdatedReport,
  ScrubReport,
  SourceCheck,
  SourceLook,
  StaleSource,
  StatusReport,
  SyncReport,
  VerifyOptions,
  VerifyStep,
} from './reports.ts';

/**
 * The product: everything the CLI and the server ask for. One decision serves index, downloads, mirroring and
 * explanations (rule 8). Safe to use from several processes on one directory.
 */
export interface Registry {
  /** As last loaded; see `reload`. */
  readonly config: Config;
  /** Absolute path of the bare git repository whose `main` is served. */
  readonly indexDirectory: string;
  readonly data: DataProbe;
  readonly sharing: ProcessSharing;
  /** Of a registry that is served: whether the disk takes what is new. */
  readonly disk: DiskWatch;
  /** Tries whether it does. Throws `StorageError` if not. */
  probeDisk(): Promise<void>;

  /** Reads `registry.toml` again if it changed; a file that does not load keeps the old config and throws. */
  reload(): Promise<boolean>;

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
  /** Brings the data back to that format, for an older program; throws `StorageError` where that would lose something. */
  downgrade(format: OlderFormat): Promise<void>;
  status(): Promise<StatusReport>;
  explain(module: ModuleName, version?: Version): Promise<Explanation>;
  /** The name that was probably meant by one that nobody knows: of all that are served, or that a source lists. */
  suggestModule(name: string): Promise<ModuleName | undefined>;
  /** What is served, module by module in the order of the index. Reads as it goes, so that a large index needs little memory. */
  list(options?: ListOptions): AsyncIterable<ListedModule>;
  /** Compares what a project requires with what is served; `project` is its folder, `moon.mod` or `moon.mod.json`. */
  findOutdated(project: string): Promise<OutdatedReport>;
  checkSources(name?: string): Promise<SourceCheck[]>;
  /** Looks at a source of these settings, or of those in force, for a few seconds, and foresees the next sync. Decides and keeps nothing. */
  lookAtSource(
    name: string,
    options?: { readonly config?: Config | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<SourceLook>;
  /** Names that only wait for sources to be read, by what they wait for. Asks no source. */
  heldBack(): Promise<readonly HeldBack[]>;
  /** What waits for the operator's decision, and what was kept as it is. */
  conflicts(): Promise<Conflict[]>;
  /** Carries a decision out. Throws `NotFoundError` or `UsageError`, with nothing changed, where it does not fit. */
  ruleOnConflict(ruling: ConflictRuling): Promise<ConflictOutcome>;

  /** What is refused to everybody, by name. */
  blocks(): Promise<readonly Block[]>;
  /** Refuses a version or a module to everybody, served or not, or lifts that. Throws `NotFoundError` where nothing is to lift. */
  ruleOnBlock(ruling: BlockRuling): Promise<BlockOutcome>;

  /** Reads every archive again, slowly, and fetches damaged ones anew; goes on where it was interrupted. */
  scrub(signal?: AbortSignal): Promise<ScrubReport>;
  /** The steps of a verification from the ledger on; see `verifyRegistry`. */
  verify(options: VerifyOptions): Promise<readonly VerifyStep[]>;

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
  /** Where the module comes from, as recorded. */
  originOf(module: ModuleName): Promise<string | undefined>;

  /**
   * The archive of a listed version, fetched first if it is not cached (rule 5; one fetch however many ask, and it
   * outlives the caller). `absent`: every source that lists it has no such archive, or it is not listed, was never served,
   * and no source that may supply the module has to be read first (`not-current`). What is blocked is refused to everybody.
   */
  openArchive(module: ModuleName, version: Version): Promise<ArchiveOutcome>;
  /** What the index says, without fetching: the checksum and whether the archive is cached. */
  findArchive(
    module: ModuleName,
    version: Version,
  ): Promise<{ readonly checksum: Checksum; readonly cachedAt: string | undefined } | undefined>;

  /** `symbols.zip`, merged from the sources' own by the modules' origins; always a valid zip. */
  symbols(): Promise<ServedFile>;
  /** A verified wasm asset or its `.sha256`, refused where its version is blocked; `assetPath` as in `Source.openAsset`. */
  openAsset(assetPath: string): Promise<Lookup<ServedFile> | BlockedArchive>;

  /** When each enabled source's index was last read; cheap at any size. */
  readTimes(): Promise<readonly { readonly source: string; readonly readAt: string | undefined }[]>;

  /** Enabled sources that were never read, or not when last tried. */
  staleSources(): Promise<readonly StaleSource[]>;

  /** Whether there is an index to serve: `false` only while no enabled source was ever read, and nothing is listed. */
  isReady(): Promise<boolean>;

  /** Another process has read the sources: what they did not have before may be asked for again. */
  forgetAbsences(): void;

  /** What is left of the disk, and whether archives are still cached; `undefined` where it cannot be asked. */
  cacheSpace(): Promise<CacheSpace | undefined>;

  /** Sources that this process does not ask just now, and why. Another process has its own experience of them. */
  sourcesLeftAlone(): readonly { readonly source: string; readonly cause: SourceFailure }[];

  close(): Promise<void>;
}

/** What asking for an archive ends in: a lookup, or a refusal that no asking again changes. */
export type ArchiveOutcome = Lookup<ServedArchive> | ArchiveRefusal;

export interface BlockedArchive {
  readonly kind: 'blocked';
  readonly block: Pick<Block, 'reason' | 'at' | 'version'>;
}

export type ArchiveRefusal =
  | BlockedArchive
  /** It was served, and has left the index for good as far as this registry can tell. */
  | { readonly kind: 'gone'; readonly firstSeen: string };

/** Where the processes that serve one registry exclude and help each other. */
interface ProcessSharing {
  /** Whether this is one of several. */
  readonly isShared: boolean;
  /** Absolute, and there. */
  readonly lockFolder: string;
  /** Absolute; not there while it is not needed. What is in it is of no use once they have ended. */
  readonly answerFolder: string;
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

/** For whoever serves the data: whether they can be read, by a program that knows nothing of them yet. */
export interface DataProbe {
  /** Something that differs whenever a file of the index has changed. */
  fingerprint(): Promise<string>;
  /** Why the index cannot be served, having read all of it that clients want; see `probeIndex`. */
  probeIndex(timeoutMs: number): Promise<StorageError | undefined>;
  /** Why no archive can be read. */
  probeArchives(): Promise<StorageError | undefined>;
}
