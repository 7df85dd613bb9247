import type { Command } from 'commander';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { YankOutcome, YankRuling } from '../../registry/hosting/yank.ts';
import { shellLine } from '../../support/shell.ts';
import { parseModuleVersion } from '../arguments.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { nameVersions } from '../format.ts';
import { readReason } from '../reason.ts';

interface YankFlags {
  readonly reason?: string;
  readonly registry?: string;
  readonly tokenEnv?: string;
}

export function defineYank(parent: Command, run: Run): void {
  const command = define(parent, 'yank', 'tell the users of a version not to use it any more')
    .description(
      'Marks a version that is published here, or all versions there are of a module, as not to be used: moon warns whoever requires it, ' +
        'and goes on installing it, so that no build breaks. What is published later is not marked. With --registry it is done there, with a token that may yank; else in the registry of this folder.',
    )
    .option('--reason <text>', 'one line that moon shows');
  addExamples(command, [
    ['moonbit-registry yank company/tool@1.2.0 --reason "loses data: use 1.2.1"', 'Warn of one version.'],
    ['moonbit-registry yank company/old --reason "use company/new"', 'Warn of all versions there are.'],
    [
      'moonbit-registry yank company/tool@1.2.0 --reason "…" --registry https://moon.company.com',
      'On a registry elsewhere.',
    ],
  ]);
  command.action((text: string, flags: YankFlags) =>
    run((context) => {
      const reason = readReason(flags.reason, ['yank', text]);
      return yank(context, { ...parseModuleVersion(text), reason }, flags);
    }),
  );
}

export function defineUnyank(parent: Command, run: Run): void {
  const command = define(parent, 'unyank', 'take a yank back').description(
    'Takes back that a version, or all versions of a module, are not to be used.',
  );
  addExamples(command, [['moonbit-registry unyank company/tool@1.2.0', 'It may be used again.']]);
  command.action((text: string, flags: YankFlags) =>
    run((context) => yank(context, { ...parseModuleVersion(text), reason: undefined }, flags)),
  );
}

function define(parent: Command, name: string, summary: string): Command {
  return parent
    .command(name)
    .summary(summary)
    .argument('<module[@version]>', 'OWNER/NAME for all versions there are, or OWNER/NAME@VERSION')
    .option('--registry <url>', 'the registry that publishes it (default: the one of this folder)')
    .option('--token-env <name>', 'with --registry: the environment variable that holds the token');
}

type Asked = Omit<YankRuling, 'version'> & { readonly version?: Version | undefined };

async function yank(context: CommandContext, asked: Asked, flags: YankFlags): Promise<ExitCode> {
  const ruling: YankRuling = { ...asked, version: asked.version };
  if (flags.registry === undefined) {
    if (flags.tokenEnv !== undefined)
      throw new CommandLineError('--token-env is for --registry, which says where the token goes');
    return withRegistry(context, async ({ hosted, user }) =>
      tell(context, ruling, requireDone(ruling, await hosted.yank(ruling, user))),
    );
  }
  const { yankElsewhere } = await import('../yank-elsewhere.ts');
  return tell(
    context,
    ruling,
    await yankElsewhere(context, ruling, { registry: flags.registry, tokenEnv: flags.tokenEnv }),
  );
}

type Done = Extract<YankOutcome, { kind: 'done' }>;

function requireDone({ module, version }: YankRuling, outcome: YankOutcome): Done {
  switch (outcome.kind) {
    case 'done':
      return outcome;
    case 'not-hosted':
      throw outcome.origin === undefined
        ? new NotFoundError(`${module} is not published here`, { hint: 'moonbit-registry list' })
        : new UsageError(`${module} is not published here: it comes from "${outcome.origin}"`, {
            hint: `refuse it to everybody instead: ${shellLine`moonbit-registry block ${nameOf(module, version)} --reason "…"`}`,
          });
    case 'no-such-version':
      throw new NotFoundError(`${module} has no version ${version ?? ''} here`, {
        hint: `there are ${nameVersions(outcome.versions, 5)}`,
      });
  }
}

function nameOf(module: ModuleName, version: Version | undefined): string {
  return version === undefined ? module : `${module}@${version}`;
}

function tell(
  { output }: CommandContext,
  { module, reason }: YankRuling,
  { versions, changed }: Done,
): ExitCode {
  const what = `${module} ${nameVersions(changed, 5)}`;
  const done = reason === undefined ? `May be used again: ${what}.` : `Yanked: ${what}: ${reason}`;
  const none = `Nothing changed: ${module} ${nameVersions(versions, 5)} ${versions.length === 1 ? 'is' : 'are'} so already.`;
  output.result({
    text: changed.length === 0 ? none : done,
    json: { module, versions, changed, ...(reason === undefined ? {} : { reason }) },
  });
  return exitCodes.done;
}
