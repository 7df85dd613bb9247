import type { Command } from 'commander';
import { type Checksum, isChecksum } from '../../model/checksum.ts';
import { isOpenConflict } from '../../model/finding.ts';
import { describeDecision } from '../../model/operator-decision.ts';
import { isVersion, type Version } from '../../model/version.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from '../../registry/reports.ts';
import { type ModuleVersion, parseModuleVersion } from '../arguments.ts';
import { summariseChanges } from '../changes.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatSubject } from '../findings.ts';
import { count, formatAge } from '../format.ts';

export function defineConflicts(parent: Command, run: Run): void {
  const command = parent
    .command('conflicts')
    .summary('what was refused and why; decide about it')
    .description(
      'What the registry refused, with both checksums, sources and dates. Nothing that is served changes until you decide.',
    );
  addExamples(command, [
    ['moonbit-registry conflicts', 'List what waits for a decision, and what was kept.'],
    ['moonbit-registry conflicts keep maria/parser@0.1.0', 'What is served stays, and stops being reported.'],
    [
      'moonbit-registry conflicts accept maria/parser@0.1.0 --checksum SHA256',
      'Serve the new bytes, whose checksum its author has told you.',
    ],
    [
      'moonbit-registry conflicts accept company/tool --origin partner',
      'Let "partner" supply the module from now on.',
    ],
  ]);
  defineList(command, run);
  defineKeep(command, run);
  defineAccept(command, run);
}

function defineList(parent: Command, run: Run): void {
  const command = parent
    .command('list', { isDefault: true })
    .description('Lists what was refused and why, and what to run. Asks no source.');
  addExamples(command, [
    ['moonbit-registry conflicts list --json', 'The same as data; ends with 3 while one is open.'],
  ]);
  command.action(() =>
    run((context) =>
      withRegistry(context, async (registry) => {
        const conflicts = await registry.conflicts();
        context.output.result({ text: formatConflicts(conflicts, context.io.now()), json: conflicts });
        return conflicts.some(isOpenConflict) ? exitCodes.doneWithFindings : exitCodes.done;
      }),
    ),
  );
}

function defineKeep(parent: Command, run: Run): void {
  const command = parent
    .command('keep')
    .description(
      'What is served stays, and the conflict is not reported as open until something else is offered.',
    )
    .argument('<module[@version]>', 'all conflicts of a module, or that of one version');
  addExamples(command, [
    ['moonbit-registry conflicts keep maria/parser@0.1.0', 'Keep the bytes that were served first.'],
    ['moonbit-registry conflicts keep company/tool', 'Keep it where it comes from.'],
  ]);
  command.action((text: string) =>
    run((context) => {
      const { module, version } = parseModuleVersion(text);
      return rule(context, { action: 'keep', module, version });
    }),
  );
}

function defineAccept(parent: Command, run: Run): void {
  const command = parent
    .command('accept')
    .description(
      'Replaces the pin of a version, or moves a module to another source. A new checksum must be typed out: ' +
        'get it from the author, not from here.',
    )
    .argument('<module[@version]>', 'the version; with --origin, the module')
    .option('--checksum <sha256...>', 'the new checksum; with --origin VERSION=SHA256, for each that changes')
    .option('--origin <source>', 'the source that shall supply the module');
  addExamples(command, [
    [
      'moonbit-registry conflicts accept maria/parser@0.1.0 --checksum SHA256',
      'Serve the bytes that upstream offers now.',
    ],
    [
      'moonbit-registry conflicts accept company/tool --origin partner --checksum 1.0.0=SHA256',
      'Move a module although its version 1.0.0 changes.',
    ],
  ]);
  command.action((text: string, flags: { checksum?: readonly string[]; origin?: string }) =>
    run((context) => rule(context, readRuling(parseModuleVersion(text), flags.checksum ?? [], flags.origin))),
  );
}

function readRuling(
  { module, version }: ModuleVersion,
  checksums: readonly string[],
  origin: string | undefined,
): ConflictRuling {
  if (origin !== undefined) {
    if (version !== undefined)
      throw new CommandLineError('a module moves as a whole: leave out the version', {
        hint: `moonbit-registry conflicts accept ${module} --origin ${origin}`,
      });
    return {
      action: 'accept-origin',
      module,
      origin,
      checksums: new Map(checksums.map(readVersionChecksum)),
    };
  }
  if (version === undefined)
    throw new CommandLineError(`say what of ${module} to accept`, {
      hint: `${module}@VERSION --checksum SHA256, or ${module} --origin SOURCE`,
    });
  const [checksum, ...more] = checksums;
  if (checksum === undefined || more.length > 0)
    throw new CommandLineError('accepting a version takes one --checksum, typed out', {
      hint: `moonbit-registry conflicts accept ${module}@${version} --checksum SHA256`,
    });
  return { action: 'accept-version', module, version, checksum: readChecksum(checksum) };
}

