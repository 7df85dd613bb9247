import type { Checksum } from './checksum.ts';

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
  /** One sentence. */
  readonly message: string;
}

export function isConflict(finding: Finding): boolean {
  return (
    finding.kind === 'checksum-conflict' || finding.kind === 'origin-conflict' || finding.kind === 'undecided'
  );
}
