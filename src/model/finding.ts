import type { Checksum } from './checksum.ts';
import type { Version } from './version.ts';

/**
 * Something the plan refused or held back, kept until it no longer holds. `conflict` kinds wait for the operator;
 * `dropped-line`, `broken-file` and `refused-name` are upstream defects that never reach clients.
 */
export interface Finding {
  readonly kind: /** Upstream states another checksum for a version already served (rule 3); the old line stays. */
    | 'checksum-conflict'
    /** Upstream states the same checksum, and other requirements, for a version already served (rule 3); the old line stays. */
    | 'requirements-conflict'
    /** Another source would supply the module, but moving there would break rule 2; the origin stays. */
    | 'origin-conflict'
    /** The name looks like one of another origin on the disks of some clients (rule 1); not listed. */
    | 'look-alike'
    | 'dropped-line'
    /** An index file that cannot be read at all; what was served of the module stays. */
    | 'broken-file'
    | 'refused-name'
    /** A deleted version was what a listed requirement selected; clients select another one now. */
    | 'selection-changed'
    /** Planning this one module failed in a way that nobody foresaw: a bug of ours. */
    | 'unplanned'
    /** Further findings about the source, which are not kept. */
    | 'more';
  /** A module name, or the text of a refused one; the first of several, where `count` says how many. */
  readonly module: string;
  /** For `more`: how many findings are not told, by module. */
  readonly untold?: readonly (readonly [module: string, count: number])[] | undefined;
  /** How many modules, lines or findings this stands for, where it is not one. */
  readonly count?: number | undefined;
  /** The first of the modules that `count` counts. */
  readonly modules?: readonly string[] | undefined;
  readonly version?: string | undefined;
  /** The source whose data this is about. */
  readonly source: string;
  /** For `origin-conflict`: where the modules come from. */
  readonly origin?: string | undefined;
  /** Line in that source's index file, from 1. */
  readonly line?: number | undefined;
  readonly pinned?: Checksum | undefined;
  readonly offered?: Checksum | undefined;
  /** Digests of what is required, where they differ. */
  readonly requirements?: RequirementsChange | undefined;
  /** For `origin-conflict`: versions served so far that moving to `source` would change. */
  readonly changes?: readonly PinChange[] | undefined;
  /** One sentence. */
  readonly message: string;
  /** When a sync first found it; ISO 8601, UTC. */
  readonly foundAt?: string | undefined;
  /** The operator has decided that what is served stays. */
  readonly kept?: { readonly at: string; readonly by: string } | undefined;
}

interface RequirementsChange {
  readonly pinned: string;
  readonly offered: string;
}

/** What a pinned version would become. */
export interface PinChange {
  readonly version: Version;
  readonly pinned: Checksum;
  /** The same as `pinned` where only the requirements differ. */
  readonly offered: Checksum;
  readonly requirements?: RequirementsChange | undefined;
}

const conflictKinds = new Set<Finding['kind']>([
  'checksum-conflict',
  'requirements-conflict',
  'origin-conflict',
  'look-alike',
]);

export function isConflict(finding: Finding): boolean {
  return conflictKinds.has(finding.kind);
}

/** A conflict that nobody has decided about. */
export function isOpenConflict(finding: Finding): boolean {
  return isConflict(finding) && finding.kept === undefined;
}

/** What makes two findings of different syncs the same one. The line of a version moves when a file grows. */
export function identifyFinding(finding: Finding): string {
  const { kind, module, version, source, pinned, offered, changes, requirements } = finding;
  const place = isConflict(finding) ? [] : [finding.line, finding.message];
  // Where the bytes are others, it does not matter what they require: so it was before requirements were known.
  const more = requirements && pinned === offered ? [requirements] : [];
  const changed = changes?.map(({ requirements: both, ...change }) =>
    both && change.pinned === change.offered ? { ...change, requirements: both } : change,
  );
  return JSON.stringify([kind, module, version, source, pinned, offered, changed, ...more, ...place]);
}
