import type { PendingNames } from '../../index/pending-names.ts';
import { type Finding, lineOf, versionOf } from '../../model/finding.ts';
import { carryFindings, type OperatorDecision } from '../../model/operator-decision.ts';
import { capFindings, untoldIn } from './cap-findings.ts';
import { pendingFindings } from './pending-findings.ts';

/** What the findings that stand after a plan are made of. */
export interface FindingsInput {
  /** Those that stood before. */
  readonly before: readonly Finding[];
  /** What this plan found. */
  readonly found: readonly Finding[];
  /** Whether this plan did not look at what such a finding of before is about. */
  readonly isLeftOut: (finding: Finding) => boolean;
  readonly isPlanned: (module: string) => boolean;
  /** Every name that waits afterwards. */
  readonly pending: PendingNames;
  /** See `pendingFindings`. */
  readonly isAwaited: (source: string) => boolean;
  readonly decisions: readonly OperatorDecision[];
  /** See `capFindings`. */
  readonly limitOf: (source: string) => number | undefined;
  /** ISO 8601, UTC. */
  readonly now: string;
}

/** Every finding that stands after a plan, in a fixed order: found now, carried from before, or told of names that wait. */
export function findingsAfter(input: FindingsInput): Finding[] {
  const { before, decisions, now } = input;
  const standing = before.filter(
    (finding) => finding.kind !== 'more' && !isOfPending(finding) && input.isLeftOut(finding),
  );
  const found = carryFindings(sortFindings([...standing, ...input.found]), before, decisions, now);
  const contended = pendingFindings(input.pending, decisions, input.isAwaited);
  const untold = untoldIn(before, input.isPlanned);
  return sortFindings(capFindings(sortFindings([...found, ...contended]), input.limitOf, untold));
}

/** Told anew for all names that are contended. */
function isOfPending(finding: Finding): boolean {
  return finding.kind === 'origin-conflict' && finding.changes === undefined;
}

function sortFindings(findings: readonly Finding[]): Finding[] {
  const key = (finding: Finding) => {
    const { module, source, kind } = finding;
    const line = String(lineOf(finding) ?? '').padStart(8, '0');
    return [module, versionOf(finding) ?? '', source, kind, line].join('\0');
  };
  return findings
    .map((finding) => ({ finding, key: key(finding) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ finding }) => finding);
}
