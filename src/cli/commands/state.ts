import type { Command } from 'commander';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineState(parent: Command, run: Run): void {
  const state = parent
    .command('state')
    .summary('the format of the stored data')
    .description('Looks after the format in which the registry stores what it knows.');
  const command = state
    .command('downgrade')
    .description(
      'Brings the data back to the format before, for an older program; it must be the next to open them, since this one upgrades ' +
        'them again. Refuses where the older format has no place for something, and says what.',
    );
  addExamples(command, [
    ['moonbit-registry state downgrade', 'Then install the older version, before anything else runs here.'],
  ]);
  command.action(() =>
    run((context) =>
      withRegistry(context, async (registry) => {
        await registry.downgrade();
        context.output.result({
          text: 'The data have format 1. Stop every process of this version now, and go on with version 0.1.0.',
          json: { format: 1 },
        });
        return exitCodes.done;
      }),
    ),
  );
}
