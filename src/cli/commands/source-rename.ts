import type { Command } from 'commander';
import { blamingOptions } from '../blame-options.ts';
import { addExamples, findConfiguredSource, type Run, readConfig } from '../context.ts';
import { addLossOptions, type LossFlags, makeEdit } from '../edit.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceRename(parent: Command, run: Run): void {
  const command = parent
    .command('rename')
    .description(
      'Gives a source another name, with all that is recorded under the old one. The same happens to a source that is renamed in ' +
        'registry.toml and keeps its index_url.',
    )
    .argument('<old>', 'the source')
    .argument('<new>', 'what it is called from now on');
  addLossOptions(command);
  addExamples(command, [
    ['moonbit-registry source rename partner acme', 'Call "partner" "acme" from now on.'],
  ]);
  command.action((oldName: string, newName: string, flags: LossFlags) =>
    run(async (context) => {
      findConfiguredSource(await readConfig(context), oldName);
      const { renameSource } = await import('../../config/edit.ts');
      const edit = (text: string) => renameSource(text, oldName, newName);
      const rename = () =>
        makeEdit(context, { edit, doing: `renaming "${oldName}"`, flags }, ({ served }) => {
          context.output.result({
            text: [`Source "${oldName}" is called "${newName}" now.`, ...served.lines].join('\n'),
            json: { source: newName, previousName: oldName, served: served.report },
          });
          return exitCodes.done;
        });
      return blamingOptions(newName, { name: 'the new name' }, rename);
    }),
  );
}
