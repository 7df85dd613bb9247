import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { defaultMaxConcurrency } from '../../config/presets.ts';
import { UsageError } from '../../errors.ts';
import type { MirrorOptions, MirrorReport } from '../../registry/reports.ts';
import { parsePatterns, parseWholeNumber } from '../arguments.ts';
import { addExamples, findSource, interruptible, type Run, withRegistry } from '../context.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';
import { formatFindings, formatStale, needsAttention } from '../findings.ts';
import { count, formatBytes, formatElapsed, formatList, groupDigits } from '../format.ts';
import type { CommandIo } from '../io.ts';
import { withProgress } from '../progress.ts';
import { formatTable } from '../table.ts';

interface Flags {
  readonly source?: string;
  readonly full?: true;
  readonly strict?: true;
  readonly latest?: true;
  readonly from?: string;
  readonly dryRun?: true;
  readonly jobs?: string;
}

export function defineMirror(parent: Command, run: Run): void {
  const command = parent
    .command('mirror')
    .summary('download archives and what they depend on, verified')
    .description(
      'Downloads all versions of the modules that match, and the dependencies clients would select with them. ' +
        'Patterns match whole names; * crosses slashes. Without patterns: [mirror] packages of registry.toml. ' +
        'Whatever was interrupted, failed or published since is completed by running it again.',
    )
    .argument('[patterns...]', 'module names or patterns, quoted')
    .option('-s, --source <name>', 'the source to mirror from (default: the default source)')
    .option('--full', 'everything the source supplies')
    .option('--strict', 'without dependencies')
    .option('--latest', 'only the latest version of what matches')
    .option('--from <project>', 'exactly what a project needs: its folder, moon.mod.json or moon.mod')
    .option('--dry-run', 'show what would be downloaded, and change nothing')
    .option(
      '-j, --jobs <number>',
      `concurrent downloads from each source, and no more than its max_concurrency (default: ${defaultMaxConcurrency})`,
    );
  addExamples(command, [
    ['moonbit-registry mirror "moonbitlang/*"', 'All modules of moonbitlang, from the default source.'],
    ['moonbit-registry mirror -s partner "partner-org/*"', 'The same from another source.'],
    ['moonbit-registry mirror --from ../app', 'What the project in ../app needs to build.'],
    ['moonbit-registry mirror --full --dry-run', 'See how much everything would be.'],
  ]);
  command.action((patterns: string[], flags: Flags) =>
    run((context) => {
      const wanted = readFlags(patterns, flags, context.io);
      return interruptible(context.io, (signal) =>
        withRegistry(context, async (registry) => {
          const selection = completeSelection(wanted, registry.config);
          const { io, output } = context;
          const begunAt = io.now();
          const report = await withProgress(context, (onProgress) =>
            registry.mirror({ ...selection, signal, onProgress }),
          );
          const elapsedMs = io.now() - begunAt;
          const text = formatMirror(report, { elapsedMs, width: output.width });
          output.result({ text, json: { ...report, elapsedMs } });
          return isComplete(report) ? exitCodes.done : exitCodes.doneWithFindings;
        }),
      );
    }),
  );
}

/** What was typed, checked as far as that is possible without a registry. */
function readFlags(patterns: readonly string[], flags: Flags, io: CommandIo): MirrorOptions {
  const kinds = [
    patterns.length > 0 && 'patterns',
    flags.full && '--full',
    flags.from && '--from',
    flags.from && flags.source && '--source',
  ].filter(Boolean);
  if (kinds.length > 1) throw new CommandLineError(`${kinds.join(' and ')} exclude each other`);
  return {
    patterns: parsePatterns(patterns),
    source: flags.source,
    full: flags.full,
    strict: flags.strict,
    latest: flags.latest,
    from: flags.from === undefined ? undefined : resolve(io.workingDirectory, flags.from),
    dryRun: flags.dryRun,
    jobs: flags.jobs === undefined ? undefined : parseWholeNumber('--jobs', flags.jobs, 1, 256),
  };
}

/** Fills in what the config decides; refuses a source that is unknown or disabled. */
export function completeSelection(wanted: MirrorOptions, config: Config): MirrorOptions {
  if (wanted.source !== undefined && !findSource(config, wanted.source).enabled)
    throw new UsageError(`source "${wanted.source}" is disabled`, {
      hint: `moonbit-registry source enable ${wanted.source}`,
    });
  if (wanted.patterns.length > 0 || wanted.full || wanted.from !== undefined) return wanted;
  if (config.mirror.packages.length > 0) return { ...wanted, patterns: config.mirror.packages };
  throw new CommandLineError('nothing to mirror: no pattern, no --full, no --from', {
    hint: 'usage: moonbit-registry mirror PATTERN… (or set [mirror] packages in registry.toml)',
  });
}

function isComplete(report: MirrorReport): boolean {
  if (report.failed.length > 0 || report.unsatisfied.length > 0) return false;
  return !needsAttention({ refreshes: report.refresh, findings: report.findings });
}

/** `elapsedMs`: how long it took; `width` as for `formatTable`. */
export function formatMirror(
  report: MirrorReport,
  { elapsedMs, width }: { readonly elapsedMs: number; readonly width: number | undefined },
): string {
  const sections = [
    [formatSummary(report, elapsedMs, width)],
    formatSection(
      `${count(report.failed.length, 'archive')} failed:`,
      report.failed.map(
        ({ module, version, source, reason }) => `${module}@${version} (${source}): ${reason}`,
      ),
    ),
    formatSection(
      `${count(report.unsatisfied.length, 'dependency', 'dependencies')} cannot be satisfied:`,
      report.unsatisfied.map(
        ({ module, requirement, requiredBy, reason }) =>
          `${module}@${requirement}, required by ${requiredBy}: ${reason}`,
      ),
    ),
    formatSection(
      `${count(report.skipped.length, 'module')} skipped, supplied by another source:`,
      report.skipped.map(({ module, origin, reason }) => `${module} (${origin ?? 'no source'}): ${reason}`),
    ),
    formatStale(report.refresh),
    formatFindings(report.findings),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function formatSummary(
  { sources, dryRun }: MirrorReport,
  elapsedMs: number,
  width: number | undefined,
): string {
  const took = formatElapsed(elapsedMs);
  if (sources.length === 0) return dryRun ? 'Nothing to download.' : `Nothing was downloaded in ${took}.`;
  const header = ['SOURCE', 'MODULES', 'VERSIONS', 'DOWNLOADED', 'BYTES', 'PRESENT', 'FAILED'];
  const rows = sources.map(({ source, modules, versions, downloaded, bytes, present, failed }) => [
    source,
    groupDigits(modules),
    groupDigits(versions),
    groupDigits(downloaded),
    formatBytes(bytes),
    groupDigits(present),
    groupDigits(failed),
  ]);
  const title = dryRun ? 'Would mirror (nothing was changed):' : `Mirrored in ${took}:`;
  return `${title}\n${formatTable(header, rows, [1, 2, 3, 4, 5, 6], width)}`;
}

function formatSection(headline: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [headline, ...formatList(items, 20)];
}
