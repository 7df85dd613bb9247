import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { commandModes, openModeOf } from './command-modes.ts';
import { createProgram, fullName } from './program.ts';

/** Every command that does something, without the program's name. */
function commandsBelow(parent: Command): string[] {
  return parent.commands.flatMap((command) => {
    const name = fullName(command).split(' ').slice(1).join(' ');
    return command.commands.length > 0 ? commandsBelow(command) : [name];
  });
}

test('of each command it is listed what it may do to the data, and of no other', () => {
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const known = commandsBelow(program).filter((name) => name.split(' ').at(-1) !== 'help');
  expect(
    Object.keys(commandModes)
      .filter((name) => name !== 'complete')
      .sort(),
  ).toEqual(known.sort());
});

test('what only looks is what an operator would expect to', () => {
  const looking = Object.entries(commandModes).flatMap(([name, mode]) => (mode === 'read' ? [name] : []));
  expect(looking.sort()).toEqual([
    'backup',
    'conflicts list',
    'doctor',
    'explain',
    'list',
    'path',
    'plan',
    'source check',
    'staged list',
    'staged show',
    'state at',
    'state log',
    'status',
    'token list',
    'verify',
  ]);
});

test('a command that is told to change nothing only looks', () => {
  expect(openModeOf('sync', true)).toBe('read');
  expect(openModeOf('sync', false)).toBe('write');
  expect(openModeOf('serve', false)).toBe('serve');
  expect(() => openModeOf('init', false)).toThrow('not listed');
});
