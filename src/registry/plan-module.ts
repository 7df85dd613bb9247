import {
  findEntry,
  formatIndexFile,
  type IndexFile,
  type IndexLine,
  parseIndexFile,
} from '../index/index-file.ts';
import type { Pin } from '../index/ledger-file.ts';
import type { Checksum } from '../model/checksum.ts';
import type { ChecksumChange, Finding } from '../model/finding.ts';
import type { IndexEntry } from '../model/index-entry.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { Decision } from './decide-origin.ts';

export interface ModuleInput {
  readonly module: ModuleName;
  readonly decision: Decision;
  readonly recorded: string | undefined;
  readonly upstreamFallback: boolean;
  /** The origin's index file; absent when it does not list the module. */
  readonly sourceFile: Buffer | undefined;
  /** The index file served now. */
  readonly servedFile: Buffer | undefined;
  readonly pins: readonly Pin[];
  readonly isCached: (checksum: Checksum) => boolean;
  /** Pinned versions that moving to the contender would change. */
  readonly contenderChanges?: readonly ChecksumChange[] | undefined;
  /** ISO 8601, UTC. */
  readonly now: string;
}

export interface ModulePlan {
  readonly module: ModuleName;
  readonly decision: Decision;
  readonly recorded: string | undefined;
  /** What to serve: the origin's own file untouched, a file made of some of its lines, or nothing. */
  readonly served:
    | { readonly kind: 'source-file' }
    | { readonly kind: 'lines'; readonly bytes: Buffer }
    | { readonly kind: 'none' };
  /** All pins, the new ones last. */
  readonly pins: readonly Pin[];
  /** What clients read of the lines to serve: one entry for each version. */
  readonly entries: readonly IndexEntry[];
  readonly findings: readonly Finding[];
}

/**
 * Plans what one module serves, given its origin: drops lines that must not reach a client, keeps every pinned
 * version as it was (rule 3), lists only what can be delivered (rule 6). Planning twice changes nothing.
 */
export function planModule(input: ModuleInput): ModulePlan {
  const { module, decision, recorded } = input;
  const findings = originFindings(module, decision, input.contenderChanges);
  const origin = decision.origin;
  if (origin === undefined || input.sourceFile === undefined)
    return { module, decision, recorded, served: { kind: 'none' }, pins: input.pins, entries: [], findings };

  const file = parseIndexFile(input.sourceFile);
  findings.push(...file.malformed.map((line) => droppedLine(module, origin, line.number, line.reason)));
  const settled = settleChecksums(input, origin, file);
  findings.push(...settled.findings);
  const lines = settled.lines.filter((line) => isDeliverable(input, line.entry.checksum));
  const isWhole = lines.length === file.lines.length && file.malformed.length === 0 && settled.isUntouched;
  const served: ModulePlan['served'] =
    lines.length === 0
      ? { kind: 'none' }
      : isWhole
        ? { kind: 'source-file' }
        : { kind: 'lines', bytes: formatIndexFile(lines) };
  // The last line about a version is the one that counts (client.rs, moon-protocol §2.5).
  const entries = [...new Map(lines.map(({ entry }) => [entry.version, entry])).values()];
  return { module, decision, recorded, served, pins: addPins(input, origin, lines), entries, findings };
}

/** Rule 6: what is not here can be had only from an enabled source, with fallback on. */
function isDeliverable({ decision, upstreamFallback, isCached }: ModuleInput, checksum: Checksum): boolean {
  return (upstreamFallback && !decision.isCachedOnly) || isCached(checksum);
}

/** Whether `file` keeps the checksum of every pinned version it lists (rule 2). */
export function agreesWithPins(file: Buffer, pins: readonly Pin[]): boolean {
  const pinned = new Map(pins.map((pin) => [pin.version as string, pin.checksum]));
  return parseIndexFile(file).lines.every(({ entry }) => {
    const checksum = pinned.get(entry.version);
    return checksum === undefined || checksum === entry.checksum;
  });
}

/** Pinned versions for which clients of `file` would get other bytes: its last line about them states so. */
export function checksumChanges(file: Buffer, pins: readonly Pin[]): ChecksumChange[] {
  const parsed = parseIndexFile(file);
  return pins.flatMap(({ version, checksum }) => {
    const offered = findEntry(parsed, version)?.checksum;
    return offered === undefined || offered === checksum ? [] : [{ version, pinned: checksum, offered }];
  });
}

