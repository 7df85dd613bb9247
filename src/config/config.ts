import type { MirrorTarget } from '../model/mirror-target.ts';
import type { SourceKind } from '../sources/kinds.ts';
import type { OidcProvider } from './oidc-provider.ts';

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
    /** Absolute path of the folder that holds the index and archives. */
    readonly dataDir: string;
    /** Bytes of the disk that are kept free of archives and assets; `undefined`: 5 % of it and 2 GiB at least. */
    readonly cacheReserveBytes: number | undefined;
  };
  /** Sources in the order of the file, which is the order in which they were added. */
  readonly sources: readonly SourceConfig[];
  readonly views: readonly ViewConfig[];
  /** Name of the source that `mirror` reads unless told otherwise. */
  readonly defaultSource: string;
  /** Whether the sources are the implied preset, because the file configures none and hosts nothing. */
  readonly sourcesAreImplied: boolean;
  readonly mirror: {
    /** Modules that `mirror` without arguments, and `auto_sync`, take. The sources they name need not be configured. */
    readonly packages: readonly MirrorTarget[];
    readonly autoSync: boolean;
    readonly syncIntervalMs: number;
  };
  readonly server: {
    readonly host: string;
    /** Port to listen on; 0 asks the system for a free one. */
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
  readonly access: AccessSettings;
  readonly hosting: HostingSettings;
  readonly limits: Limits;
  /** Things that work but should be mended, e.g. a misplaced `default_source`; one sentence each, with the line. */
  readonly warnings: readonly string[];
}

/** Who may do what; tokens themselves are none of the settings. */
interface AccessSettings {
  /** `undefined`: the operator has not said, which means anyone. */
  readonly read: 'anyone' | 'token' | undefined;
  /** Whether `/t/TOKEN/…` is read. */
  readonly tokenInPath: boolean;
  /** Machines that get a token for a while by one of somebody else's; the first entry that fits counts. */
  readonly oidc: readonly OidcEntry[];
}

/** A part of the index, at an address of its own: one `[[views]]` table. */
export interface ViewConfig {
  readonly name: string;
  /** The modules it is of, as patterns. */
  readonly include: readonly string[];
  /** Who may read it besides those who may read everything: names of tokens as patterns, `owner:PERSON`, `anyone`. */
  readonly for: readonly string[];
}

/** Whose identity tokens are exchanged for a token of ours, and for which: one `[[access.oidc]]` table. */
export interface OidcEntry {
  readonly name: string;
  /** Whose words its claims are. */
  readonly provider: OidcProvider;
  /** What `iss` says, letter by letter. */
  readonly issuer: string;
  /** What `aud` says, or lists. */
  readonly audience: string;
  /** By claim, what it may say; `*` at the end of one stands for anything, where the rules of the file let it through. */
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** Whether people log in by it, to read for longer; else it lets in machines. */
  readonly isLogin: boolean;
  /** For each permission, the names it holds for, as patterns. */
  readonly grants: { readonly [permission in 'read' | 'publish' | 'yank']?: readonly string[] | undefined };
}

/** What may be published here. */
interface HostingSettings {
  /** Names that no source says the meaning of; nothing may be published where there are none. */
  readonly namespaces: readonly string[];
  readonly maxArchiveBytes: number;
  /** Of all files of an archive together. */
  readonly maxUnpackedBytes: number;
  readonly requireIncreasingVersions: 'per-major' | 'always' | 'no';
  /** Whether all that a version depends on must be listed here. */
  readonly requireResolvable: boolean;
  /** Whether modules are refused that run code of theirs where they are installed. */
  readonly refuseScripts: boolean;
  /** Names of which every version waits to be approved before it is published. */
  readonly requireApproval: readonly string[];
  /** Of all archives together that wait to be approved. */
  readonly maxStagedBytes: number;
  /** How long one waits at most. */
  readonly stagedExpiryMs: number;
}

/** What one client, and all together, can cost a server process; each is a setting below `limits`. */
export interface Limits {
  /** Longest request target; 414 beyond. */
  readonly targetCharacters: number;
  /** Largest request body, sent and inflated; 413 beyond. */
  readonly bodyBytes: number;
  /** Memory of all request bodies at once, the first 64 KiB of each aside; 503 beyond. */
  readonly allBodiesBytes: number;
  readonly gitProcesses: number;
  /** Requests that may wait for a git process; 503 beyond. */
  readonly gitQueue: number;
  readonly gitTimeoutMs: number;
  /** Largest answer of git that is kept in memory; larger ones are kept on the disk. */
  readonly gitAnswerBytes: number;
  readonly gitCacheBytes: number;
  readonly gitSpoolBytes: number;
  readonly archiveCacheBytes: number;
  /** How long a client waits for an archive that is being fetched; 503 beyond, while fetching goes on. */
  readonly firstByteMs: number;
  /** How long the head of a request may take, from connecting or from its first byte. */
  readonly headersMs: number;
  /** How long a whole request may take, body included. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** How long a client may take nothing, also while it waits for an answer; then it counts as gone. */
  readonly stalledMs: number;
}

