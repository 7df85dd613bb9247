import type { Readable } from 'node:stream';
import type { SourceConfig } from '../config/config.ts';
import type { Lookup } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { Withdrawal } from '../model/withdrawal.ts';

/**
 * Seam 1: a remote registry we read. An implementation decides nothing: it answers `found`, `absent` or
 * `unavailable`, never throws for what the far side did, and sends its credentials to its own origins only
 * (rule 10). Every call can be aborted; an aborted call rejects with the signal's reason.
 */
export interface Source {
  readonly config: SourceConfig;

  /**
   * Reads the source's index. `known` is the commit of the last good snapshot; where the far side is still at
   * that commit the answer is the same commit, and costs one request. The tree's objects are in the registry's
   * own object store when the answer is `found`, and were checked before they came there: it is a well-formed tree within
   * the source's limits. What cannot be used leaves nothing there. Never `absent`: an index that is not there is `unavailable`
   * (rule 4), and so is one that is empty.
   */
  readSnapshot(known: string | undefined, signal?: AbortSignal): Promise<Lookup<Snapshot>>;

  /**
   * Opens the archive of one version at this source's own address. The caller reads or destroys `body`, and
   * verifies it: nothing about these bytes is trusted. `absent` is a 404 or 410 in every URL form we know.
   */
  openArchive(module: ModuleName, version: Version, signal?: AbortSignal): Promise<Lookup<OpenedBody>>;

  /** Opens `symbols.zip`; `notModified` when the source still has what `etag` names. */
  openSymbols(etag: string | undefined, signal?: AbortSignal): Promise<Lookup<OpenedBody | 'notModified'>>;

  /**
   * Opens a prebuilt wasm asset or its `.sha256`. `assetPath` is `OWNER/NAME@VERSION/[PACKAGE/]FILE`, decoded.
   * Tries both addresses clients know, `/prebuild` at the download address and `/assets` at `url`.
   */
  openAsset(assetPath: string, signal?: AbortSignal): Promise<Lookup<OpenedBody>>;

  /** Looks at the index address as `source check` does: reachable, credentials accepted, kind of git server. */
  probe(signal?: AbortSignal): Promise<Lookup<ProbeResult>>;

  /** Closes idle connections; running calls are aborted. Resolves when what they started has ended. */
  close(): Promise<void>;
}

/** A source's index at one commit. Ids are 40 hex digits. */
export interface Snapshot {
  readonly commit: string;
  readonly tree: string;
  /** Whether the far side says that what it read of its own sources is not current. */
  readonly isStale: boolean;
  /** Patterns of what the far side says is published there; absent where it says nothing of the kind. */
  readonly hosts?: readonly string[] | undefined;
  /** What the far side says that whoever publishes it has taken back. */
  readonly withdrawn?: readonly Withdrawal[] | undefined;
}

export interface OpenedBody {
  readonly body: Readable;
  /** Size of the body as the far side announces it, which may be wrong. */
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  /** Where the bytes come from, without credentials, for reports. */
  readonly url: string;
  /** How the body goes on, where a network can delay it. */
  readonly progress?: (() => BodyProgress) | undefined;
}

/** The stream in what a call found, if it opened one. */
export function bodyOf(result: Lookup<unknown>): Readable | undefined {
  const value = result.kind === 'found' ? result.value : undefined;
  return typeof value === 'object' && value !== null && 'body' in value
    ? (value as OpenedBody).body
    : undefined;
}

export interface BodyProgress {
  readonly receivedBytes: number;
  /** How long the bytes were waited for: the time that whoever reads takes does not count. */
  readonly waitedMs: number;
}

/** What calls reject with that run when their source is closed. */
export class SourceClosedError extends Error {
  constructor(source: string) {
    super(`source "${source}" was closed`);
    this.name = 'SourceClosedError';
  }
}

interface ProbeResult {
  readonly transport: 'smart-http' | 'dumb-http' | 'file' | 'ssh';
  readonly latencyMs: number;
  /** The commit the default branch points to. */
  readonly commit: string | undefined;
}
