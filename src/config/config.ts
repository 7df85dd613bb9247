import type { MirrorTarget } from '../model/mirror-target.ts';
import type { SourceKind } from '../sources/kinds.ts';

/**
 * The operator's decisions, normalised and frozen: what `registry.toml` says after defaults and presets. It holds no
 * secret, only where those are. Everything else the registry knows lives in its git repository.
 */
export interface Config {
  /** Absolute path of the folder that holds `registry.toml`; relative paths in the file start here. */
  readonly directory: string;
  /** Absolute path of `registry.toml`. */
  readonly file: string;
  readonly registry: {
    readonly name: string;
    /** Absolute. */
    readonly dataDir: string;
    /** What of the disk is kept free of archives and assets; 5 % of it and 2 GiB at least, unless set. */
    readonly cacheReserveBytes: number | undefined;
  };
  /** In the order of the file, which is the order in which sources were added. */
  readonly sources: readonly SourceConfig[];
  /** The source `mirror` reads unless told otherwise. */
  readonly defaultSource: string;
  /** Whether the sources are the implied preset, because the file configures none. */
  readonly sourcesAreImplied: boolean;
  readonly mirror: {
    /** What `mirror` without arguments, and `auto_sync`, take. The sources need not be configured. */
    readonly packages: readonly MirrorTarget[];
    readonly autoSync: boolean;
    readonly syncIntervalMs: number;
  };
  readonly server: {
    readonly host: string;
    /** 0 asks the system for a free one. */
    readonly port: number;
    /** The address clients use, when it differs from host and port (behind a proxy); no trailing slash. */
    readonly baseUrl: string | undefined;
    /** Further names clients may use for the server, as `parseHostName` gives them, or `*` for any. */
    readonly allowedHosts: readonly string[];
    /** Addresses and ranges whose `X-Forwarded-…` headers count: see `createAddressRanges`. */
    readonly trustedProxies: readonly string[];
    readonly maxConnections: number;
    readonly upstreamFallback: boolean;
    readonly refreshIntervalMs: number;
    readonly scrubIntervalMs: number;
  };
  readonly limits: Limits;
  /** Things that work but should be mended, e.g. a misplaced `default_source`; one sentence each, with the line. */
  readonly warnings: readonly string[];
}

/** What one client, and all together, can cost a server process; each is a setting below `limits`. */
export interface Limits {
  /** Of a request target; 414 beyond. */
  readonly targetCharacters: number;
  /** Of a request body, sent and inflated; 413 beyond. */
  readonly bodyBytes: number;
  /** Of all request bodies in memory, the first 64 KiB of each aside; 503 beyond. */
  readonly allBodiesBytes: number;
  readonly gitProcesses: number;
  /** Requests that may wait for a git process; 503 beyond. */
  readonly gitQueue: number;
  readonly gitTimeoutMs: number;
  /** Larger answers of git are kept on the disk. */
  readonly gitAnswerBytes: number;
  readonly gitCacheBytes: number;
  readonly gitSpoolBytes: number;
  readonly archiveCacheBytes: number;
  /** For an archive that is being fetched; 503 beyond, while fetching goes on. */
  readonly firstByteMs: number;
  /** For the head of a request, from connecting or from its first byte. */
  readonly headersMs: number;
  /** For a whole request, body included. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** A client that takes nothing for so long has gone: also while it waits for an answer. */
  readonly stalledMs: number;
}

