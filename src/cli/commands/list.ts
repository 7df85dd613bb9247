import { resolve } from 'node:path';
import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import type { ListedModule } from '../../registry/deliver/served-modules.ts';
import type { OutdatedReport } from '../../registry/mirror/outdated.ts';
import type { Operating } from '../../registry/registry.ts';
import { shellLine } from '../../support/shell.ts';
import { parsePatterns } from '../arguments.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { count, groupDigits } from '../format.ts';
import { formatTable } from '../table.ts';

interface Flags {
  readonly cached?: true;
  readonly outdated?: string;
}

export function defineList(parent: Command, run: Run): void {
  const command = parent
    .command('list')
    .summary('what is served: latest versions, origins, what is cached')
    .description(
      'Lists the modules that are served, with their latest version, how many versions there are, how many of their ' +
        'archives are cached here, and where they come from. Asks no source.',
    )
    .argument('[pattern]', 'a module name, or a pattern such as "moonbitlang/*" (quote it)')
    .option('--cached', 'only versions whose archives are here')
    .option(
      '--outdated <project>',
      'what a project requires and something newer is served of: its folder, moon.mod.json or moon.mod',
    );
  addExamples(command, [
    ['moonbit-registry list', 'Everything that is served.'],
    ['moonbit-registry list "moonbitlang/*" --cached', 'What works of moonbitlang without any source.'],
    ['moonbit-registry list --outdated ../app', 'What the project in ../app could update.'],
    ['moonbit-registry list --json', 'All of it as data.'],
  ]);
  command.action((pattern: string | undefined, flags: Flags) =>
    run((context) => {
      const patterns = parsePatterns(pattern === undefined ? [] : [pattern]);
      const { outdated } = flags;
      if (outdated === undefined)
        return withRegistry(context, (registry) => showModules(context, registry, patterns, flags));
      if (pattern !== undefined || flags.cached)
        throw new CommandLineError('--outdated is about all that a project requires: give it alone', {
          hint: shellLine`moonbit-registry list --outdated ${outdated}`,
        });
      const project = resolve(context.io.workingDirectory, outdated);
      return withRegistry(context, (registry) => showOutdated(context, registry, project));
    }),
  );
}

async function showModules(
  { output }: CommandContext,
  registry: Operating,
  patterns: readonly string[],
  { cached = false }: { readonly cached?: boolean },
): Promise<ExitCode> {
  const modules: ListedModule[] = [];
  for await (const module of registry.list({ patterns, cachedOnly: cached })) modules.push(module);
  const [pattern] = patterns;
  if (modules.length === 0 && pattern !== undefined) throw await nothingMatches(registry, pattern, cached);
  output.result({ text: formatModules(modules, { cached, width: output.width }), json: modules });
  if (modules.length === 0)
    output.note(cached ? 'Next: moonbit-registry mirror --full --dry-run' : 'Next: moonbit-registry sync');
  return exitCodes.done;
}

/** What to do about it depends on whether the name is served, just not cached, or nobody's. */
async function nothingMatches(registry: Operating, pattern: string, cached: boolean): Promise<NotFoundError> {
  const isServed = async () => {
    for await (const _ of registry.list({ patterns: [pattern] })) return true;
    return false;
  };
  if (cached && (await isServed()))
    return new NotFoundError(`no archive of "${pattern}" is cached`, {
      hint: shellLine`moonbit-registry mirror ${pattern}`,
    });
  const nearest = await registry.suggestModule(pattern);
  const next = pattern.includes('*')
    ? 'moonbit-registry list'
    : shellLine`moonbit-registry explain ${pattern}`;
  return new NotFoundError(`no module that is served matches "${pattern}"`, {
    hint: nearest === undefined ? next : `did you mean "${nearest}"? See why: ${next}`,
  });
}

export function formatModules(
  modules: readonly ListedModule[],
  { cached, width }: { readonly cached: boolean; readonly width: number | undefined },
): string {
  if (modules.length === 0) return cached ? 'No archive is cached yet.' : 'Nothing is served yet.';
  const rows = modules.map((one) => [
    one.module,
    one.latest,
    groupDigits(one.versions),
    groupDigits(one.cached),
    one.origin ?? '',
  ]);
  return formatTable(['MODULE', 'LATEST', 'VERSIONS', 'CACHED', 'ORIGIN'], rows, [2, 3], width);
}

async function showOutdated(
  { output }: CommandContext,
  registry: Operating,
  project: string,
): Promise<ExitCode> {
  const report = await registry.findOutdated(project);
  output.result({ text: formatOutdated(report, output.width), json: report });
  return report.unsatisfied.length > 0 ? exitCodes.doneWithFindings : exitCodes.done;
}

export function formatOutdated(
  { project, requirements, outdated, unsatisfied }: OutdatedReport,
  width: number | undefined,
): string {
  const rows = outdated.map(({ module, wanted, selected, latest, origin }) => [
    ...[module, wanted, selected, latest],
    origin ?? '',
  ]);
  const total = `Of ${count(requirements, 'requirement')} of ${project},`;
  const met = requirements - unsatisfied.length;
  const missing = unsatisfied.map(
    ({ module, wanted, reason }) => `  ${module} (wanted: ${wanted}) ${reason}`,
  );
  return [
    ...(rows.length > 0
      ? [
          `${total} something newer than moon builds with is served for ${groupDigits(rows.length)}:`,
          formatTable(['MODULE', 'WANTED', 'SELECTED', 'LATEST', 'ORIGIN'], rows, [], width),
        ]
      : [`${total} ${describeCurrent(requirements, met)}`]),
    ...(missing.length > 0 ? [`${count(missing.length, 'requirement')} cannot be met:`, ...missing] : []),
  ].join('\n');
}

/** What the project states may be older all the same: another requirement may have raised it. */
function describeCurrent(requirements: number, met: number): string {
  if (requirements === 0) return 'there is nothing to compare.';
  if (met === 0) return 'nothing that is served meets one.';
  const whose = met === requirements ? 'each' : `the ${groupDigits(met)} that can be met`;
  return `moon already builds with the newest that is served of ${whose}.`;
}
