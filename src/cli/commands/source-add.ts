import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import type { NewSource } from '../../config/edit.ts';
import { findSource } from '../../config/find-source.ts';
import {
  defaultSourceKind,
  impliedPreset,
  presets,
  type SourceKind,
  sourceKindNames,
  sourceKinds,
} from '../../sources/kinds.ts';
import { shellLine } from '../../support/shell.ts';
import { parsePatterns, parseWholeNumber } from '../arguments.ts';
import { type AuthFlags, addAuthOptions, readAuthFlags } from '../auth-flags.ts';
import { blamingOptions, type OptionNames } from '../blame-options.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import {
  addLossOptions,
  exitCodeOfPreview,
  formatPreview,
  type LossFlags,
  makeEdit,
  previewEdit,
} from '../edit.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatLook, formatLookResult, lookAt } from '../source-look.ts';
import { warnOfMissing } from './source-login.ts';

interface Flags extends AuthFlags, LossFlags {
  readonly fromPreset?: keyof typeof presets;
  readonly url?: string;
  readonly indexUrl?: string;
  readonly indexBranch?: string;
  readonly userAgent?: string;
  readonly type?: SourceKind;
  readonly priority?: string;
  readonly namespace?: readonly string[];
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly check: boolean;
}

/** By the keys in which their values stand. */
const optionNames: OptionNames = {
  name: 'the name',
  url: '--url',
  index_url: '--index-url',
  index_branch: '--index-branch',
  user_agent: '--user-agent',
  type: '--type',
  priority: '--priority',
  namespaces: '--namespace',
  include: '--include',
  exclude: '--exclude',
};
const maxPriority = 1_000_000;
const forms =
  'usage: moonbit-registry source add NAME --from-preset mooncakes, or ' +
  'moonbit-registry source add NAME --url URL --index-url URL';

export function defineSourceAdd(parent: Command, run: Run): void {
  const command = parent
    .command('add')
    .description('Adds a source to registry.toml. The first one added becomes the default.')
    .argument('<name>', 'what commands and reports call it')
    .addOption(
      parent.createOption('--from-preset <preset>', 'a known registry').choices(Object.keys(presets)),
    )
    .option('--url <url>', 'its base address; archives are under it')
    .option('--index-url <url>', 'the git repository that holds its index')
    .option(
      '--index-branch <branch>',
      "the branch of it that is read (default: what the repository's HEAD names)",
    )
    .option(
      '--user-agent <text>',
      'what it is told we are, if it wants to hear something else than our own name',
    )
    .addOption(
      parent.createOption('--type <type>', 'what runs there (default: custom)').choices(sourceKindNames),
    )
    .option(
      '--priority <number>',
      'lower is tried first and trusted more (default: 50; of type mooncakes: 100)',
    )
    .option('--namespace <patterns...>', 'names of which only this source says what they mean')
    .option('--include <patterns...>', 'limit what it supplies to these names')
    .option('--exclude <patterns...>', 'names it never supplies')
    .option('--no-check', 'do not look at the source now');
  addLossOptions(command);
  addAuthOptions(command);
  addExamples(command, [
    ['moonbit-registry source add mooncakes --from-preset mooncakes', 'The official registry.'],
    [
      'moonbit-registry source add internal --url https://internal.company.com/moonbit \\\n' +
        '      --index-url https://internal.company.com/moonbit/git/index --priority 25',
      'An internal registry, trusted more than the preset.',
    ],
    [
      'moonbit-registry source add internal … --namespace "company/*"',
      'The same, and nobody else ever decides what company/* means.',
    ],
    [
      'moonbit-registry source add internal … --bearer-env INTERNAL_TOKEN',
      'With a token, which stays in that variable.',
    ],
  ]);
  command.action((name: string, flags: Flags) =>
    run(async (context) => {
      refuseCredentials(name, flags);
      const source = await readSource(name, flags);
      const before = await readConfig(context);
      const auth = await readAuthFlags(flags, context);
      const [{ addSource }, { setAuth }] = await Promise.all([
        import('../../config/edit.ts'),
        import('../../config/edit-auth.ts'),
      ]);
      const edit = (text: string) => {
        const added = addSource(text, source);
        return auth === undefined ? added : setAuth(added, name, auth);
      };
      const blaming = <T>(work: () => Promise<T>) => blamingOptions(name, optionNames, work);
      if (flags.dryRun) return blaming(() => preview(context, name, edit, flags.check));
      const doing = `adding "${name}"`;
      return blaming(() =>
        makeEdit(context, { edit, doing, flags }, async ({ config, served }) => {
          const look = flags.check ? await lookAt(context, name) : undefined;
          const remarks =
            look && (context.settings.quiet ? formatLookResult(look) : formatLook(look, config));
          context.output.result({
            text: [
              ...describeAdded(before, config, source),
              ...(remarks ? served.changed : []),
              ...(remarks ?? served.lines),
            ].join('\n'),
            json: {
              source: name,
              defaultSource: config.defaultSource,
              served: served.report,
              look: look ?? null,
            },
          });
          if (!look) {
            await warnOfMissing(context, findSource(config, name));
            context.output.note(
              `Next: ${shellLine`moonbit-registry source check ${name}`}, then moonbit-registry sync.`,
            );
          }
          return exitCodes.done;
        }),
      );
    }),
  );
}

