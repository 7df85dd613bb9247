import { type Command, Option } from 'commander';
import { olderFormats } from '../../index/registry-state.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { defineStateAt, defineStateLog } from './state-past.ts';

export function defineState(parent: Command, run: Run): void {
  const state = parent
    .command('state')
    .summary('what was served when, and the format of the stored data')
    .description(
      'Shows the states that this registry had, one for each change, and looks after the format in which they are stored.',
    );
  defineStateLog(state, run);
  defineStateAt(state, run);
  const command = state
    .command('downgrade')
    .summary('bring the data back to an older format')
    .description(
      'Brings the data back to an older format, by default the one before, for an older program; it must be the next to open them, since this one upgrades ' +
        'them again. Refuses where the older format has no place for something, and says what.',
    );
  command.addOption(
    new Option('--format <number>', 'the format to go back to; version 0.1.0 knows 1').choices(
      olderFormats.map(String),
    ),
  );
  addExamples(command, [
    ['moonbit-registry state downgrade', 'Then install the older version, before anything else runs here.'],
    ['moonbit-registry state downgrade --format 1', 'The same, for version 0.1.0.'],
  ]);
  command.action((flags: { readonly format?: string }) =>
    run((context) =>
      withRegistry(context, async (registry) => {
        const format = flags.format === '1' ? 1 : 2;
        await registry.downgrade(format);
        const next = format === 1 ? 'version 0.1.0' : `a version that knows format ${format}`;
        context.output.result({
          text: `The data have format ${format}. Stop every process of this version now, and go on with ${next}.`,
          json: { format },
        });
        return exitCodes.done;
      }),
    ),
  );
}
