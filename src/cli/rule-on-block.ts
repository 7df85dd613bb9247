import { nameOfBlock } from '../model/block.ts';
import type { Version } from '../model/version.ts';
import type { BlockOutcome, BlockRuling } from '../registry/sync/rule-on-block.ts';
import { shellLine } from '../support/shell.ts';
import { summariseChanges } from './changes.ts';
import { type CommandContext, withRegistry } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { formatList, nameVersions } from './format.ts';
import { purgeAddresses } from './purge-addresses.ts';

/** Carries out what an operator decides of a version or a module, and says what has come of it. */
export function ruleOnBlock(context: CommandContext, ruling: BlockRuling): Promise<ExitCode> {
  return withRegistry(context, async (registry) => {
    const outcome = await registry.ruleOnBlock(ruling);
    const { module } = ruling;
    const archives =
      ruling.action !== 'unblock' ? outcome.versions.map((version) => ({ module, version })) : [];
    const purge = purgeAddresses(archives, registry.config);
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
    `${ruling.action === 'block' ? 'Blocked' : 'Withdrawn'}: ${what}: ${ruling.reason}`,
    `Served index: ${summariseChanges(report)}.`,
    ...describeStanding(ruling, outcome),
    ...remark,
    ...formatList(purge, shownAddresses),
  ].join('\n');
}

const namedVersions = 5;

/** What happens to whoever requires a version: with the reason where it stays listed, without where it left. */
function describeStanding({ module, action }: BlockRuling, { listed, left }: BlockOutcome): string[] {
  const them = ({ length }: readonly Version[]) => (length === 1 ? 'it' : 'them');
  const stays = [
    `Stays listed: ${nameVersions(listed, namedVersions)}. Builds that require ${them(listed)} fail; moon prints the reason and an address (/why/${action === 'block' ? 'blocked' : 'withdrawn'}/…).`,
  ];
  const lacks = [
    `Left the index: ${nameVersions(left, namedVersions)}, as no newer compatible version can be had. Builds that require ${them(left)} fail without the reason, so ` +
      'tell your people; moon says only:',
    `  Failed to resolve registry dependency \`${module}\` for module \`…\`: no version satisfies requirement \`…\``,
  ];
  return [...(listed.length > 0 ? stays : []), ...(left.length > 0 ? lacks : [])];
}