interface Settled {
  readonly lines: readonly IndexLine[];
  readonly findings: readonly Finding[];
  readonly isUntouched: boolean;
}

/**
 * Leaves one checksum per version: the pinned one, or else that of the last line, which is the one clients read.
 * A line that contradicts a pin gives way to the line served so far.
 */
function settleChecksums(input: ModuleInput, origin: string, file: IndexFile): Settled {
  const pinned = new Map(input.pins.map((pin) => [pin.version, pin]));
  const last = new Map(file.lines.map((line) => [line.entry.version, line.entry.checksum]));
  const kept = new Map(file.lines.map((line) => [`${line.entry.version} ${line.entry.checksum}`, line]));
  const restored = new Set<Version>();
  const findings: Finding[] = [];
  const lines = file.lines.flatMap((line): IndexLine[] => {
    const { version, checksum } = line.entry;
    const pin = pinned.get(version);
    const wanted = pin?.checksum ?? last.get(version);
    if (checksum === wanted) return [line];
    if (!pin || last.get(version) === wanted) {
      findings.push(
        droppedLine(
          input.module,
          origin,
          line.number,
          `version ${version} is listed again below with another checksum`,
        ),
      );
      return [];
    }
    const old = kept.has(`${version} ${pin.checksum}`) ? undefined : servedLine(input, version, pin.checksum);
    const isAtHand = old !== undefined || kept.has(`${version} ${pin.checksum}`);
    const isListed = isAtHand && isDeliverable(input, pin.checksum);
    findings.push(checksumConflict(input.module, origin, line, pin, isListed));
    if (!old || restored.has(version)) return [];
    restored.add(version);
    return [old];
  });
  const isUntouched = lines.length === file.lines.length && restored.size === 0;
  return { lines, findings, isUntouched };
}

/**
 * The line of a version as served so far. Not after a claim has taken the module from another source: then the
 * old line is that source's, and the operator has said that it has no say in this name.
 */
function servedLine(input: ModuleInput, version: Version, checksum: Checksum): IndexLine | undefined {
  const isTaken = input.decision.rule === 'claimed' && input.recorded !== input.decision.origin;
  if (!input.servedFile || isTaken) return undefined;
  const { lines } = parseIndexFile(input.servedFile);
  return lines.findLast((line) => line.entry.version === version && line.entry.checksum === checksum);
}

function addPins(input: ModuleInput, source: string, lines: readonly IndexLine[]): readonly Pin[] {
  const known = new Set(input.pins.map((pin) => pin.version));
  const added = new Map<Version, Pin>();
  for (const { entry } of lines) {
    if (known.has(entry.version)) continue;
    added.set(entry.version, {
      version: entry.version,
      checksum: entry.checksum,
      firstSeen: input.now,
      source,
    });
  }
  return added.size === 0 ? input.pins : [...input.pins, ...added.values()];
}

/** What the decision itself gives cause to report. */
export function originFindings(
  module: ModuleName,
  decision: Decision,
  changes: readonly ChecksumChange[] = [],
): Finding[] {
  const { rule, origin, contender } = decision;
  if (rule === 'undecided' && contender !== undefined)
    return [
      {
        kind: 'undecided',
        module,
        source: contender,
        message: `not listed: source "${contender}", which is trusted more, has never been read and may supply it`,
      },
    ];
  if (rule === 'held' && contender !== undefined)
    return [
      {
        kind: 'origin-conflict',
        module,
        source: contender,
        ...(changes.length > 0 ? { changes } : {}),
        message: `source "${contender}" lists it too; it stays with "${origin}", which it was first served from`,
      },
    ];
  return [];
}

function droppedLine(module: ModuleName, source: string, line: number, reason: string): Finding {
  return { kind: 'dropped-line', module, source, line, message: `line ${line} is not passed on: ${reason}` };
}

function checksumConflict(
  module: ModuleName,
  source: string,
  line: IndexLine,
  pin: Pin,
  isListed: boolean,
): Finding {
  return {
    kind: 'checksum-conflict',
    module,
    version: pin.version,
    source,
    line: line.number,
    pinned: pin.checksum,
    offered: line.entry.checksum,
    message: `version ${pin.version} was served with another checksum since ${pin.firstSeen}; ${isListed ? 'it stays as it was' : 'it is withheld'}`,
  };
}
