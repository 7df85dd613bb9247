import { type Finding, isOpenConflict } from '../model/finding.ts';
import type { HeldBack } from '../registry/sync/held-back.ts';
import type { SourceRefresh } from '../registry/sync/source-refresh.ts';
import type { ReportedView } from '../registry/sync/sync-report.ts';
import type { BackgroundReporter } from '../server/jobs.ts';
import { createComplaints } from '../support/flow/complaints.ts';
import type { Log } from '../support/log.ts';
import { summariseChanges } from './changes.ts';
import { describeFailure } from './failure.ts';
import { formatFinding, isUnread } from './findings.ts';
import { count } from './format.ts';
import { describeHeldBack } from './held-back.ts';
import { describeWithheld } from './view-text.ts';

const maxConflictLines = 10;

/** Tells a server's log what changed since last time, and nothing that was said before. */
export function createBackgroundReporter(log: Log): BackgroundReporter {
  const unread = new Set<string>();
  const complaints = createComplaints();
  let conflicts = new Set<string>();
  let waiting = new Set<string>();
  let withheld = new Set<string>();
  let lastMissing = 0;
  const saySources = (refreshes: readonly SourceRefresh[]) => {
    for (const refresh of refreshes) {
      const { source, detail } = refresh;
      if (isUnread(refresh) && !unread.has(source)) {
        unread.add(source);
        const what = refresh.outcome === 'held' ? 'is held at its last good index' : 'could not be read';
        log.warn(`source "${source}" ${what}: ${detail ?? refresh.outcome}`);
      } else if (!isUnread(refresh) && unread.delete(source))
        log.info(`source "${source}" is readable again`);
    }
  };
  const sayConflicts = (findings: readonly Finding[]) => {
    const current = findings.filter(isOpenConflict).map(formatFinding);
    const fresh = current.filter((line) => !conflicts.has(line));
    conflicts = new Set(current);
    for (const line of fresh.slice(0, maxConflictLines)) log.warn(line);
    if (fresh.length > maxConflictLines)
      log.warn(`and ${fresh.length - maxConflictLines} more: moonbit-registry status`);
  };
  const sayViews = (views: readonly ReportedView[]) => {
    const current = views.flatMap(describeWithheld);
    for (const line of current) if (!withheld.has(line)) log.warn(line);
    withheld = new Set(current);
  };
  // How many wait changes with every publication; that is no news.
  const sayHeldBack = (heldBack: readonly HeldBack[]) => {
    const current = new Map(heldBack.map((group) => [identifyWait(group), group]));
    for (const [wait, group] of current)
      if (!waiting.has(wait)) log.warn(`${describeHeldBack(group)} (moonbit-registry status)`);
    if (waiting.size > 0 && current.size === 0) log.info('no names are held back any more');
    waiting = new Set(current.keys());
  };
  return {
    synced(report) {
      if (report.changes.length > 0) log.info(`the index changed: ${summariseChanges(report)}`);
      saySources(report.sources);
      sayConflicts(report.findings);
      sayHeldBack(report.heldBack);
      sayViews(report.views);
    },
    mirrored(report) {
      saySources(report.refresh);
      const downloaded = report.sources.reduce((sum, source) => sum + source.downloaded, 0);
      for (const { module, source } of report.decided.slice(0, maxConflictLines))
        log.info(`auto_sync: ${module} was undecided; mirrored by name, it comes from "${source}"`);
      if (report.decided.length > maxConflictLines)
        log.info(`auto_sync: and ${report.decided.length - maxConflictLines} more names`);
      const open = report.unsatisfied.filter(({ kind }) => kind === 'open');
      const missing = report.failed.length + open.length;
      if (downloaded > 0 || missing !== lastMissing)
        log[missing > 0 ? 'warn' : 'info'](
          `auto_sync: ${count(downloaded, 'archive')} downloaded, ${missing} missing`,
        );
      lastMissing = missing;
    },
    failed(job, error) {
      if (!complaints.isNew(job, error)) return;
      const { message, problems } = describeFailure(error);
      const text = [message, ...problems].join('; ');
      const kept = job === 'reload' ? '; the old settings stay in use' : '';
      log.error(`${job} failed: ${text}${kept}`);
    },
    askedFor(job) {
      complaints.isWell(job);
    },
    recovered(job) {
      if (complaints.isWell(job)) log.info(`${job} works again`);
    },
  };
}

function identifyWait({ kind, waitsFor }: HeldBack): string {
  return JSON.stringify([kind, waitsFor.map(({ source }) => source)]);
}
