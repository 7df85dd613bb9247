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
