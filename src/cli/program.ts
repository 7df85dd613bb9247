import { Command, type CommanderError, type Help, Option } from 'commander';
import { programVersion } from '../support/version.ts';
import { defineBackup } from './commands/backup.ts';
import { defineBlock, defineUnblock } from './commands/block.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineConfig } from './commands/config.ts';
import { defineConflicts } from './commands/conflicts.ts';
import { defineDemo } from './commands/demo.ts';
import { defineDoctor } from './commands/doctor.ts';
import { defineExplain } from './commands/explain.ts';
import { defineHosting } from './commands/hosting.ts';
import { defineInit } from './commands/init.ts';
import { defineList } from './commands/list.ts';
import { defineLogin } from './commands/login.ts';
import { defineMirror } from './commands/mirror.ts';
import { defineOidc } from './commands/oidc.ts';
import { definePath } from './commands/path.ts';
import { definePlan } from './commands/plan.ts';
import { definePublish } from './commands/publish.ts';
import { defineRestore } from './commands/restore.ts';
import { defineServe } from './commands/serve.ts';
import { defineSource } from './commands/source.ts';
import { defineStaged } from './commands/staged.ts';
import { defineState } from './commands/state.ts';
import { defineStatus } from './commands/status.ts';
import { defineSync } from './commands/sync.ts';
import { defineToken } from './commands/token.ts';
import { defineUpdate } from './commands/update.ts';
import { defineVerify } from './commands/verify.ts';
import { defineWithdraw } from './commands/withdraw.ts';
import { defineUnyank, defineYank } from './commands/yank.ts';
import type { DefineCommand, Run } from './context.ts';
import { CommandLineError } from './exit-codes.ts';
import { commandsOf, defineHelp, namesOf } from './help-command.ts';
import { hintForOtherWord } from './other-words.ts';
import { wrapText } from './wrap.ts';

const programName = 'moonbit-registry';

/** The command line was answered by printing help; nothing is left to do. */
export class HelpShown extends Error {}

export interface ProgramOptions {
  readonly run: Run;
  readonly writeHelp: (text: string) => void;
  /** Columns of the terminal; help is never wider than 100. */
  readonly columns: number | undefined;
}

const commands: readonly DefineCommand[] = [
  defineInit,
  defineSource,
  defineMirror,
  defineSync,
  definePlan,
  defineStatus,
  defineList,
  defineExplain,
  defineVerify,
  defineConflicts,
  defineBlock,
  defineUnblock,
  defineStaged,
  defineToken,
  defineOidc,
  defineLogin,
  defineDoctor,
  defineServe,
  defineBackup,
  defineRestore,
  defineConfig,
  definePath,
  defineState,
  definePublish,
  defineHosting,
  defineYank,
  defineUnyank,
  defineWithdraw,
  defineUpdate,
  defineDemo,
  defineCompletion,
];

/**
 * All commands with their options and help. Parsing throws `CommandLineError` for what was typed wrongly and
 * `HelpShown` after `--help`; the program never ends the process itself.
 */
export function createProgram({ run, writeHelp, columns }: ProgramOptions): Command {
  const program = new Command(programName);
  const width = Math.max(40, Math.min(columns ?? 100, 100));
  program
    .description('One address for every MoonBit module: several registries in one verified index.')
    .option(
      '-d, --dir <folder>',
      'the registry (default: $MOONBIT_REGISTRY_DIR, else the nearest folder upwards with a registry.toml)',
    )
    .option('--json', 'print the result as one JSON document')
    .option('-q, --quiet', 'no progress and no remarks')
    .option('-v, --verbose', 'say more: what is asked of whom, and the causes of errors')
    .addOption(
      new Option('--log-format <format>', 'what stderr says: for people, or a JSON object a line').choices([
        'text',
        'json',
      ]),
    )
    .version(programVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ showGlobalOptions: true, ...helpStyle })
    .configureOutput({
      writeOut: (text) => writeHelp(wrapText(text, width)),
      // Every error, and the help shown with it, goes through the CLI's one catch instead.
      writeErr: () => {},
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
    });
  for (const define of commands) define(program, run);
  program.addHelpText(
    'after',
    `\nStart here:\n  $ ${programName} init ./registry && cd registry\n  $ ${programName} serve\n\n` +
      `"${programName} COMMAND --help" shows what a command takes, with examples.\n` +
      'Exit status: 0 done, 1 failed, 2 wrong usage,\n  3 done, but with conflicts, stale sources or missing archives.',
  );
  for (const command of withDescendants(program)) {
    handleParseErrors(command);
    if (command.commands.length > 0) handleParseErrors(defineHelp(command, fullName(command)));
  }
  return program;
}

/** It and all commands below it, but for those that show their help. */
export function withDescendants(command: Command): Command[] {
  return [command, ...commandsOf(command).flatMap(withDescendants)];
}

/** `moonbit-registry source add`. */
export function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

const helpStyle: Partial<Help> = {
  minWidthToWrap: 16,
  commandUsage: (command) => usageLine(command),
  subcommandTerm: (command) => [command.name(), argumentForm(command)].filter(Boolean).join(' '),
};

function usageLine(command: Command): string {
  const parts = [
    fullName(command),
    command.commands.length > 0 ? 'COMMAND' : argumentForm(command),
    '[options]',
  ];
  return parts.filter(Boolean).join(' ');
}

/** Arguments as we write them: `NAME`, `[KEY]`, `[PATTERN…]`. */
function argumentForm(command: Command): string {
  const forms = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  return forms.join(' ');
}

function handleParseErrors(command: Command): void {
  command.exitOverride((error: CommanderError) => {
    if (error.exitCode === 0) throw new HelpShown();
    const usage = `usage: ${usageLine(command)}`;
    if (error.code === 'commander.help') {
      const names = namesOf(command);
      throw new CommandLineError(`${fullName(command)} needs a command: ${names.join(', ')}`, {
        hint: `see ${fullName(command)} --help`,
      });
    }
    // Commander puts its suggestion on a second line: (Did you mean --full?)
    const [first = '', suggestion] = error.message.split('\n');
    const nearest = suggestion === undefined ? usage : suggestion.replace(/^\(Did/, 'did').replace(/\)$/, '');
    const word = /unknown command '(.*)'$/.exec(first)?.[1];
    const after = fullName(command).split(' ').slice(1).join(' ');
    const hint = (word === undefined ? undefined : hintForOtherWord(after, word)) ?? nearest;
    throw new CommandLineError(withoutValue(first.replace(/^error: /, '')), { hint });
  });
}

/** Of a word that was not understood, its name: what stands behind `=` may be a secret, typed in the wrong place. */
function withoutValue(message: string): string {
  return message.replace(/^(unknown \w+ '[^=]*)=.*'$/s, "$1'");
}
