import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { BackupReport } from '../../registry/backup/create-backup.ts';
import { actorOf, addExamples, type CommandContext, interruptible, type Run } from '../context.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';
import { requireRegistry } from '../folder.ts';
import { count, formatBytes, formatElapsed, formatSection, groupDigits } from '../format.ts';
import { createCommandLog } from '../log.ts';
import { createPace } from '../progress.ts';

export function defineBackup(parent: Command, run: Run): void {
  const command = parent
    .command('backup')
    .summary('copy the registry as it is now into one file')
    .description(
      'Writes settings, index with its whole history, pins, audit file and every archive that is here into one tar file, also ' +
        'while the registry serves and syncs. The file appears when it is complete. Secrets are not in it: settings only name ' +
        'them. Exit status 3 if something that should be in it could not be read.',
    )
    .argument('<file>', 'the file to write, outside of the data folder; - for stdout');
  addExamples(command, [
    ['moonbit-registry backup /backups/registry.tar', 'Replace the last backup by one of now.'],
    [
      'moonbit-registry backup - | zstd | ssh vault "cat > registry.tar.zst"',
      'Pack it, and keep it elsewhere.',
    ],
    ['moonbit-registry restore /backups/registry.tar ./restored', 'Make a registry of it.'],
  ]);
  command.action((file: string) =>
    run((context) => interruptible(context.io, (signal) => backUp(context, file, signal))),
  );
}

async function backUp(context: CommandContext, file: string, signal: AbortSignal) {
  const { io, output, directory } = context;
  const { createBackup } = await import('../../registry/backup/create-backup.ts');
  requireRegistry(context.folder);
  const startedAt = io.now();
  const isStream = file === '-';
  if (isStream && context.settings.json)
    throw new CommandLineError('stdout is where the backup goes, so the report cannot go there as well', {
      hint: 'leave --json out, or name a file',
    });
  const report = await createBackup(
    { directory, env: io.env, log: createCommandLog(context), actor: actorOf(context) },
    {
      target: isStream ? output.bytes : resolve(io.workingDirectory, file),
      signal,
      onProgress: createCountLine(context, 'Backing up'),
    },
  );
  const durationMs = io.now() - startedAt;
  const text = formatBackup(report, durationMs);
  // On stdout it would be part of the file.
  if (isStream) output.note(text);
  else output.result({ text, json: { ...report, durationMs } });
  return report.leftOut.length + report.problems.length > 0 ? exitCodes.doneWithFindings : exitCodes.done;
}

export function formatBackup(report: BackupReport, durationMs: number): string {
  const { file, madeAt, state, sizeBytes, leftOut, problems } = report;
  const lost = formatSection(
    `${count(leftOut.length, 'stored file is', 'stored files are')} not in it:`,
    leftOut.map(({ checksum, reason }) => `${checksum} ${reason}`),
    10,
  );
  const found = `${count(problems.length, 'problem')} of this registry, which the backup has, too:`;
  return [
    `Backed up the registry as of ${madeAt} (state ${state.slice(0, 12)})${file === undefined ? '' : ` to ${file}`}`,
    `  ${describeAmounts(report)}; ${formatBytes(sizeBytes)} in ${formatElapsed(durationMs)}`,
    ...lost,
    ...(lost.length > 0
      ? ['Fetch them again, then back up again: moonbit-registry verify --deep --repair']
      : []),
    ...formatSection(found, problems, 10),
    ...(problems.length > 0 ? ['See all of them: moonbit-registry verify'] : []),
  ].join('\n');
}

/** A status line of how many archives are done, of how many where that is known. */
export function createCountLine(
  { io, output }: CommandContext,
  verb: string,
): (done: number, total?: number) => void {
  const isTime = createPace(io.now);
  return (done, total) => {
    const of = total === undefined ? '' : `/${groupDigits(total)}`;
    if (isTime()) output.statusLine(`${verb} ${groupDigits(done)}${of} archives`);
  };
}

/** `2 modules, 5 archives`: what a backup holds. */
export function describeAmounts({
  modules,
  archives,
  assets,
}: Pick<BackupReport, 'modules' | 'archives' | 'assets'>): string {
  const amounts = [count(modules, 'module'), count(archives, 'archive')];
  return [...amounts, ...(assets > 0 ? [count(assets, 'asset')] : [])].join(', ');
}
