import type { Command } from 'commander';
import { type Checksum, isChecksum } from '../../model/checksum.ts';
import { isOpenConflict } from '../../model/finding.ts';
import { describeDecision } from '../../model/operator-decision.ts';
import { patternProblem } from '../../model/pattern.ts';
import { isVersion, type Version } from '../../model/version.ts';
import type { Conflict, ConflictOutcome, ConflictRuling } from '../../registry/sync/conflict.ts';
import { shellLine } from '../../support/shell.ts';
import { parseModuleVersion } from '../arguments.ts';
import { summariseChanges } from '../changes.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatSubject } from '../findings.ts';
import { count, formatAge, formatList } from '../format.ts';
import { summariseHeldBack } from '../held-back.ts';
import { formatLosses } from '../plan-text.ts';
import { purgeAddresses } from '../purge-addresses.ts';

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
        const [conflicts, heldBack] = await Promise.all([registry.conflicts(), registry.heldBack()]);
        const text = [formatConflicts(conflicts, context.io.now()), ...summariseHeldBack(heldBack)];
        context.output.result({ text: text.join('\n'), json: conflicts });
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

interface AcceptFlags {
  readonly checksum?: readonly string[];
  readonly requirements?: readonly string[];
  readonly origin?: string;
}

function defineAccept(parent: Command, run: Run): void {
  const command = parent
    .command('accept')
    .description(
      'Replaces the pin of a version, moves modules to another source, or lists a name that looks like another one. A new ' +
        'checksum must be typed out: get it from the author, not from here.',
    )
    .argument(
      '<module[@version]>',
      'the version, or the module; with --origin, also a pattern such as "owner/*"',
    )
    .option('--checksum <sha256...>', 'the new checksum; with --origin VERSION=SHA256, for each that changes')
    .option('--requirements <digest...>', 'the digest of what it requires now; with --origin VERSION=DIGEST')
    .option('--origin <source>', 'the source that shall supply the module');
  addExamples(command, [
    [
      'moonbit-registry conflicts accept maria/parser@0.1.0 --checksum SHA256',
      'Serve the bytes that upstream offers now.',
    ],
    [
      'moonbit-registry conflicts accept maria/parser@0.1.0 --requirements DIGEST',
      'The same bytes, with the requirements that upstream states now.',
    ],
    [
      'moonbit-registry conflicts accept company/tool --origin partner --checksum 1.0.0=SHA256',
      'Move a module although its version 1.0.0 changes.',
    ],
    [
      'moonbit-registry conflicts accept "company/*" --origin internal',
      'Move all that wait and of which no served version changes.',
    ],
    ['moonbit-registry conflicts accept Company/Tool', 'List a name although it looks like another one.'],
  ]);
  command.action((text: string, flags: AcceptFlags) =>
    run((context) => rule(context, readRuling(text, flags))),
  );
}

function readRuling(text: string, flags: AcceptFlags): ConflictRuling {
  const { checksum: checksums = [], requirements = [], origin } = flags;
  if (text.includes('*')) return readManyRuling(text, flags);
  const { module, version } = parseModuleVersion(text);
  if (origin !== undefined) {
    if (version !== undefined)
      throw new CommandLineError('a module moves as a whole: leave out the version', {
        hint: shellLine`moonbit-registry conflicts accept ${module} --origin ${origin}`,
      });
    return {
      action: 'accept-origin',
      module,
      origin,
      checksums: new Map(checksums.map((typed) => readVersioned(typed, '--checksum', readChecksum))),
      requirements: new Map(requirements.map((typed) => readVersioned(typed, '--requirements', readDigest))),
    };
  }
  if (version === undefined) {
    if (checksums.length + requirements.length === 0) return { action: 'accept-name', module };
    throw new CommandLineError(`say which version of ${module} to accept`, {
      hint: `${shellLine`${module}@VERSION --checksum SHA256`}, or ${shellLine`${module} --origin SOURCE`}`,
    });
  }
  const [checksum, digest, ...more] = [...checksums, ...requirements];
  if (checksum === undefined || digest !== undefined || more.length > 0)
    throw new CommandLineError('accepting a version takes one --checksum or one --requirements, typed out', {
      hint: shellLine`moonbit-registry conflicts accept ${module}@${version} --checksum SHA256`,
    });
  return checksums.length > 0
    ? { action: 'accept-version', module, version, checksum: readChecksum(checksum) }
    : { action: 'accept-requirements', module, version, requirements: readDigest(checksum) };
}

function readManyRuling(
  pattern: string,
  { checksum = [], requirements = [], origin }: AcceptFlags,
): ConflictRuling {
  if (origin === undefined || checksum.length + requirements.length > 0)
    throw new CommandLineError('a pattern moves modules of which nothing changes: it takes --origin alone', {
      hint: shellLine`moonbit-registry conflicts accept "${pattern}" --origin SOURCE`,
    });
  const problem = patternProblem(pattern);
  if (problem !== undefined) throw new CommandLineError(`"${pattern}" is no pattern: ${problem}`);
  return { action: 'accept-origins', pattern, origin };
}

function readVersioned<T>(text: string, flag: string, read: (value: string) => T): readonly [Version, T] {
  const equals = text.lastIndexOf('=');
  const version = text.slice(0, Math.max(equals, 0));
  if (!isVersion(version))
    throw new CommandLineError(
      `${flag} takes VERSION=${flag === '--checksum' ? 'SHA256' : 'DIGEST'} beside --origin, not "${text}"`,
    );
  return [version, read(text.slice(equals + 1))];
}

