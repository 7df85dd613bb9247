import type { Command } from 'commander';
import { parseExactVersion } from '../arguments.ts';
import { addExamples, type Run } from '../context.ts';
import { readReason } from '../reason.ts';
import { ruleOnBlock } from '../rule-on-block.ts';

export function defineWithdraw(parent: Command, run: Run): void {
  const command = parent
    .command('withdraw')
    .summary('take back for good a version that was published here')
    .description(
      'Gives the archive of a version that is published here to nobody any more, at once and for good: it is never published again, ' +
        'neither with these bytes nor with others. Builds that require it fail; moon prints the reason where the version stays listed. The bytes stay ' +
        'on the disk of the registry. A secret that was in them is known all the same: change it.',
    )
    .argument('<module@version>', 'OWNER/NAME@VERSION')
    .option('--reason <text>', 'one line that everybody is told who asks for it');
  addExamples(command, [
    [
      'moonbit-registry withdraw company/tool@1.2.0 --reason "has a password in it: use 1.2.1"',
      'Take it back; a running server follows at once.',
    ],
  ]);
  command.action((text: string, flags: { readonly reason?: string }) =>
    run((context) => {
      const reason = readReason(flags.reason, ['withdraw', text]);
      return ruleOnBlock(context, { action: 'withdraw', ...parseExactVersion(text), reason });
    }),
  );
}
