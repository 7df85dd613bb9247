import type { Command } from 'commander';
import { completionScripts } from '../completion-scripts.ts';
import { addExamples, type CommandContext, type Run } from '../context.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';

const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
type Shell = (typeof shells)[number];

export function defineCompletion(parent: Command, run: Run): void {
  const command = parent
    .command('completion')
    .summary('a script that completes commands, options and names')
    .description(
      'Prints a script for your shell that completes commands, options, settings, paths, and the names of sources and modules.',
    )
    .addArgument(parent.createArgument('[shell]', 'default: the one in $SHELL').choices(shells));
  addExamples(command, [
    [
      'source <(moonbit-registry completion bash)',
      'Complete in this bash; put it into ~/.bashrc to keep it.',
    ],
    ['source <(moonbit-registry completion zsh)', 'In zsh; put it into ~/.zshrc to keep it.'],
    ['moonbit-registry completion fish > ~/.config/fish/completions/moonbit-registry.fish', 'For fish.'],
  ]);
  command.action((shell: Shell | undefined) =>
    run(async (context) => {
      const chosen = shell ?? shellOf(context);
      const text = await scriptFor(chosen);
      context.output.result({ text, json: { shell: chosen, script: text }, isForPrograms: true });
      return exitCodes.done;
    }),
  );
}

async function scriptFor(shell: Shell): Promise<string> {
  if (shell !== 'powershell') return completionScripts[shell];
  const { default: powershell } = await import('../powershell-completion.json', { with: { type: 'json' } });
  return powershell.script;
}

function shellOf({ io }: CommandContext): Shell {
  const name = io.env.SHELL?.split('/').at(-1);
  const shell = shells.find((candidate) => candidate === name);
  if (shell !== undefined) return shell;
  throw new CommandLineError('cannot tell your shell from $SHELL', {
    hint: `usage: moonbit-registry completion ${shells.join('|')}`,
  });
}
