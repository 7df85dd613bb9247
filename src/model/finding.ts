import type { Checksum } from './checksum.ts';
import type { Version } from './version.ts';

/**
 * Something the plan refused or held back, kept until it no longer holds. `conflict` kinds wait for the operator;
 * `dropped-line` and `refused-name` are upstream defects that never reach clients.
 */
export interface Finding {
  readonly kind: /** Upstream states another checksum for a version already served (rule 3); the old line stays. */
    | 'checksum-conflict'
    /** Another source would supply the module, but moving there would break rule 2; the origin stays. */
    | 'origin-conflict'
    /** A source of more trust has never been read, so nobody can say who supplies this name (rule 4). */
    | 'undecided'
    | 'dropped-line'
    | 'refused-name';
  /** A module name, or the text of a refused one. */
  readonly module: string;
  readonly version?: string | undefined;
  /** The source whose data this is about. */
  readonly source: string;
  /** Line in that source's index file, from 1. */
  readonly line?: number | undefined;
  readonly pinned?: Checksum | undefined;
  readonly offered?: Checksum | undefined;
  /** For `origin-conflict`: versions served so far that moving to `source` would change. */
  readonly changes?: readonly ChecksumChange[] | undefined;
  /** One sentence. */
  readonly message: string;
  /** When a sync first found it; ISO 8601, UTC. */
  readonly foundAt?: string | undefined;
  /** The operator has decided that what is served stays. */
  readonly kept?: { readonly at: string; readonly by: string } | undefined;
}

export interface ChecksumChange {
  readonly version: Version;
  readonly pinned: Checksum;
  readonly offered: Checksum;
}

export function isConflict(finding: Finding): boolean {
  return (
    finding.kind === 'checksum-conflict' || finding.kind === 'origin-conflict' || finding.kind === 'undecided'
  );
}

/** A conflict that nobody has decided about. */
export function isOpenConflict(finding: Finding): boolean {
  return isConflict(finding) && finding.kept === undefined;
}

/** What makes two findings of different syncs the same one. The line of a version moves when a file grows. */
export function identifyFinding(finding: Finding): string {
  const { kind, module, version, source, pinned, offered, changes } = finding;
  const place = isConflict(finding) ? [] : [finding.line, finding.message];
  return JSON.stringify([kind, module, version, source, pinned, offered, changes, ...place]);
}
