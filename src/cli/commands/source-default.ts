import type { Command } from 'commander';
import { findSource } from '../../config/find-source.ts';
import { addExamples, type Run, readConfig } from '../context.ts';
import { editConfig } from '../edit.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceDefault(parent: Command, run: Run): void {
  const command = parent
    .command('default')
    .description('Makes a source the one that "mirror" reads unless -s names another.')
    .argument('<name>', 'the source');
  addExamples(command, [['moonbit-registry source default internal', 'Mirror from "internal" from now on.']]);
  command.action((name: string) =>
    run(async (context) => {
      findSource(await readConfig(context), name);
      const { setDefaultSource } = await import('../../config/edit.ts');
      await editConfig(context, (text) => setDefaultSource(text, name));
      context.output.result({ text: `Default source: "${name}".`, json: { defaultSource: name } });
      return exitCodes.done;
    }),
  );
}
