import type { Command } from 'commander';
import type { Block } from '../../model/block.ts';
import { parseModuleVersion } from '../arguments.ts';
import { formatBlock } from '../block-text.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { readReason } from '../reason.ts';
import { ruleOnBlock } from '../rule-on-block.ts';

interface BlockFlags {
  readonly reason?: string;
  readonly list?: boolean;
}

export function defineBlock(parent: Command, run: Run): void {
  const command = parent
    .command('block')
    .summary('refuse a version or a module to everybody, at once')
    .description(
      'Refuses the archive of a version, or of all versions of a module, to everybody: also where it is cached, and before it is ' +
        'served at all. No build gets another version instead: it fails. What has a higher version that can be had stays listed, and moon ' +
        'prints the reason; the newest leaves the index, and moon says only "no version satisfies requirement": tell your people.',
    )
    .argument('[module[@version]]', 'OWNER/NAME for all its versions, or OWNER/NAME@VERSION')
    .option('--reason <text>', 'one line that everybody is told who asks for it')
    .option('--list', 'what is blocked');
  addExamples(command, [
    [
      'moonbit-registry block alice/json@1.2.0 --reason "CVE-2026-1: use 1.2.1"',
      'Refuse one version; a running server follows at once.',
    ],
    ['moonbit-registry block alice/json --reason "malicious"', 'Refuse all versions, future ones too.'],
    ['moonbit-registry block --list', 'Show what is blocked, why, and by whom.'],
  ]);
  command.action((text: string | undefined, flags: BlockFlags) =>
    run((context) => {
      if (text === undefined || flags.list) return listBlocks(context, text, flags);
      return ruleOnBlock(context, {
        action: 'block',
        ...parseModuleVersion(text),
        reason: readReason(flags.reason, ['block', text]),
      });
    }),
  );
}

export function defineUnblock(parent: Command, run: Run): void {
  const command = parent
    .command('unblock')
    .summary('serve again what was blocked')
    .description('Lifts a block: what was served before is served again, byte for byte.')
    .argument('<module[@version]>', 'as it was blocked');
  addExamples(command, [['moonbit-registry unblock alice/json@1.2.0', 'Serve the version again.']]);
  command.action((text: string) =>
    run((context) => ruleOnBlock(context, { action: 'unblock', ...parseModuleVersion(text) })),
  );
}

function listBlocks(
  context: CommandContext,
  text: string | undefined,
  { list, reason }: BlockFlags,
): Promise<ExitCode> {
  if (!list || text !== undefined || reason !== undefined)
    throw new CommandLineError(list ? '--list takes nothing else' : 'say what to block', {
      hint: list
        ? 'moonbit-registry block --list'
        : 'moonbit-registry block OWNER/NAME[@VERSION] --reason TEXT',
    });
  return withRegistry(
    context,
    async (registry) => {
      const blocks = await registry.blocks();
      context.output.result({ text: formatBlocks(blocks), json: blocks });
      return exitCodes.done;
    },
    { onlyLooks: true },
  );
}

function formatBlocks(blocks: readonly Block[]): string {
  return blocks.length === 0 ? 'Nothing is blocked.' : blocks.map(formatBlock).join('\n');
}
