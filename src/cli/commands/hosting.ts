import type { Command } from 'commander';
import { patternProblem } from '../../model/pattern.ts';
import type { AdoptedModule } from '../../registry/hosting/adopt.ts';
import type { PreparedAdoption } from '../../registry/hosting/adoption.ts';
import { addExamples, type CommandContext, interruptible, type Run, withRegistry } from '../context.ts';
import { editConfig, previewSettings } from '../edit.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { count, formatList, nameVersions } from '../format.ts';
import { withProgress } from '../progress.ts';

export function defineHosting(parent: Command, run: Run): void {
  const hosting = parent
    .command('hosting')
    .summary('what is published here')
    .description('Modules that are published here, and those that are to be from now on.');
  defineAdopt(hosting, run);
}

function defineAdopt(hosting: Command, run: Run): void {
  const command = hosting
    .command('adopt')
    .summary('take over modules that a source supplies, to publish them here from now on')
    .description(
      'Fetches the archives of all versions that are served of modules whose names match, and takes the modules over, all of them or none: ' +
        'lines, bytes and pins stay as they are, and new versions are published here. registry.toml says so then: the pattern is in hosting.namespaces, ' +
        'and a source that claimed it does not any more.',
    )
    .argument('<pattern>', 'the names: OWNER/NAME, or OWNER/* for all of an owner')
    .option('--dry-run', 'show what would be adopted, and change nothing');
  addExamples(command, [
    ['moonbit-registry hosting adopt "company/*" --dry-run', 'What would be taken over.'],
    ['moonbit-registry hosting adopt "company/*"', 'Publish these here from now on.'],
  ]);
  command.action((pattern: string, flags: { readonly dryRun?: true }) =>
    run((context) => adopt(context, pattern, flags.dryRun ?? false)),
  );
}

async function adopt(context: CommandContext, pattern: string, dryRun: boolean): Promise<ExitCode> {
  const problem = patternProblem(pattern);
  if (problem !== undefined)
    throw new CommandLineError(`"${pattern}" is no pattern of names: ${problem}`, {
      hint: 'moonbit-registry hosting adopt "company/*"',
    });
  const { hostNamespace } = await import('../../config/edit-hosting.ts');
  const edit = (text: string) => hostNamespace(text, pattern);
  const { config, changes } = await previewSettings(context, edit);
  const prepared = await withRegistry(context, ({ hosted, user }) =>
    interruptible(context.io, (signal) =>
      withProgress(context, (onProgress) =>
        hosted.prepareAdoption({ pattern, config, signal, onProgress, dryRun }, user),
      ),
    ),
  );
  if (dryRun) return tellPreview(context, prepared, changes);
  // Named before they are taken over: what is served stays as it is between the two, and running it again goes on from there.
  await editConfig(context, edit);
  const modules = await withRegistry(context, ({ hosted, user }) => hosted.adopt(pattern, user), {
    isTold: true,
  });
  context.output.result({
    text: [
      ...formatModules('Adopted', modules),
      ...formatFetched('Fetched first', prepared),
      ...changes,
    ].join('\n'),
    json: { dryRun: false, modules, fetched: prepared.fetched, changes },
  });
  return exitCodes.done;
}

function tellPreview(
  { output }: CommandContext,
  prepared: PreparedAdoption,
  changes: readonly string[],
): ExitCode {
  output.result({
    text: [
      ...formatModules('Would adopt', prepared.modules),
      ...formatFetched('To be fetched first', prepared),
      ...changes,
      'Nothing was changed.',
    ].join('\n'),
    json: { dryRun: true, modules: prepared.modules, fetched: prepared.fetched, changes },
  });
  return exitCodes.done;
}

const shownModules = 50;

function formatModules(done: string, modules: readonly AdoptedModule[]): string[] {
  const lines = modules.map(
    ({ module, from, versions }) => `${module} from "${from}": ${nameVersions(versions, 5)}`,
  );
  return [`${done} ${count(modules.length, 'module')}:`, ...formatList(lines, shownModules)];
}

function formatFetched(done: string, { fetched }: PreparedAdoption): string[] {
  return fetched.length === 0 ? [] : [`${done}: ${count(fetched.length, 'archive')}.`];
}
