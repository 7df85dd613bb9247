/** What a plan would change, in the same words for `plan`, `sync --dry-run` and the edits of sources. */
import type { SyncReport } from '../registry/sync/sync-report.ts';
import { formatChange, summariseChanges } from './changes.ts';
import { formatFindings, formatStale } from './findings.ts';
import { count, formatElapsed, formatList, formatSection } from './format.ts';
import { formatHeldBack } from './held-back.ts';
import { describeWithheld } from './view-text.ts';

const listed = 50;

/** Whether anything would be served otherwise, or begin to wait. */
export function changesSomething(report: SyncReport): boolean {
  return report.changes.length > 0 || report.newlyHeld.some(({ waitsFor }) => waitsFor.length > 0);
}

/** `durationMs`: how long a sync took; nobody waits for other plans. */
export function formatPlan(report: SyncReport, durationMs?: number): string {
  const verb = report.dryRun ? 'Would serve' : 'Serving';
  const from = report.sources.length > 0 ? ` from ${count(report.sources.length, 'source')}` : '';
  const took = durationMs === undefined || report.dryRun ? '' : `, in ${formatElapsed(durationMs)}`;
  const lines = [`${verb} ${summariseChanges(report)}${from}${took}.`];
  lines.push(...formatList(report.changes.map(formatChange), listed));
  const isSync = durationMs !== undefined;
  lines.push(
    ...formatStale(report.sources),
    ...formatFindings(report.findings, isSync ? { foundSince: report.at } : 'none'),
  );
  // Of an index that was empty nobody has a clone with anything in it.
  const added = report.changes.filter(({ kind }) => kind === 'added').length;
  if (report.reRooted && report.modules > added)
    lines.push('The served history starts afresh: clients clone once more at their next update.');
  lines.push(...formatHeldBack(report.heldBack));
  lines.push(...report.views.flatMap(describeWithheld));
  return lines.join('\n');
}

/** What leaves the index: whole modules, and versions of others. */
export function describeLosses(report: SyncReport): readonly string[] {
  const losing = report.changes.filter(
    ({ kind, versionsRemoved }) => kind === 'removed' || versionsRemoved.length > 0,
  );
  return losing.map(formatChange);
}

/** The same of an edit that was made; nothing where nothing left. */
export function formatLosses(report: SyncReport): string[] {
  return formatSection('This left the index:', describeLosses(report));
}
