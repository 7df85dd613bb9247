import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { findSource } from '../../config/find-source.ts';
import { defaultMaxConcurrency } from '../../config/max-concurrency.ts';
import { UsageError } from '../../errors.ts';
import { anySource } from '../../model/mirror-target.ts';
import type { MirrorOptions } from '../../registry/mirror/mirror-options.ts';
import { shellLine } from '../../support/shell.ts';
import { parseMirrorPatterns, parseWholeNumber } from '../arguments.ts';
import { addExamples, interruptible, type Run, withRegistry } from '../context.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';
import type { CommandIo } from '../io.ts';
import { formatMirror, isComplete } from '../mirror-text.ts';
import { withProgress } from '../progress.ts';

interface Flags {
  readonly source?: string;
  readonly full?: true;
  readonly strict?: true;
  readonly requireClosure?: true;
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
        'A pattern that spells out an owner also decides: new names that wait, because a source of more trust cannot be read, ' +
        'belong to the source they are mirrored from. ' +
        'Whatever was interrupted, failed or published since is completed by running it again.',
    )
    .argument('[patterns...]', 'module names, patterns (quoted), or OWNER/NAME@VERSION')
    .option(
      '-s, --source <name>',
      'the source to mirror from; "*": whichever supplies a module (default: the default source)',
    )
    .option('--full', 'everything the source supplies')
    .option('--strict', 'without dependencies')
    .option('--require-closure', 'end with 3 also for dependencies that nobody has')
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
    [
      'moonbit-registry mirror -s "*" "*/json"',
      'Every module so called, each from the source that supplies it.',
    ],
    ['moonbit-registry mirror --from ../app', 'What the project in ../app needs to build.'],
    ['moonbit-registry mirror --full --dry-run', 'See how much everything would be.'],
  ]);
  command.action((patterns: string[], flags: Flags) =>
    run((context) => {
      const wanted = readFlags(patterns, flags, context.io);
      return interruptible(context.io, (signal) =>
        withRegistry(
          context,
          async (registry) => {
            checkSelection(wanted, registry.config);
            const { io, output } = context;
            const begunAt = io.now();
            const report = await withProgress(context, (onProgress) =>
              registry.mirror({ ...wanted, signal, onProgress }),
            );
            const durationMs = io.now() - begunAt;
            const { defaultSource } = registry.config;
            const text = formatMirror(report, { defaultSource, durationMs, width: output.width });
            output.result({ text, json: { ...report, durationMs } });
            const isDone = isComplete(report, flags.requireClosure === true);
            return isDone ? exitCodes.done : exitCodes.doneWithFindings;
          },
          { onlyLooks: flags.dryRun ?? false },
        ),
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
    patterns: parseMirrorPatterns(patterns),
    source: flags.source,
    full: flags.full,
    strict: flags.strict,
    latest: flags.latest,
    from: flags.from === undefined ? undefined : resolve(io.workingDirectory, flags.from),
    dryRun: flags.dryRun,
    jobs: flags.jobs === undefined ? undefined : parseWholeNumber('--jobs', flags.jobs, 1, 256),
  };
}

/** Refuses a source that is unknown or disabled, and to mirror nothing. */
export function checkSelection(wanted: MirrorOptions, config: Config): void {
  const { source, patterns, full, from } = wanted;
  if (source !== undefined && source !== anySource && !findSource(config, source).enabled)
    throw new UsageError(`source "${source}" is disabled`, {
      hint: shellLine`moonbit-registry source enable ${source}`,
    });
  if (patterns.length > 0 || full || from !== undefined || config.mirror.packages.length > 0) return;
  throw new CommandLineError('nothing to mirror: no pattern, no --full, no --from', {
    hint: 'usage: moonbit-registry mirror PATTERN… (or set [mirror] packages in registry.toml)',
  });
}
