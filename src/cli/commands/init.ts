import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { addExamples, baseForNew, type Run } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findAbove } from '../folder.ts';

export function defineInit(parent: Command, run: Run): void {
  const command = parent
    .command('init')
    .summary('create a registry in a folder')
    .description(
      'Creates registry.toml, an empty index and a folder for archives. Never overwrites anything.',
    )
    .argument('[path]', 'the folder (default: --dir, else the working directory)')
    .option('--name <name>', "the registry's name (default: the folder's)");
  addExamples(command, [
    ['moonbit-registry init ./multi-source-registry && cd multi-source-registry', 'Start a new registry.'],
    ['moonbit-registry init --name internal', 'Make the working directory one, and name it.'],
  ]);
  command.action((path: string | undefined, options: { name?: string }) =>
    run(async (context) => {
      const { initRegistry } = await import('../../registry/upkeep/init.ts');
      const folder = resolve(baseForNew(context), path ?? '.');
      const { directory, created } = await initRegistry(folder, { name: options.name });
      const inside = relative(context.io.workingDirectory, directory);
      const text = [formatCreated(directory, created)];
      if (!context.settings.quiet) text.push(formatNextSteps(inside));
      context.output.result({ text: text.join('\n\n'), json: { directory, created } });
      const { found: outer } = findAbove(directory);
      if (outer !== undefined)
        context.output.note(
          `This folder lies inside the registry ${outer}: commands run in it are about the new one.`,
        );
      return exitCodes.done;
    }),
  );
}

function formatCreated(directory: string, created: readonly string[]): string {
  return [`Created a registry in ${directory}:`, ...created.map((path) => `  ${path}`)].join('\n');
}

function formatNextSteps(folder: string): string {
  const steps = [
    ...(folder === '' ? [] : [`  cd ${folder}`]),
    '  moonbit-registry source add mooncakes --from-preset mooncakes',
    '  moonbit-registry mirror "moonbitlang/*"',
    '  moonbit-registry serve',
  ];
  return [
    'No source is configured yet: until you add one, the mooncakes preset is implied.',
    'Next:',
    ...steps,
  ].join('\n');
}
