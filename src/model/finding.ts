import type { Checksum } from './checksum.ts';
import type { Version } from './version.ts';

/** Something the plan refused or held back, kept until it no longer holds. */
export type Finding = ConflictFinding | Defect;

/** What waits for the operator: bytes, requirements, origins or names that disagree. */
export type ConflictFinding = ChecksumConflict | RequirementsConflict | OriginConflict | LookAlikeConflict;

/** What nobody has to decide about: what upstream got wrong, most of all, which never reaches clients. */
type Defect = DroppedLine | SelectionChange | ModuleDefect | UntoldFindings;

interface About {
  /** A module name, or the text of a refused one; the first of several, where `count` says how many. */
  readonly module: string;
  /** The source whose data this is about. */
  readonly source: string;
  /** One sentence. */
  readonly message: string;
  /** When a sync first found it; ISO 8601, UTC. */
  readonly foundAt?: string | undefined;
}

interface Decidable extends About {
  /** The operator has decided that what is served stays. */
  readonly kept?: { readonly at: string; readonly by: string } | undefined;
}

/** Upstream states something else for a version already served (rule 3); the old line stays. */
interface VersionConflict extends Decidable {
  readonly version: Version;
  /** Line in that source's index file, from 1. */
  readonly line: number;
  readonly pinned: Checksum;
  readonly offered: Checksum;
}

interface ChecksumConflict extends VersionConflict {
  readonly kind: 'checksum-conflict';
  /** Digests of what is required, where they differ too. */
  readonly requirements?: RequirementsChange | undefined;
}

/** The checksum is the same. */
interface RequirementsConflict extends VersionConflict {
  readonly kind: 'requirements-conflict';
  /** Digests of what is required. */
  readonly requirements: RequirementsChange;
}

/** Another source would supply the module, but moving there would break rule 2; the origin stays. */
export type OriginConflict = Decidable & {
  readonly kind: 'origin-conflict';
  /** Where the modules come from; in data of format 1, not stated. */
  readonly origin?: string | undefined;
} & (
    | {
        /** Versions of the module served so far that moving to `source` would change. */
        readonly changes: readonly PinChange[];
        readonly count?: undefined;
        readonly modules?: undefined;
      }
    | {
        /** Nothing that was served would change. */
        readonly changes?: undefined;
        /** How many modules this stands for, where it is not one. */
        readonly count?: number | undefined;
        /** The first of the modules that `count` counts. */
        readonly modules?: readonly string[] | undefined;
      }
  );

/** The name looks like one of another origin on the disks of some clients (rule 1); not listed. */
interface LookAlikeConflict extends Decidable {
  readonly kind: 'look-alike';
}

/** A line of an index file, or several, that cannot be passed on. */
type DroppedLine = About & { readonly kind: 'dropped-line' } & (
    | {
        /** Line in that source's index file, from 1. */
        readonly line: number;
        readonly count?: undefined;
      }
    | {
        readonly line?: undefined;
        /** How many lines of the file there are beyond those that are told one by one. */
        readonly count: number;
      }
  );

/** A deleted version was what a listed requirement selected; clients select another one now. */
export interface SelectionChange extends About {
  readonly kind: 'selection-changed';
  readonly version: Version;
}

interface ModuleDefect extends About {
  readonly kind: /** An index file that cannot be read at all; what was served of the module stays. */
    | 'broken-file'
    /** An index file whose name cannot be a module's. */
    | 'refused-name'
    /** Planning this one module failed in a way that nobody foresaw: a bug of ours. */
    | 'unplanned';
}

/** Further findings about the source, which are not kept. */
interface UntoldFindings extends About {
  readonly kind: 'more';
  /** How many. */
  readonly count: number;
  /** How many of them there are about each module. */
  readonly untold: readonly (readonly [module: string, count: number])[];
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

export function isConflict(finding: Finding): finding is ConflictFinding {
  switch (finding.kind) {
    case 'checksum-conflict':
    case 'requirements-conflict':
    case 'origin-conflict':
    case 'look-alike':
      return true;
    case 'dropped-line':
    case 'broken-file':
    case 'refused-name':
    case 'selection-changed':
    case 'unplanned':
    case 'more':
      return false;
  }
}

/** A conflict that nobody has decided about. */
export function isOpenConflict(finding: Finding): boolean {
  return isConflict(finding) && finding.kept === undefined;
}

/** Any finding as lists have it that show all alike: with what only some kinds have. */
export interface FindingFacts {
  readonly kind: Finding['kind'];
  readonly module: string;
  readonly version?: string | undefined;
  readonly source: string;
  readonly pinned?: Checksum | undefined;
  readonly offered?: Checksum | undefined;
  readonly changes?: readonly PinChange[] | undefined;
  readonly foundAt?: string | undefined;
}

/** How many lines, modules or findings it stands for. */
export function countOf(finding: Finding): number {
  return ('count' in finding ? finding.count : undefined) ?? 1;
}

/** The version it is about, where it is about one. */
export function versionOf(finding: Finding): Version | undefined {
  return 'version' in finding ? finding.version : undefined;
}

/** The line of the source's index file that it is about, where it is about one. */
export function lineOf(finding: Finding): number | undefined {
  return 'line' in finding ? finding.line : undefined;
}

/** What makes two findings of different syncs the same one. The line of a version moves when a file grows. */
export function identifyFinding(finding: Finding): string {
  const { kind, module, source } = finding;
  const name = (version?: Version, pinned?: Checksum, offered?: Checksum, ...more: unknown[]) =>
    JSON.stringify([kind, module, version, source, pinned, offered, ...more]);
  switch (finding.kind) {
    case 'checksum-conflict':
    case 'requirements-conflict': {
      const { version, pinned, offered, requirements } = finding;
      // Where the bytes are others, it does not matter what they require: so it was before requirements were known.
      const more = requirements && pinned === offered ? [requirements] : [];
      return name(version, pinned, offered, undefined, ...more);
    }
    case 'origin-conflict':
      return name(undefined, undefined, undefined, finding.changes?.map(withoutIdleRequirements));
    case 'look-alike':
      return name(undefined, undefined, undefined, undefined);
    case 'dropped-line':
    case 'broken-file':
    case 'refused-name':
    case 'selection-changed':
    case 'unplanned':
    case 'more':
      return name(versionOf(finding), undefined, undefined, undefined, lineOf(finding), finding.message);
  }
}

function withoutIdleRequirements({ requirements, ...change }: PinChange): PinChange {
  return requirements && change.pinned === change.offered ? { ...change, requirements } : change;
}