export interface SourceConfig {
  /** What the source is called: `[a-z0-9][a-z0-9._-]*`, at most 64 characters (names that differ by case collide on some disks). */
  readonly name: string;
  readonly type: SourceKind;
  /** Base address of the source, without trailing slash: `http:`, `https:` or `file:`. */
  readonly url: string;
  /** Address of the index, as it was written: `http(s):`, `file:`, `ssh:` or git's `user@host:path`. */
  readonly indexUrl: string;
  readonly indexType: 'git';
  /** Branch of the index that is read, where it is not the one that the repository's HEAD names. */
  readonly indexBranch?: string | undefined;
  /** What the source is told we are, where that is not what this program calls itself. */
  readonly userAgent?: string | undefined;
  readonly enabled: boolean;
  /** Rank among the sources: the lower number is tried first and trusted more. */
  readonly priority: number;
  /** Patterns of names of which only this source says what they mean (rule 1). */
  readonly namespaces: readonly string[];
  /** Patterns of names that the source may supply; any name, if there are none. */
  readonly include: readonly string[];
  /** Patterns of names that the source never supplies, whatever `include` says. */
  readonly exclude: readonly string[];
  /** Which new names of sources trusted less wait while this one is not current. */
  readonly holdsNewNames: 'claimed' | 'all';
  /** Whether a cached version that the source deletes stays listed. */
  readonly deletedUpstream: 'keep' | 'follow';
  /** Where archives are, without trailing slash: `download_url`, else the preset's host, else `url`. */
  readonly downloadUrl: string;
  /** Template of an archive's URL with `{owner}`, `{name}`, `{module}`, `{version}`, each percent-encoded. */
  readonly packageUrlPattern: string | undefined;
  /** What the source may redirect to although the address is not public: see `parseNamedDestination`. */
  readonly allowedRedirects: readonly string[];
  /** How many requests the source gets at the same time. */
  readonly maxConcurrency: number;
  readonly maxRequestsPerSecond: number | undefined;
  readonly auth: SourceAuth | undefined;
  readonly tls?: SourceTls | undefined;
  readonly limits: SourceLimits;
}

/** What reading one source may cost; each is a setting below its `limits`. */
export interface SourceLimits {
  /** Most index files below `user/`; an index with more is not read. */
  readonly modules: number;
  /** Largest index file; a larger one is a finding about its module. */
  readonly indexFileBytes: number;
  readonly indexLines: number;
  /** Size of all index files that one sync reads; the modules beyond stay as they were, and are read in the next. */
  readonly indexBytes: number;
  /** What one fetch of the index may write to the disk. */
  readonly fetchBytes: number;
  /** How long one git command may take that fetches the index; it is killed then. */
  readonly fetchMs: number;
  /** Largest listing of the whole index, as git prints it. */
  readonly listingBytes: number;
  /** How many findings about the source are kept; of the others, their number. */
  readonly findings: number;
  readonly findingsPerFile: number;
  readonly archiveBytes: number;
  readonly assetBytes: number;
  /** Part of the free disk that what is on its way from the source may take; more than 0, at most 1. */
  readonly diskShare: number;
  /** How many requests may wait while `maxConcurrency` are under way. */
  readonly waitingRequests: number;
}

/** How a source wants to be asked. Nothing of it is a secret: it says where those are. */
export type SourceAuth =
  | { readonly type: 'bearer'; readonly token: SecretText }
  | { readonly type: 'basic'; readonly username: SecretText; readonly password: SecretText };

/** What one credential is put together from whenever it is sent. */
export interface SecretText {
  readonly setting: 'token' | 'token_file' | 'token_command' | 'username' | 'password' | 'password_file';
  /** Line of `registry.toml` in which it is configured; counts from 1. */
  readonly line: number;
  readonly parts: readonly SecretPart[];
}

export type SecretPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** A file whose content is the secret; `path` is absolute, `written` as in `registry.toml`. */
  | { readonly kind: 'file'; readonly path: string; readonly written: string }
  /** A command whose output is the secret; `directory`, where it is run, is absolute. */
  | { readonly kind: 'command'; readonly words: readonly string[]; readonly directory: string };

/** By what connections to a source are made secure, beside what counts for all. */
export interface SourceTls {
  /** By which we show who we are, to the source's own origins alone; never without `key`. */
  readonly certificate: TlsFile | undefined;
  readonly key: TlsFile | undefined;
  /** Authorities that are trusted for this source too. */
  readonly ca: TlsFile | undefined;
}

export interface TlsFile {
  readonly setting: 'certificate' | 'key' | 'ca';
  /** Line of `registry.toml` in which it is configured; counts from 1. */
  readonly line: number;
  /** Absolute path of the file. */
  readonly path: string;
  /** The path as it stands in `registry.toml`. */
  readonly written: string;
}
