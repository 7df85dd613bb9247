import type { Command } from 'commander';
import { type Block, nameOfBlock } from '../../model/block.ts';
import type { Version } from '../../model/version.ts';
import type { BlockOutcome, BlockRuling } from '../../registry/sync/rule-on-block.ts';
import { shellLine } from '../../support/shell.ts';
import { toVisibleLine } from '../../support/visible-text.ts';
import { parseModuleVersion } from '../arguments.ts';
import { formatBlock } from '../block-text.ts';
import { summariseChanges } from '../changes.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatList, nameVersions } from '../format.ts';
import { purgeAddresses } from '../purge-addresses.ts';

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
      return rule(context, { action: 'block', ...parseModuleVersion(text), reason: readReason(text, flags) });
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
    run((context) => rule(context, { action: 'unblock', ...parseModuleVersion(text) })),
  );
}

const maxReasonLength = 500;

function readReason(text: string, { reason }: BlockFlags): string {
  const line = reason?.trim() ?? '';
  if (line === '')
    throw new CommandLineError('say why, in one line that everybody is told who asks for it', {
      hint: shellLine`moonbit-registry block ${text} --reason "CVE-2026-1: use 1.2.1"`,
    });
  if (line.length > maxReasonLength || toVisibleLine(line) !== line)
    throw new CommandLineError(
      `--reason takes one line of visible text, no longer than ${maxReasonLength} characters`,
    );
  return line;
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

function rule(context: CommandContext, ruling: BlockRuling): Promise<ExitCode> {
  return withRegistry(context, async (registry) => {
    const outcome = await registry.ruleOnBlock(ruling);
    const { module } = ruling;
    const archives =
      ruling.action === 'block' ? outcome.versions.map((version) => ({ module, version })) : [];
    const purge = purgeAddresses(archives, registry.config.server);
    const { report, unknown, ...rest } = outcome;
    context.output.result({
      text: formatOutcome(ruling, outcome, purge),
      json: { ...rest, changes: report.changes, purge, unknown },
    });
    if (unknown) context.output.warn(describeUnknown(unknown));
    if (ruling.action === 'block')
      context.output.note(`Lift it with: ${shellLine`moonbit-registry unblock ${nameOfBlock(ruling)}`}`);
    return exitCodes.done;
  });
}

const shownAddresses = 40;

/** It may be meant for what is still to come, so it stands all the same. */
function describeUnknown({ what, nearest, unread }: NonNullable<BlockOutcome['unknown']>): string {
  const meant = nearest === undefined ? '.' : `; did you mean ${nearest}?`;
  const except = unread.length === 0 ? '' : ` (${unread.join(', ')} could not be asked yet)`;
  return `no source lists ${what}${except}${meant}`;
}

function formatOutcome(ruling: BlockRuling, outcome: BlockOutcome, purge: readonly string[]): string {
  const { versions, report } = outcome;
  const name = nameOfBlock(ruling);
  const what = ruling.version === undefined ? `all versions of ${name}` : name;
  if (ruling.action === 'unblock')
    return [`Unblocked: ${what}.`, `Served index: ${summariseChanges(report)}.`].join('\n');
  const remark =
    versions.length === 0
      ? ['It was never served here. It is refused from now on, wherever it comes from.']
      : ['Caches in front of the registry may give out what they have; purge there:'];
  return [
    `Blocked: ${what}: ${ruling.reason}`,
    `Served index: ${summariseChanges(report)}.`,
    ...describeStanding(ruling, outcome),
    ...remark,
    ...formatList(purge, shownAddresses),
  ].join('\n');
}

const namedVersions = 5;

/** What happens to whoever requires a version: with the reason where it stays listed, without where it left. */
function describeStanding({ module }: BlockRuling, { listed, left }: BlockOutcome): string[] {
  const them = ({ length }: readonly Version[]) => (length === 1 ? 'it' : 'them');
  const stays = [
    `Stays listed: ${nameVersions(listed, namedVersions)}. Builds that require ${them(listed)} fail; moon prints the reason and an address (/why/blocked/…).`,
  ];
  const lacks = [
    `Left the index: ${nameVersions(left, namedVersions)}, as no newer compatible version can be had. Builds that require ${them(left)} fail without the reason, so ` +
      'tell your people; moon says only:',
    `  Failed to resolve registry dependency \`${module}\` for module \`…\`: no version satisfies requirement \`…\``,
  ];
  return [...(listed.length > 0 ? stays : []), ...(left.length > 0 ? lacks : [])];
}
