import { findEntry, formatIndexFile, type IndexFile, type IndexLine } from '../../index/index-file.ts';
import type { Pin } from '../../index/ledger-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Finding } from '../../model/finding.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { Decision } from './decide-origin.ts';
import { hiddenVersions } from './hidden-versions.ts';
import { brokenFile, contentionFindings, droppedLine, droppedLines, pinConflict } from './module-findings.ts';
import { isSame, pinChanges } from './pin-changes.ts';
import type { PlanningInput } from './planning-input.ts';
import { blockedVersions, sourceNamed } from './policy.ts';

/** The origin's own file untouched, a file made of some of its lines, or nothing. */
export type PlannedFile =
  | { readonly kind: 'source-file' }
  | { readonly kind: 'lines'; readonly bytes: Buffer }
  | { readonly kind: 'none' };

const noFile: PlannedFile = { kind: 'none' };

/** What is to be served and kept of one module. */
export interface ModulePlan {
  readonly module: ModuleName;
  readonly decision: Decision;
  /** Its origin so far; `undefined` where it has none. */
  readonly recorded: string | undefined;
  readonly served: PlannedFile;
  /** What would be served if nothing were blocked; `none` where that is what is served. */
  readonly unblocked: PlannedFile;
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
export function planModule(input: PlanningInput): ModulePlan {
  const { policy, decision, facts } = input;
  const { module, recorded, pins, contender } = facts;
  const { origin } = decision;
  if (origin === undefined)
    return {
      ...{ module, decision, recorded, pins },
      ...{ served: noFile, unblocked: noFile, entries: [], findings: [] },
    };

  const settled = settle(input, origin);
  const deliverable = settled.lines.filter(({ entry }) => isDeliverable(input, entry));
  const lines = withoutBlockedTails(deliverable, blockedVersions(policy, module));
  const served = fileOf(lines, settled.whole);
  const unblocked = lines.length === deliverable.length ? noFile : fileOf(deliverable, settled.whole);
  // The last line about a version is the one that counts (client.rs, moon-protocol §2.5).
  const last = new Map(lines.map((line) => [line.entry.version, line]));
  const entries = [...last.values()].map(({ entry }) => entry);
  const after = updatePins(input, origin, last);
  const contention = contentionFindings(module, decision, contender ? pinChanges(contender, after) : []);
  const findings = [...contention, ...settled.findings];
  return { module, decision, recorded, served, unblocked, entries, findings, pins: after };
}

function fileOf(lines: readonly IndexLine[], whole: Settled['whole']): PlannedFile {
  if (lines.length === 0) return noFile;
  const isWhole = lines.length === whole?.length && lines.every((line, at) => line === whole[at]);
  return isWhole ? { kind: 'source-file' } : { kind: 'lines', bytes: formatIndexFile(lines) };
}

function withoutBlockedTails(
  lines: readonly IndexLine[],
  isBlocked: ((version: Version) => boolean) | undefined,
): readonly IndexLine[] {
  if (!isBlocked) return lines;
  const hidden = hiddenVersions(new Set(lines.map(({ entry }) => entry.version)), isBlocked);
  return hidden.size === 0 ? lines : lines.filter(({ entry }) => !hidden.has(entry.version));
}

/** Rule 6: what is not here can be had only from an enabled source, with fallback on; see `Supply`. */
function isDeliverable(
  { policy, decision: { supply }, facts }: PlanningInput,
  { version, checksum }: Pick<IndexEntry, 'version' | 'checksum'>,
): boolean {
  if (supply === 'none') return false;
  if (supply !== 'all' && !facts.pins.some((pin) => pin.version === version)) return false;
  if (facts.cached.has(checksum)) return true;
  if (!policy.upstreamFallback) return false;
  return (
    supply !== 'obtainable' || facts.elsewhere.some((file) => findEntry(file, version)?.checksum === checksum)
  );
}

interface Settled {
  readonly lines: readonly IndexLine[];
  readonly findings: readonly Finding[];
  /** The lines of the source's file, where it has nothing else: whoever lists just these passes that file on. */
  readonly whole: readonly IndexLine[] | undefined;
}

function settle(input: PlanningInput, origin: string): Settled {
  const { module, sourceFile, recorded, servedFile } = input.facts;
  // What another source has given is never kept beside what the new origin gives: a module moves as a whole.
  const isMove = recorded !== undefined && recorded !== origin;
  const kept = servedFile && !isMove ? servedFile.lines : [];
  if (!sourceFile) return { lines: keptAlthoughDeleted(input, kept), findings: [], whole: undefined };
  const { unreadable } = sourceFile;
  if (unreadable !== undefined) {
    const finding = brokenFile(module, origin, unreadable, kept.length > 0);
    return { lines: kept, findings: [finding], whole: undefined };
  }

  const pinned = settlePinned(input, origin, sourceFile, kept);
  const listed = new Set<string>(sourceFile.lines.map(({ entry }) => entry.version));
  const missing = kept.filter(({ entry }) => !listed.has(entry.version));
  const unreadableLines = missing.filter(({ entry }) => mayBeMalformed(sourceFile, entry.version));
  const deleted = missing.filter((line) => !unreadableLines.includes(line));
  const restored = [...unreadableLines, ...keptAlthoughDeleted(input, deleted)];
  return {
    lines: [...missing.filter((line) => restored.includes(line)), ...pinned.lines],
    findings: [...droppedLines(module, origin, sourceFile), ...pinned.findings],
    whole: sourceFile.malformedCount === 0 ? sourceFile.lines : undefined,
  };
}

/** Builds that select a deleted version would silently select another, so what is cached stays unless the operator wants otherwise. */
function keptAlthoughDeleted(
  { policy, facts, decision }: PlanningInput,
  lines: readonly IndexLine[],
): readonly IndexLine[] {
  // A source that is disabled or removed deletes nothing: what can be had of it stays.
  if (decision.supply === 'obtainable') return lines;
  const isFollowed = sourceNamed(policy, decision.origin)?.deletedUpstream === 'follow';
  return isFollowed ? [] : lines.filter(({ entry }) => facts.cached.has(entry.checksum));
}

/** Whether a line that cannot be read may be the one about this version. */
function mayBeMalformed({ malformedVersions, unidentifiedCount }: IndexFile, version: string): boolean {
  return unidentifiedCount > 0 || malformedVersions.has(version);
}

/**
 * Leaves one meaning per version: the pinned one, or else that of the last line, which is the one clients read. A line
 * that contradicts a pin gives way to the line served so far.
 */
function settlePinned(
  input: PlanningInput,
  origin: string,
  file: IndexFile,
  kept: readonly IndexLine[],
): Pick<Settled, 'lines' | 'findings'> {
  const { module } = input.facts;
  const pins = new Map<string, Pin>(input.facts.pins.map((pin) => [pin.version, pin]));
  const last = new Map<string, IndexLine>(file.lines.map((line) => [line.entry.version, line]));
  const matching = new Set(
    file.lines.flatMap((line) => {
      const pin = pins.get(line.entry.version);
      return pin && isSame(line, pin) ? [line.entry.version as string] : [];
    }),
  );
  const settled = new Set<string>();
  const findings: Finding[] = [];
  const lines = file.lines.flatMap((line): readonly IndexLine[] => {
    const { version } = line.entry;
    const pin = pins.get(version);
    const final = last.get(version) ?? line;
    const isMeant = pin ? isSame(line, pin) : line === final || isSame(line, meaningOf(final));
    if (isMeant) return [line];
    if (!pin || isSame(final, pin)) {
      findings.push(droppedLine(module, origin, line.number, repeated(line, final)));
      return [];
    }
    const old = matching.has(version)
      ? undefined
      : kept.findLast((candidate) => candidate.entry.version === version && isSame(candidate, pin));
    const isListed = (old !== undefined || matching.has(version)) && isDeliverable(input, pin);
    // One conflict a version, whatever the number of its lines: that of the line which clients would read.
    if (line === final) findings.push(pinConflict(module, origin, line, pin, isListed));
    if (!old || settled.has(version)) return [];
    settled.add(version);
    return [old];
  });
  return { lines, findings };
}

function meaningOf(line: IndexLine): { readonly checksum: Checksum; readonly requirements: string } {
  return { checksum: line.entry.checksum, requirements: line.entry.requirements };
}

function repeated(line: IndexLine, final: IndexLine): string {
  const what = line.entry.checksum === final.entry.checksum ? 'other requirements' : 'another checksum';
  return `version ${line.entry.version} is listed again below with ${what}`;
}

/** New versions are pinned; a pin that says nothing of requirements learns them from what is served. */
function updatePins(
  { facts, now }: PlanningInput,
  source: string,
  served: ReadonlyMap<Version, IndexLine>,
): readonly Pin[] {
  let hasChanged = false;
  const known = facts.pins.map((pin) => {
    const line = pin.requirements === undefined ? served.get(pin.version) : undefined;
    if (!line) return pin;
    hasChanged = true;
    return { ...pin, requirements: line.entry.requirements };
  });
  const versions = new Set<string>(known.map(({ version }) => version));
  const added = [...served.values()]
    .filter(({ entry }) => !versions.has(entry.version))
    .map((line): Pin => {
      const { version } = line.entry;
      return { version, ...meaningOf(line), firstSeen: now, source };
    });
  return hasChanged || added.length > 0 ? [...known, ...added] : facts.pins;
}
