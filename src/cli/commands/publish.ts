import { resolve } from 'node:path';
import type { Command } from 'commander';
import { registryVariable } from '../../model/moon-client.ts';
import { addExamples, type CommandContext, interruptible, type Run } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { chooseTarget } from '../publish-target.ts';
import {
  describeOutcome,
  formatOutcome,
  formatPrepared,
  isRefused,
  type PublishResult,
} from '../publish-text.ts';

interface PublishFlags {
  readonly workspace?: true;
  readonly registry?: string;
  readonly tokenEnv?: string;
  readonly dryRun?: true;
  readonly stage?: true;
  readonly wait?: true;
}

export function definePublish(parent: Command, run: Run): void {
  const command = parent
    .command('publish')
    .summary('publish a module on a registry')
    .description(
      'Packs a module as moon does, without moon, shows what goes in, checks it as the registry will, and publishes it there. ' +
        'The same folder gives the same bytes, and the same bytes may be sent again: it needs no registry.toml, and harms nothing when repeated. ' +
        'The token is taken from $MOONBIT_REGISTRY_TOKEN, else from credentials.json of moon.',
    )
    .argument('[path]', 'the folder of a module, or a zip file (default: the working directory)')
    .option('--workspace', 'all members of its moon.work, in one step: all or none')
    .option('--registry <url>', `the registry (default: $${registryVariable}, else config.json of moon)`)
    .option('--token-env <name>', 'the environment variable that holds the token')
    .option('--dry-run', 'publish nothing: only say whether it could be')
    .option('--stage', 'publish it once somebody else has approved it')
    .option(
      '--wait',
      'wait until it is approved where it has to be, and listed: two minutes at most for each',
    );
  addExamples(command, [
    ['moonbit-registry publish', 'The module in the working directory, where moon would publish it.'],
    [
      'moonbit-registry publish ./tool --registry https://moon.company.com --dry-run',
      'Whether ./tool could be published.',
    ],
    ['moonbit-registry publish --stage', 'Let somebody look at it first.'],
    [
      'moonbit-registry publish --workspace --token-env CI_TOKEN --wait',
      'All modules of a workspace, from a build.',
    ],
  ]);
  command.action((path: string | undefined, flags: PublishFlags) =>
    run((context) => publish(context, path, flags)),
  );
}

async function publish(
  context: CommandContext,
  path: string | undefined,
  flags: PublishFlags,
): Promise<ExitCode> {
  const { output, io } = context;
  // What is missing is said before anything is read and packed.
  const { registry, token } = await chooseTarget(context, flags);
  const { prepareModule, prepareWorkspace } = await import('../../author/prepare-module.ts');
  const place = resolve(io.workingDirectory, path ?? '.');
  const modules = flags.workspace ? await prepareWorkspace(place) : [await prepareModule(place)];
  if (!context.settings.json) output.say(modules.map(formatPrepared).join('\n'));
  const isDryRun = flags.dryRun ?? false;
  const isStaged = flags.stage ?? false;
  const waits = flags.wait ?? false;
  const told = { registry, modules, isDryRun, isStaged, waits };
  if (modules.some(isRefused)) return tell(context, { ...told, outcome: 'refused' });
  if (token === undefined) return tell(context, { ...told, outcome: 'not-asked' });
  const { publishModules } = await import('../publish-work.ts');
  const { verdict, waited, stagedId } = await interruptible(io, (signal) =>
    publishModules(context, { ...told, token, signal }),
  );
  return tell(context, { ...told, outcome: verdict, waited, stagedId });
}

function tell({ output }: CommandContext, told: PublishResult): ExitCode {
  output.result({ text: formatOutcome(told), json: describeOutcome(told) });
  if (told.outcome === 'refused') return exitCodes.failed;
  const isListed = told.waited === undefined || told.waited.kind === 'listed';
  return isListed && isWhatWasAsked(told) ? exitCodes.done : exitCodes.doneWithFindings;
}

/** What waits is no success to whoever wanted it published, nor what is published to whoever wanted it to wait. */
function isWhatWasAsked({ outcome, isStaged, waits, stagedId }: PublishResult): boolean {
  if (outcome === 'staged') return isStaged && !waits;
  if (outcome === 'published') return !isStaged || stagedId !== undefined;
  return outcome !== 'waiting';
}