/** Whoever has them in the address is told the options that take them. Only a short name is repeated: some put a token in its place. */
function refuseCredentials(name: string, { url = '', indexUrl = '' }: Flags): void {
  for (const [option, address] of [
    ['--url', url],
    ['--index-url', indexUrl],
  ] as const) {
    const [, user = ''] = /^(?:https?|file):\/*([^/?#]*)@/i.exec(address) ?? [];
    if (user === '') continue;
    const [login = '', password] = user.split(':');
    const shown = password !== undefined && /^[a-z][a-z0-9._-]{0,15}$/.test(login) ? login : 'USER';
    throw new CommandLineError(`${option}: credentials do not belong in an address`, {
      hint:
        `leave them out of it, and name the variable that holds the password: ${shellLine`moonbit-registry source add ${name}`} … ` +
        `--basic-env ${shown} VARIABLE (a token: --bearer-env VARIABLE)`,
    });
  }
}

/** `--dry-run`: what adding would change at once, and what the source is. */
async function preview(
  context: CommandContext,
  name: string,
  edit: (text: string) => string,
  looks: boolean,
): Promise<ExitCode> {
  const { config, report } = await previewEdit(context, edit);
  // Without an index, looking would make one.
  const look = looks && report ? await lookAt(context, name, config) : undefined;
  context.output.result({
    text: [
      ...(look && report ? [formatPreview({ ...report, heldBack: [] })] : [formatPreview(report)]),
      ...(look
        ? [`Nothing was changed. Once "${name}" is added:`, ...formatLook(look, config)]
        : [`"${name}" was not looked at.`]),
    ].join('\n'),
    json: { served: report ?? null, look: look ?? null },
  });
  return exitCodeOfPreview(report);
}

async function readSource(name: string, flags: Flags): Promise<NewSource> {
  if (flags.fromPreset !== undefined && (flags.url ?? flags.indexUrl ?? flags.type) !== undefined)
    throw new CommandLineError('--from-preset states --url, --index-url and --type itself', { hint: forms });
  const address = flags.fromPreset === undefined ? readAddress(flags) : presets[flags.fromPreset];
  return {
    name,
    type: address.type,
    url: address.url,
    indexUrl: address.indexUrl,
    priority:
      flags.priority === undefined
        ? sourceKinds[address.type].priority
        : parseWholeNumber('--priority', flags.priority, 0, maxPriority),
    namespaces: parsePatterns(flags.namespace ?? []),
    include: parsePatterns(flags.include ?? []),
    exclude: parsePatterns(flags.exclude ?? []),
    indexBranch: flags.indexBranch,
    userAgent: flags.userAgent,
  };
}

function readAddress({ url, indexUrl, type }: Flags): Pick<NewSource, 'type' | 'url' | 'indexUrl'> {
  if (url !== undefined && indexUrl !== undefined) return { url, indexUrl, type: type ?? defaultSourceKind };
  const missing =
    url === undefined && indexUrl === undefined
      ? '--from-preset, or --url and --index-url'
      : url === undefined
        ? '--url'
        : '--index-url';
  throw new CommandLineError(`a source needs ${missing}`, { hint: forms });
}

function describeAdded(before: Config, after: Config, { name, priority }: NewSource): string[] {
  const lines = [`Added source "${name}" (priority ${priority}).`];
  if (after.defaultSource === name) lines.push('It is the default source now.');
  if (before.sourcesAreImplied && !after.sources.some(({ type }) => type === impliedPreset.type))
    lines.push('The mooncakes preset is no longer implied: add it as well to keep using mooncakes.io.');
  return lines;
}
