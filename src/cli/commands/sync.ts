import type { Command } from 'commander';
import type { SyncReport } from '../../registry/reports.ts';
import { formatChange, summariseChanges } from '../changes.ts';
import { addExamples, interruptible, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatFindings, formatStale, needsAttention } from '../findings.ts';
import { count, formatList } from '../format.ts';

export function defineSync(parent: Command, run: Run): void {
  const command = parent
    .command('sync')
    .summary('refresh all sources and the served index, without archives')
    .description(
      'Reads the indexes of all enabled sources again and updates the served index. No archive is downloaded.',
    )
    .option('--dry-run', 'show what would change, and change nothing');
  addExamples(command, [
    ['moonbit-registry sync', 'Make what was published upstream since visible to clients.'],
    ['moonbit-registry sync --dry-run', 'See added, changed, moved and removed modules and conflicts first.'],
  ]);
  command.action((options: { dryRun?: true }) =>
    run((context) =>
      interruptible(context.io, (signal) =>
        withRegistry(context, async (registry) => {
          context.output.statusLine('Reading indexes');
          const report = await registry.sync({ dryRun: options.dryRun ?? false, signal });
          context.output.result({ text: formatSync(report), json: report });
          const isClean = !needsAttention({ refreshes: report.sources, findings: report.findings });
          return isClean ? exitCodes.done : exitCodes.doneWithFindings;
        }),
      ),
    ),
  );
}

export function formatSync(report: SyncReport): string {
  const verb = report.dryRun ? 'Would serve' : 'Serving';
  const lines = [`${verb} ${summariseChanges(report)} from ${count(report.sources.length, 'source')}.`];
  lines.push(...formatList(report.changes.map(formatChange), 50));
  lines.push(...formatStale(report.sources), ...formatFindings(report.findings));
  if (report.reRooted)
    lines.push('The served history starts afresh: clients clone once more at their next update.');
  return lines.join('\n');
}
