import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import { errorCode } from '../../support/error-code.ts';
import { addExamples, type CommandContext, interruptible, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { changesSomething, formatPlan } from '../plan-text.ts';

interface Flags {
  readonly config?: string;
  readonly fresh?: true;
}

export function definePlan(parent: Command, run: Run): void {
  const command = parent
    .command('plan')
    .summary('what an edit of registry.toml, or an upgrade, would change')
    .description(
      'Shows what would be served otherwise: modules that move, leave or come, and names that would wait. Changes nothing, and ' +
        'asks no source without --fresh. Exit status 0 if nothing would change, 3 if something would.',
    )
    .option('--config <file>', 'plan for this file instead of registry.toml')
    .option('--fresh', 'read the sources first');
  addExamples(command, [
    ['moonbit-registry plan', 'After an edit or an upgrade, before the next sync or serve.'],
    ['moonbit-registry plan --config edited.toml', 'Before it becomes registry.toml.'],
    ['moonbit-registry plan --fresh --json', 'With what the sources have now, as data.'],
  ]);
  command.action((flags: Flags) =>
    run((context) =>
      interruptible(context.io, async (signal) => {
        const config = flags.config === undefined ? undefined : await readOther(context, flags.config);
        return withRegistry(context, async (registry) => {
          if (flags.fresh) context.output.statusLine('Reading indexes');
          const report = await registry.plan({ config, isFresh: flags.fresh ?? false, signal });
          context.output.result({ text: formatPlan(report), json: report });
          return changesSomething(report) ? exitCodes.doneWithFindings : exitCodes.done;
        });
      }),
    ),
  );
}

async function readOther({ directory, io }: CommandContext, file: string) {
  const { parseConfig } = await import('../../config/load.ts');
  const path = resolve(io.workingDirectory, file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NotFoundError(describeUnreadable(path, errorCode(cause)), {
      hint: 'name the edited file: moonbit-registry plan --config edited.toml',
      cause,
    });
  });
  return parseConfig(text, { directory });
}

function describeUnreadable(path: string, code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no file ${path}`;
  if (code === 'EISDIR') return `${path} is a folder, not a file`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read by this user`;
  return `cannot read ${path} (${code ?? 'unexpected failure'})`;
}
