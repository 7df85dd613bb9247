/** What a plan would change, in the same words for `plan`, `sync --dry-run` and the edits of sources. */
import type { SyncReport } from '../registry/reports.ts';
import { formatChange, summariseChanges } from './changes.ts';
import { formatFindings, formatStale } from './findings.ts';
import { count, formatElapsed, formatList } from './format.ts';

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
  lines.push(...formatHeld(report), ...formatAwaiting(report));
  lines.push(...formatStale(report.sources), ...formatFindings(report.findings));
  if (report.reRooted)
    lines.push('The served history starts afresh: clients clone once more at their next update.');
  return lines.join('\n');
}

/** What an edit leaves to the sync that has to follow it. */
export function formatAwaiting({ awaitingSync: next }: SyncReport): string[] {
  if (next === 0) return [];
  return [
    `${count(next, 'new name')} ${next === 1 ? 'is' : 'are'} decided by the next sync (moonbit-registry sync).`,
  ];
}

function formatHeld({ newlyHeld, dryRun }: SyncReport): string[] {
  const waiting = newlyHeld.filter(({ waitsFor }) => waitsFor.length > 0);
  const would = dryRun ? 'would wait' : waiting.length === 1 ? 'waits' : 'wait';
  return [
    ...(waiting.length > 0
      ? [
          `${count(waiting.length, 'new name')} ${would}, until these sources can be read:`,
          ...formatList(
            waiting.map(({ module, waitsFor }) => `${module}  waits for ${waitsFor.join(', ')}`),
            listed,
          ),
        ]
      : []),
  ];
}

/** What leaves the index: whole modules, and versions of others. */
export function describeLosses(report: SyncReport): readonly string[] {
  const losing = report.changes.filter(
    ({ kind, versionsRemoved }) => kind === 'removed' || versionsRemoved.length > 0,
  );
  return losing.map(formatChange);
}
