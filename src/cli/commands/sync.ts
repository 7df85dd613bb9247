import type { Command } from 'commander';
import { addExamples, interruptible, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { needsAttention } from '../findings.ts';
import { formatPlan } from '../plan-text.ts';

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
        withRegistry(
          context,
          async (registry) => {
            context.output.statusLine('Reading indexes');
            const begunAt = context.io.now();
            const report = await registry.sync({ dryRun: options.dryRun ?? false, signal });
            const durationMs = context.io.now() - begunAt;
            context.output.result({ text: formatPlan(report, durationMs), json: { ...report, durationMs } });
            const isClean = !needsAttention({ ...report, refreshes: report.sources });
            return isClean ? exitCodes.done : exitCodes.doneWithFindings;
          },
          { onlyLooks: options.dryRun ?? false },
        ),
      ),
    ),
  );
}
