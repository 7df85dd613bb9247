import type { Command } from 'commander';
import { suggest } from '../support/suggest.ts';
import { CommandLineError } from './exit-codes.ts';
import { hintForOtherWord } from './other-words.ts';

/** What is called `help` stands beside the commands that it tells of. */
export function commandsOf(group: Command): Command[] {
  return group.commands.filter((command) => command.name() !== 'help');
}

/** The names of the commands that people type. */
export function namesOf(group: Command): string[] {
  return commandsOf(group)
    .map((command) => command.name())
    .filter((name) => name !== 'complete');
}

/**
 * `help`, `help source`, `help source add`, and the same behind a group of commands: shows what `--help` does there.
 * Commander's own takes one word, and tells nothing of one that it does not know.
 */
export function defineHelp(group: Command, name: string): Command {
  return group
    .helpCommand(false)
    .command('help')
    .argument('[command...]')
    .summary('show the help of a command')
    .description(`Shows the help of "${name}", or of a command below it.`)
    .action((words: string[]) => findCommand(group, name, words).help());
}

function findCommand(from: Command, name: string, [word, ...rest]: readonly string[]): Command {
  if (word === undefined || (word === 'help' && rest.length === 0)) return from;
  const found = commandsOf(from).find((command) => command.name() === word);
  if (found) return findCommand(found, `${name} ${word}`, rest);
  const names = namesOf(from);
  if (names.length === 0)
    throw new CommandLineError(`${name} has no commands of its own`, { hint: `see ${name} --help` });
  const near = suggest(word, names);
  const meant = hintForOtherWord(name.split(' ').slice(1).join(' '), word);
  throw new CommandLineError(`unknown command '${word}'`, {
    hint: meant ?? (near === undefined ? `${name} has: ${names.join(', ')}` : `did you mean ${near}?`),
  });
}