export interface SourceConfig {
  /** `[a-z0-9][a-z0-9._-]*`, at most 64 characters (case-insensitive names would collide on some disks). */
  readonly name: string;
  readonly type: SourceKind;
  /** No trailing slash. `http:`, `https:` or `file:`. */
  readonly url: string;
  /** As written. `http(s):`, `file:`, `ssh:` or git's `user@host:path`. */
  readonly indexUrl: string;
  readonly indexType: 'git';
  /** The branch that is read, where it is not the one that the repository's HEAD names. */
  readonly indexBranch?: string | undefined;
  /** What it is told we are, where that is not what this program calls itself. */
  readonly userAgent?: string | undefined;
  readonly enabled: boolean;
  /** Lower is tried first and trusted more. */
  readonly priority: number;
  /** Exclusive patterns: names of which only this source says what they mean (rule 1). */
  readonly namespaces: readonly string[];
  /** What the source may supply: anything in `include` (or anything, if empty) that is not in `exclude`. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Which new names of sources trusted less wait while this one is not current. */
  readonly holdsNewNames: 'claimed' | 'all';
  /** Whether a cached version that it deletes stays listed. */
  readonly deletedUpstream: 'keep' | 'follow';
  /** Where archives are, without trailing slash: `download_url`, else the preset's host, else `url`. */
  readonly downloadUrl: string;
  /** Template of an archive's URL with `{owner}`, `{name}`, `{module}`, `{version}`, each percent-encoded. */
  readonly packageUrlPattern: string | undefined;
  /** What it may redirect to although the address is not public: see `parseNamedDestination`. */
  readonly allowedRedirects: readonly string[];
  /** How many requests it gets at the same time. */
  readonly maxConcurrency: number;
  readonly maxRequestsPerSecond: number | undefined;
  readonly auth: SourceAuth | undefined;
  readonly tls?: SourceTls | undefined;
  readonly limits: SourceLimits;
}

/** What reading one source may cost; each is a setting below its `limits`. */
export interface SourceLimits {
  /** Index files below `user/`; an index with more is not read. */
  readonly modules: number;
  /** Of one index file; a larger one is a finding about its module. */
  readonly indexFileBytes: number;
  readonly indexLines: number;
  /** All index files that one sync reads; the modules beyond stay as they were, and are read in the next. */
  readonly indexBytes: number;
  /** What one fetch of the index may write to the disk. */
  readonly fetchBytes: number;
  /** From the start of one git command to its end; it is killed then. */
  readonly fetchMs: number;
  /** The listing of the whole index, as git prints it. */
  readonly listingBytes: number;
  /** Findings that are kept; of the others, the number. */
  readonly findings: number;
  readonly findingsPerFile: number;
  readonly archiveBytes: number;
  readonly assetBytes: number;
  /** Of the free disk, that what is on its way from the source may take; more than 0, at most 1. */
  readonly diskShare: number;
  /** Requests that may wait while `maxConcurrency` are under way. */
  readonly waitingRequests: number;
}

/** How a source wants to be asked. Nothing of it is a secret: it says where those are. */
export type SourceAuth =
  | { readonly type: 'bearer'; readonly token: SecretText }
  | { readonly type: 'basic'; readonly username: SecretText; readonly password: SecretText };

/** What one credential is put together from whenever it is sent. */
export interface SecretText {
  readonly setting: 'token' | 'token_file' | 'token_command' | 'username' | 'password' | 'password_file';
  /** Of `registry.toml`, where it is configured; counts from 1. */
  readonly line: number;
  readonly parts: readonly SecretPart[];
}

export type SecretPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** `path` is absolute, `written` as in the file. */
  | { readonly kind: 'file'; readonly path: string; readonly written: string }
  /** What it prints counts; `directory`, where it is run, is absolute. */
  | { readonly kind: 'command'; readonly words: readonly string[]; readonly directory: string };

/** By what connections to a source are made secure, beside what counts for all. */
export interface SourceTls {
  /** Who we are; sent to the source's own origins alone. Never one without the other. */
  readonly certificate: TlsFile | undefined;
  readonly key: TlsFile | undefined;
  /** Authorities that are trusted for this source too. */
  readonly ca: TlsFile | undefined;
}

export interface TlsFile {
  readonly setting: 'certificate' | 'key' | 'ca';
  /** Of `registry.toml`, where it is configured; counts from 1. */
  readonly line: number;
  /** Absolute. */
  readonly path: string;
  /** As in the file. */
  readonly written: string;
}
