import type { Command } from 'commander';
import { addExamples, findConfiguredSource, type Run, readConfig } from '../context.ts';
import { addLossOptions, type LossFlags, makeEdit } from '../edit.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceEnable(parent: Command, run: Run): void {
  const command = parent
    .command('enable')
    .description('Lets the registry read a source again.')
    .argument('<name>', 'the source');
  addLossOptions(command);
  addExamples(command, [['moonbit-registry source enable partner', 'Use "partner" again.']]);
  command.action((name: string, flags: LossFlags) => setEnabled(run, name, true, flags));
}

export function defineSourceDisable(parent: Command, run: Run): void {
  const command = parent
    .command('disable')
    .description(
      'Stops the registry from contacting a source. Of its modules stays listed what is cached, or what another enabled source lists with the same checksum.',
    )
    .argument('<name>', 'the source');
  addLossOptions(command);
  addExamples(command, [['moonbit-registry source disable partner', 'Leave "partner" alone for now.']]);
  command.action((name: string, flags: LossFlags) => setEnabled(run, name, false, flags));
}

function setEnabled(run: Run, name: string, isEnabled: boolean, flags: LossFlags): Promise<void> {
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
    const edit = (text: string) => setSourceEnabled(text, name, isEnabled);
    const doing = `${isEnabled ? 'enabling' : 'disabling'} "${name}"`;
    return makeEdit(context, { edit, doing, flags }, ({ served }) => {
      context.output.result({
        text: [`Source "${name}" is ${word}.`, ...served.lines].join('\n'),
        json: { source: name, enabled: isEnabled, changed: true, served: served.report },
      });
      return exitCodes.done;
    });
  });
}
