import type { Command } from 'commander';
import { addExamples, findConfiguredSource, type Run, readConfig } from '../context.ts';
import { applyEdit, editConfig } from '../edit.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceEnable(parent: Command, run: Run): void {
  const command = parent
    .command('enable')
    .description('Lets the registry read a source again.')
    .argument('<name>', 'the source');
  addExamples(command, [['moonbit-registry source enable partner', 'Use "partner" again.']]);
  command.action((name: string) => setEnabled(run, name, true));
}

export function defineSourceDisable(parent: Command, run: Run): void {
  const command = parent
    .command('disable')
    .description(
      'Stops the registry from contacting a source. What is cached from it stays listed and served; the rest leaves the index.',
    )
    .argument('<name>', 'the source');
  addExamples(command, [['moonbit-registry source disable partner', 'Leave "partner" alone for now.']]);
  command.action((name: string) => setEnabled(run, name, false));
}

function setEnabled(run: Run, name: string, isEnabled: boolean): Promise<void> {
  return run(async (context) => {
    const { enabled: wasEnabled } = findConfiguredSource(await readConfig(context), name);
    const { setSourceEnabled } = await import('../../config/edit.ts');
    const word = isEnabled ? 'enabled' : 'disabled';
    if (wasEnabled === isEnabled) {
      context.output.result({
        text: `Source "${name}" is ${word} already.`,
        json: { source: name, enabled: isEnabled, changed: false },
      });
      return exitCodes.done;
    }
    const config = await editConfig(context, (text) => setSourceEnabled(text, name, isEnabled));
    const served = await applyEdit(context, config);
    context.output.result({
      text: [`Source "${name}" is ${word}.`, ...served.lines].join('\n'),
      json: { source: name, enabled: isEnabled, changed: true, served: served.report },
    });
    return exitCodes.done;
  });
}
