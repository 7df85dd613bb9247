import { type Finding, isConflict, isOpenConflict } from '../model/finding.ts';
import type { SourceRefresh } from '../registry/reports.ts';
import { count, formatList } from './format.ts';

const listed = 20;

/** What waits for the operator, and what upstream got wrong: a headline each and one line per finding. */
export function formatFindings(findings: readonly Finding[]): string[] {
  const conflicts = findings.filter(isOpenConflict);
  const kept = findings.filter((finding) => isConflict(finding) && !isOpenConflict(finding));
  const defects = findings.filter((finding) => !isConflict(finding));
  const lines: string[] = [];
  if (conflicts.length > 0)
    lines.push(
      `${count(conflicts.length, 'conflict')}, waiting for a decision (moonbit-registry conflicts):`,
      ...list(conflicts),
    );
  if (kept.length > 0) lines.push(`${count(kept.length, 'conflict')}, kept as decided:`, ...list(kept));
  if (defects.length > 0)
    lines.push(`${count(defects.length, 'defect')} of sources, kept away from clients:`, ...list(defects));
  return lines;
}

/** `OWNER/NAME` or `OWNER/NAME@VERSION`, safe to print. */
export function formatSubject({ module, version }: Pick<Finding, 'module' | 'version'>): string {
  return printable(version === undefined ? module : `${module}@${version}`);
}

export function formatFinding(finding: Finding): string {
  const { kind, source, line, message } = finding;
  const place = line === undefined ? source : `${source}, line ${line}`;
  return `${kind} ${formatSubject(finding)} (${place}): ${message}`;
}

/** Sources whose index could not be read: one line each. */
export function formatStale(refreshes: readonly SourceRefresh[]): string[] {
  return refreshes.filter(isUnread).map(({ source, outcome, detail }) => {
    const kept = outcome === 'stale' ? 'its last good index stays in use' : 'it was never read before';
    return `  ${source}: ${detail ?? 'it could not be read'}; ${kept}`;
  });
}

export function isUnread({ outcome }: SourceRefresh): boolean {
  return outcome === 'stale' || outcome === 'never-read';
}

export function needsAttention(report: {
  readonly refreshes: readonly SourceRefresh[];
  readonly findings: readonly Finding[];
}): boolean {
  return report.refreshes.some(isUnread) || report.findings.some(isOpenConflict);
}

function list(findings: readonly Finding[]): string[] {
  return formatList(findings.map(formatFinding), listed);
}

// A refused name may hold anything, escape sequences of the terminal included.
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
