import { createReadStream } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import type { RestoreReport } from '../../registry/backup/restore-backup.ts';
import { storageErrorOf } from '../../support/disk/disk-errors.ts';
import { errorCode } from '../../support/error-code.ts';
import { shellLine } from '../../support/shell.ts';
import {
  actorOf,
  addExamples,
  baseForNew,
  type CommandContext,
  interruptible,
  type Run,
} from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatElapsed } from '../format.ts';
import { createCountLine, describeAmounts } from './backup.ts';

export function defineRestore(parent: Command, run: Run): void {
  const command = parent
    .command('restore')
    .summary('make a registry of a backup')
    .description(
      'Makes a registry in a folder that is missing or empty. Everything in the backup is verified before anything is there; a damaged ' +
        'or cut one leaves nothing behind. Variables and files that hold secrets have to be set up by hand.',
    )
    .argument('<file>', 'what "moonbit-registry backup" has written; - for stdin')
    .argument('<folder>', 'where the registry will be');
  addExamples(command, [
    ['moonbit-registry restore /backups/registry.tar ./restored', 'Make a registry of a backup.'],
    [
      'ssh vault cat registry.tar.zst | zstd -d | moonbit-registry restore - ./restored',
      'The same from elsewhere.',
    ],
  ]);
  command.action((file: string, folder: string) =>
    run((context) => interruptible(context.io, (signal) => restore(context, file, folder, signal))),
  );
}

async function restore(context: CommandContext, file: string, folder: string, signal: AbortSignal) {
  const { io, output } = context;
  const { restoreBackup } = await import('../../registry/backup/restore-backup.ts');
  const startedAt = io.now();
  const source = file === '-' ? undefined : resolve(io.workingDirectory, file);
  const report = await restoreBackup(readPieces(source), resolve(baseForNew(context), folder), {
    name: source ?? 'what came on stdin',
    actor: actorOf(context),
    signal,
    onProgress: createCountLine(context, 'Restoring'),
  });
  const durationMs = io.now() - startedAt;
  const text = formatRestore(report, durationMs, relative(io.workingDirectory, report.directory));
  output.result({ text, json: { ...report, durationMs } });
  for (const warning of [...warnOfFiles(report), ...warnOfCommands(report)]) output.warn(warning);
  return exitCodes.done;
}

async function* readPieces(file: string | undefined): AsyncGenerator<Buffer, void, undefined> {
  const stream = file === undefined ? createReadStream('', { fd: 0 }) : createReadStream(file);
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    if (file !== undefined && errorCode(error) === 'ENOENT')
      throw new NotFoundError(`there is no file ${file}`, {
        cause: error,
        hint: shellLine`ls -l ${dirname(file)}`,
      });
    throw storageErrorOf(`read ${file ?? 'stdin'}`, error);
  }
}

function formatRestore(report: RestoreReport, durationMs: number, inside: string): string {
  const { directory, madeAt, state, movedDataDir } = report;
  return [
    `Restored the registry as of ${madeAt} (state ${state.slice(0, 12)}) to ${directory}`,
    `  ${describeAmounts(report)} in ${formatElapsed(durationMs)}`,
    ...(movedDataDir === undefined
      ? []
      : [
          `The data are in ${directory}/data now: registry.data_dir was ${movedDataDir}, which was left alone.`,
        ]),
    ...describeSources(report.sources),
    'Next:',
    `  cd ${inside === '' ? directory : inside}`,
    '  moonbit-registry verify --deep',
    '  moonbit-registry serve',
  ].join('\n');
}

/** Whoever made the backup chose this, and the next command does it. */
function describeSources(sources: RestoreReport['sources']): string[] {
  const lines = sources.map(({ name, enabled, addresses, credentials }) => {
    const secrets = credentials.map(({ kind, name: place }) => `${kind} ${place}`);
    const sent = secrets.length === 0 ? 'no credentials' : `sent there: ${secrets.join(', ')}`;
    return `  ${name}${enabled ? '' : ' (disabled)'}: ${addresses.join(', ')}; ${sent}`;
  });
  return lines.length === 0 ? [] : ['Its sources:', ...lines];
}

function warnOfCommands({ sources }: RestoreReport): string[] {
  return sources.flatMap(({ name, credentials }) =>
    credentials
      .filter(({ kind }) => kind === 'command')
      .map(
        ({ name: line }) =>
          `source "${name}" has a command run for its token: ${line}; if that is not meant, correct registry.toml before ` +
          'anything else is run there',
      ),
  );
}

function warnOfFiles({ sources, directory }: RestoreReport): string[] {
  return sources.flatMap(({ name, credentials }) =>
    credentials
      .filter(({ isOutside }) => isOutside)
      .map(
        ({ name: file }) =>
          `source "${name}" gets what stands in ${file}, which is no file of ${directory}: if that is not meant, correct ` +
          'registry.toml before anything else is run there',
      ),
  );
}
