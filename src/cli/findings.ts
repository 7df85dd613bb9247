import { countOf, type Finding, isConflict, isOpenConflict } from '../model/finding.ts';
import type { HeldBack } from '../registry/sync/held-back.ts';
import type { SourceRefresh } from '../registry/sync/source-refresh.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import { count, formatSection } from './format.ts';
import { waitsForSources } from './held-back.ts';

/**
 * Which defects of sources are told one by one: all, or those found since a time. Nobody here can mend them, so that elsewhere
 * their number and where to read them is enough.
 */
export type ToldDefects = 'all' | { readonly foundSince: string } | 'none';

/** What waits for the operator, and what upstream got wrong: a headline each and one line per finding. */
export function formatFindings(findings: readonly Finding[], toldDefects: ToldDefects = 'none'): string[] {
  const conflicts = findings.filter(isOpenConflict);
  const kept = findings.filter((finding) => isConflict(finding) && !isOpenConflict(finding));
  const told = findings.filter(({ kind }) => kind === 'selection-changed');
  const defects = findings.filter((finding) => !isConflict(finding) && !told.includes(finding));
  const sections = [
    formatSection(
      `${count(conflicts.length, 'conflict')}, waiting for a decision (moonbit-registry conflicts):`,
      conflicts.map(formatFinding),
    ),
    formatSection(`${count(kept.length, 'conflict')}, kept as decided:`, kept.map(formatFinding)),
    formatSection(
      `${count(told.length, 'requirement')} met by other versions than before:`,
      told.map(formatFinding),
    ),
  ];
  return [...sections.flat(), ...formatDefects(defects, toldDefects)];
}

function formatDefects(defects: readonly Finding[], toldDefects: ToldDefects): string[] {
  const isTold = ({ kind, foundAt = '' }: Finding) =>
    kind === 'unplanned' || // a bug of ours, which can be mended
    toldDefects === 'all' ||
    (toldDefects !== 'none' && kind !== 'more' && foundAt >= toldDefects.foundSince);
  const told = defects.filter(isTold);
  const rest = defects.filter((finding) => !told.includes(finding));
  const headline = `${count(told.length, 'defect')} of sources, kept away from clients:`;
  return [
    ...formatSection(headline, told.map(formatFinding)),
    ...summariseDefects(rest, toldDefects === 'none' ? '' : ', as before'),
  ];
}

/** One line for each source. */
function summariseDefects(defects: readonly Finding[], since: string): string[] {
  const sources = [...new Set(defects.map(({ source }) => source))];
  return sources.map((source) => {
    const number = defects
      .filter((finding) => finding.source === source)
      .reduce((sum, finding) => sum + countOf(finding), 0);
    return `${count(number, 'defect')} in what "${source}" lists${since}: moonbit-registry status`;
  });
}

/** `OWNER/NAME` or `OWNER/NAME@VERSION`, safe to print. */
export function formatSubject({
  module,
  version,
}: {
  readonly module: string;
  readonly version?: string | undefined;
}): string {
  return toVisibleLine(version === undefined ? module : `${module}@${version}`);
}

export function formatFinding(finding: Finding): string {
  const { kind, source, message } = finding;
  const at = (place: string) => `${kind} ${formatSubject(finding)} (${place}): ${message}`;
  switch (finding.kind) {
    case 'more':
      return message;
    case 'checksum-conflict':
    case 'requirements-conflict':
      return at(`${source}, line ${finding.line}`);
    case 'dropped-line':
      return at(finding.line === undefined ? source : `${source}, line ${finding.line}`);
    case 'origin-conflict':
    case 'look-alike':
    case 'broken-file':
    case 'refused-name':
    case 'selection-changed':
    case 'unplanned':
      return at(source);
  }
}

/** Sources whose newest index is not in use: a headline for each reason and one line per source. */
export function formatStale(refreshes: readonly SourceRefresh[]): string[] {
  const held = refreshes.filter(({ outcome }) => outcome === 'held');
  const unread = refreshes.filter((refresh) => isUnread(refresh) && !held.includes(refresh));
  const lines: string[] = [];
  if (unread.length > 0) lines.push(`${count(unread.length, 'source')} could not be read:`);
  for (const { source, outcome, detail } of unread) {
    const kept = outcome === 'stale' ? 'its last good index stays in use' : 'it was never read before';
    lines.push(`  ${source}: ${detail ?? 'it could not be read'}; ${kept}`);
  }
  if (held.length > 0) lines.push(`${count(held.length, 'source')} held at the last good index:`);
  for (const { source, detail } of held) lines.push(`  ${source}: ${detail ?? 'its index lost something'}`);
  return lines;
}

/** Whether something other than what the source has now is in use. */
export function isUnread({ outcome }: SourceRefresh): boolean {
  return outcome === 'held' || outcome === 'stale' || outcome === 'never-read';
}

export function needsAttention(report: {
  readonly refreshes: readonly SourceRefresh[];
  readonly findings: readonly Finding[];
  readonly heldBack: readonly HeldBack[];
}): boolean {
  return (
    report.refreshes.some(isUnread) ||
    waitsForSources(report.heldBack) ||
    report.findings.some((finding) => isOpenConflict(finding) || finding.kind === 'unplanned')
  );
}