function readVersionChecksum(text: string): readonly [Version, Checksum] {
  const equals = text.lastIndexOf('=');
  const version = text.slice(0, Math.max(equals, 0));
  if (!isVersion(version))
    throw new CommandLineError(`--checksum takes VERSION=SHA256 beside --origin, not "${text}"`);
  return [version, readChecksum(text.slice(equals + 1))];
}

function readChecksum(text: string): Checksum {
  const checksum = text.toLowerCase();
  if (isChecksum(checksum)) return checksum;
  throw new CommandLineError(`"${text}" is not a SHA-256: expected 64 hexadecimal digits`);
}

function rule(context: CommandContext, ruling: ConflictRuling): Promise<ExitCode> {
  return withRegistry(context, async (registry) => {
    const outcome = await registry.ruleOnConflict(ruling);
    context.output.result({ text: formatOutcome(outcome), json: outcome });
    if (ruling.action !== 'keep' && !registry.config.server.upstreamFallback)
      context.output.note(
        `Next: moonbit-registry mirror "${ruling.module}", as only cached versions are listed.`,
      );
    return exitCodes.done;
  });
}

function formatOutcome({ decisions, report }: ConflictOutcome): string {
  if (decisions.length === 0) return 'It is kept already.';
  const lines = decisions.map((decision) => `Recorded: ${describeDecision(decision)}.`);
  return [...lines, `Served index: ${summariseChanges(report)}.`].join('\n');
}

function formatConflicts(conflicts: readonly Conflict[], now: number): string {
  if (conflicts.length === 0) return 'No conflicts.';
  const open = conflicts.filter(isOpenConflict);
  const kept = conflicts.filter((conflict) => !isOpenConflict(conflict));
  const sections = [
    ...open.map((conflict) => formatConflict(conflict, now)),
    ...kept.map((conflict) => formatConflict(conflict, now)),
  ];
  const headline = [
    ...(open.length > 0 ? [`${count(open.length, 'conflict')} waiting for a decision`] : []),
    ...(kept.length > 0 ? [`${count(kept.length, 'conflict')} kept as decided`] : []),
  ];
  return [`${headline.join(', ')}.`, ...sections].join('\n\n');
}

function formatConflict(conflict: Conflict, now: number): string {
  const { kind, source, message, pin, pinned, offered, origin, changes = [], foundAt, kept, line } = conflict;
  const since = pin ? ` since ${pin.firstSeen} from "${pin.source}"` : '';
  const place = line === undefined ? '' : `, line ${line}`;
  const lines = [
    `${formatSubject(conflict)}: ${kind}`,
    `  ${message}`,
    ...(origin === undefined ? [] : [`  Origin:   ${origin}`]),
    ...(pinned === undefined ? [] : [`  Served:   ${pinned}${since}`]),
    ...(offered === undefined ? [] : [`  Offered:  ${offered} by "${source}"${place}`]),
    ...changes.map(
      ({ version, ...change }) => `  ${version}: ${change.pinned} -> ${change.offered} in "${source}"`,
    ),
    ...(foundAt === undefined ? [] : [`  Found:    ${foundAt} (${formatAge(foundAt, now)})`]),
    ...(kept ? [`  Kept:     ${kept.at} by ${kept.by}`] : []),
  ];
  return [...lines, ...adviceFor(conflict).map((command) => `  $ moonbit-registry ${command}`)].join('\n');
}

/** What could be run about a conflict. The new checksum is left for the operator to type. */
function adviceFor(conflict: Conflict): string[] {
  const { kind, source, changes = [], kept } = conflict;
  const [subject, module] = [formatSubject(conflict), conflict.module].map(quoteForShell);
  const keep = kept ? [] : [`conflicts keep ${subject}`];
  switch (kind) {
    case 'checksum-conflict':
      return [...keep, `conflicts accept ${subject} --checksum SHA256`];
    case 'origin-conflict': {
      const checksums = changes.map(({ version }) => ` --checksum ${version}=SHA256`).join('');
      return [...keep, `conflicts accept ${module} --origin ${source}${checksums}`];
    }
    case 'undecided':
      return [
        `source check ${source}`,
        `source disable ${source}`,
        `config sources.${source}.include "OWNER/*"`,
      ];
    case 'dropped-line':
    case 'refused-name':
      return [];
  }
}

// Names come from upstream, and these lines are made to be pasted.
function quoteForShell(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
