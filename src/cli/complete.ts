import { resolve } from 'node:path';
import type { RootCommand } from '@bomb.sh/tab';
import type { Command } from 'commander';
import { RegistryError } from '../errors.ts';
import { captureConsole } from './console-output.ts';
import type { CommandContext, Run } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';

type Complete = (value: string, description: string) => void;

/** What the completion scripts of shells call: `complete -- WORDS…`, the last of which is unfinished. */
export function defineComplete(parent: Command, run: Run): void {
  parent
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) =>
      run(async (context) => {
        const lines = await suggestWords(words, context);
        context.output.result({ text: lines.join('\n'), json: lines, isForPrograms: true });
        return exitCodes.done;
      }),
    );
}

/** Suggestions as `WORD<TAB>DESCRIPTION`, and last the directive `:N` that the scripts expect. */
async function suggestWords(words: readonly string[], context: CommandContext): Promise<string[]> {
  const { default: tab } = await import('@bomb.sh/tab/commander');
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const root = tab(program, { completionCommandName: 'completion-script' });
  root.commands.delete('completion-script');
  shareGlobalOptions(root);
  offerSources(root, await sourceNames(folderIn(words, context)));
  return captureConsole(() => root.parse([...words]));
}

/** The library looks for options on the command alone, and ours may stand behind any. */
function shareGlobalOptions(root: RootCommand): void {
  for (const command of root.commands.values()) {
    for (const [name, option] of root.options)
      if (!command.options.has(name)) command.options.set(name, option);
  }
}

function offerSources(root: RootCommand, names: readonly string[]): void {
  const offer = (complete: Complete) => {
    for (const name of names) complete(name, 'source');
  };
  for (const command of ['default', 'enable', 'disable', 'remove', 'check', 'login', 'logout']) {
    const argument = root.commands.get(`source ${command}`)?.arguments.get('name');
    if (argument) argument.handler = offer;
  }
  const option = root.commands.get('mirror')?.options.get('source');
  if (option) option.handler = offer;
}

/** The registry that the words being completed are about. */
function folderIn(words: readonly string[], { directory }: CommandContext): string {
  const position = words.findIndex((word) => word === '-d' || word === '--dir');
  const joined = words.find((word) => word.startsWith('--dir='))?.slice('--dir='.length);
  return resolve(directory, joined ?? (position < 0 ? '.' : (words[position + 1] ?? '.')));
}

async function sourceNames(directory: string): Promise<readonly string[]> {
  const { loadConfig } = await import('../config/load.ts');
  try {
    return (await loadConfig(directory)).sources.map((source) => source.name);
  } catch (error) {
    // Pressing Tab outside a registry is no failure: there are no names to offer.
    if (error instanceof RegistryError) return [];
    throw error;
  }
}