function readDigest(text: string): string {
  if (text === 'none' || isChecksum(text)) return text;
  throw new CommandLineError(`"${text}" is no digest: expected 64 hexadecimal digits, or none`);
}

function readChecksum(text: string): Checksum {
  const checksum = text.toLowerCase();
  if (isChecksum(checksum)) return checksum;
  throw new CommandLineError(`"${text}" is not a SHA-256: expected 64 hexadecimal digits`);
}

function rule(context: CommandContext, ruling: ConflictRuling): Promise<ExitCode> {
  return withRegistry(context, async (registry) => {
    const outcome = await registry.ruleOnConflict(ruling);
    const replaced = outcome.decisions.filter((decision) => decision.action === 'accept-version');
    const purge = purgeAddresses(replaced, registry.config);
    context.output.result({ text: formatOutcome(outcome, purge), json: { ...outcome, purge } });
    if (ruling.action !== 'keep' && !registry.config.server.upstreamFallback) {
      const subject = 'module' in ruling ? ruling.module : ruling.pattern;
      const next = shellLine`moonbit-registry mirror "${subject}"`;
      context.output.note(`Next: ${next}, as only cached versions are listed.`);
    }
    return outcome.skipped.length > 0 ? exitCodes.doneWithFindings : exitCodes.done;
  });
}

function formatOutcome({ decisions, skipped, report }: ConflictOutcome, purge: readonly string[]): string {
  const left = skipped.map(({ module, reason }) => `Left as it is: ${module}: ${reason}`);
  if (decisions.length === 0) return left.length > 0 ? left.join('\n') : 'It is kept already.';
  const lines = formatList(
    decisions.map((decision) => `Recorded: ${describeDecision(decision)}.`),
    50,
  );
  const caches =
    'Caches in front of the registry give out the old bytes for up to 5 minutes more; purge there:';
  return [
    ...lines,
    ...formatLosses(report),
    ...left,
    `Served index: ${summariseChanges(report)}.`,
    ...(purge.length > 0 ? [caches, ...purge.map((address) => `  ${address}`)] : []),
  ].join('\n');
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
  const { kind, message, origin, foundAt, kept } = conflict;
  const lines = [
    `${formatSubject(conflict)}: ${kind}`,
    `  ${message}`,
    ...(origin === undefined ? [] : [`  Origin:   ${origin}`]),
    ...formatSides(conflict),
    ...(foundAt === undefined ? [] : [`  Found:    ${foundAt} (${formatAge(foundAt, now)})`]),
    ...(kept ? [`  Kept:     ${kept.at} by ${kept.by}`] : []),
  ];
  return [...lines, ...adviceFor(conflict).map((command) => `  $ moonbit-registry ${command}`)].join('\n');
}

/** What is served, and what is offered instead. */
function formatSides(conflict: Conflict): string[] {
  const { source, pin } = conflict;
  switch (conflict.kind) {
    case 'checksum-conflict':
    case 'requirements-conflict': {
      const { pinned, offered, line, requirements } = conflict;
      const since = pin ? ` since ${pin.firstSeen} from "${pin.source}"` : '';
      return [
        `  Served:   ${pinned}${since}`,
        `  Offered:  ${offered} by "${source}", line ${line}`,
        ...(requirements ? [`  Requires: ${requirements.pinned} -> ${requirements.offered}`] : []),
      ];
    }
    case 'origin-conflict': {
      const { modules = [], count: number, changes = [] } = conflict;
      const more = number === modules.length ? '' : ', …';
      return [
        ...(modules.length > 0 ? [`  Modules:  ${modules.join(', ')}${more}`] : []),
        ...changes.map(({ version, pinned, offered, requirements }) =>
          pinned === offered
            ? `  ${version}: requirements ${requirements?.pinned} -> ${requirements?.offered} in "${source}"`
            : `  ${version}: ${pinned} -> ${offered} in "${source}"`,
        ),
      ];
    }
    case 'look-alike':
      return [];
  }
}

/** What could be run about a conflict. The new checksum is left for the operator to type. */
function adviceFor(conflict: Conflict): string[] {
  const { source, kept } = conflict;
  const [subject, module] = [formatSubject(conflict), conflict.module];
  const keep = kept ? [] : [shellLine`conflicts keep ${subject}`];
  switch (conflict.kind) {
    case 'checksum-conflict':
      return [...keep, shellLine`conflicts accept ${subject} --checksum SHA256`];
    case 'requirements-conflict':
      return [...keep, shellLine`conflicts accept ${subject} --requirements DIGEST`];
    case 'origin-conflict': {
      const { changes = [], count: modules = 1 } = conflict;
      const typed = changes.flatMap(({ version, pinned, offered }) =>
        pinned === offered ? ['--requirements', `${version}=DIGEST`] : ['--checksum', `${version}=SHA256`],
      );
      const one = shellLine`conflicts accept ${module} --origin ${source} ${typed}`;
      return modules > 1
        ? [...keep, one, shellLine`conflicts accept "*" --origin ${source}`]
        : [...keep, one];
    }
    case 'look-alike':
      return [shellLine`conflicts accept ${module}`];
  }
}
