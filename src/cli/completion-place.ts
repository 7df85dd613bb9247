/** What the word at the cursor is, from the words before it and what the program takes. */
import type { Argument, Command, Option } from 'commander';

export type Place =
  /** The name of a command, or an argument of `command` itself where it takes some. */
  | { readonly kind: 'command'; readonly command: Command; readonly isHelp: boolean }
  | { readonly kind: 'option'; readonly command: Command }
  /** One value of an option, counted from 0, after `prefix` in the same word. */
  | {
      readonly kind: 'value';
      readonly option: Option;
      readonly position: number;
      readonly prefix: string;
    }
  /** What follows the last argument has none. */
  | {
      readonly kind: 'argument';
      readonly command: Command;
      readonly argument: Argument | undefined;
      /** The arguments before it. */
      readonly before: readonly string[];
    };

/** The last of `words` is the one at the cursor. Options count wherever they stand, as when the command is run. */
export function findPlace(program: Command, words: readonly string[]): Place {
  const last = words.at(-1) ?? '';
  let command = program;
  let isHelp = false;
  let before: string[] = [];
  for (let at = 0; at < words.length - 1; at++) {
    const word = words[at] ?? '';
    if (word === '--') {
      before = [...before, ...words.slice(at + 1, -1)];
      return argumentPlace(command, before);
    }
    if (isOption(word)) {
      const option = findOption(command, word);
      if (!option || word.includes('=')) continue;
      const wanted = valueCount(option);
      const taken = countValues(words.slice(at + 1, -1), wanted);
      at += taken;
      const isAtCursor = at === words.length - 2;
      if (isAtCursor && taken < wanted && !(taken > 0 && isOption(last)))
        return { kind: 'value', option, position: taken, prefix: '' };
      continue;
    }
    const child = before.length === 0 ? findCommand(command, word) : undefined;
    if (child) command = child;
    else if (before.length === 0 && word === 'help' && command.commands.length > 0) isHelp = true;
    else before.push(word);
  }
  if (isOption(last) && !isHelp) return optionPlace(command, last);
  if (before.length === 0 && command.commands.length > 0) return { kind: 'command', command, isHelp };
  return isHelp ? { kind: 'argument', command, argument: undefined, before } : argumentPlace(command, before);
}

/** All options that count for a command: its own, and those of the commands above it. */
export function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent ? [...own, ...optionsOf(command.parent)].filter(isFirstOfItsName) : own;
}

function isFirstOfItsName(option: Option, at: number, all: readonly Option[]): boolean {
  return all.findIndex(({ long }) => long === option.long) === at;
}

function isOption(word: string): boolean {
  return word.length > 0 && word.startsWith('-');
}

function findOption(command: Command, word: string): Option | undefined {
  const [name = ''] = word.split('=');
  return optionsOf(command).find(({ long, short }) => long === name || short === name);
}

function findCommand(command: Command, word: string): Command | undefined {
  return command.commands.find((child) => child.name() === word && word !== 'help');
}

/** `--dir <folder>` takes one, `--basic-env <user> <var>` two, `--include <patterns...>` whatever comes. */
export function valueCount({ flags, required, optional }: Option): number {
  if (!required && !optional) return 0;
  return flags.includes('...') ? Number.POSITIVE_INFINITY : (flags.match(/[<[]/g)?.length ?? 1);
}

/** The first value is taken whatever it looks like, as when the command is run. */
function countValues(following: readonly string[], wanted: number): number {
  const end = following.findIndex((word, at) => at > 0 && isOption(word));
  return Math.min(end < 0 ? following.length : end, wanted);
}

function optionPlace(command: Command, last: string): Place {
  const option = last.includes('=') ? findOption(command, last) : undefined;
  if (!option || valueCount(option) === 0) return { kind: 'option', command };
  return { kind: 'value', option, position: 0, prefix: last.slice(0, last.indexOf('=') + 1) };
}

function argumentPlace(command: Command, before: readonly string[]): Place {
  const { registeredArguments } = command;
  const final = registeredArguments.at(-1);
  const argument = registeredArguments[before.length] ?? (final?.variadic ? final : undefined);
  return { kind: 'argument', command, argument, before };
}
