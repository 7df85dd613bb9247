import type { Command } from 'commander';
import { restoreHint } from '../../index/restore-hint.ts';
import type { VerifyProgress } from '../../registry/upkeep/verify-options.ts';
import type { VerifyFinding, VerifyReport, VerifyStep } from '../../registry/upkeep/verify-report.ts';
import { actorOf, addExamples, type CommandContext, interruptible, type Run } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { requireRegistry } from '../folder.ts';
import { count, formatList, groupDigits } from '../format.ts';
import { createCommandLog } from '../log.ts';
import { createPace } from '../progress.ts';

export function defineVerify(parent: Command, run: Run): void {
  const command = parent
    .command('verify')
    .summary('check index, ledger and archives against each other')
    .description(
      'Checks the git repository, that every served version is pinned, and that the archives are what their names ' +
        'say. Asks no source, except with --repair. Exit status 3 if something is wrong.',
    )
    .option('--deep', 'read every byte of every archive and every git object')
    .option('--repair', 'fetch damaged and missing archives again, by their pinned checksums only');
  addExamples(command, [
    ['moonbit-registry verify', 'Check that all that should be there is there.'],
    ['moonbit-registry verify --deep --repair', 'Read everything, and put right what can be fetched again.'],
    ['moonbit-registry verify --deep --json', 'Everything that was found, as data.'],
  ]);
  command.action((flags: { deep?: true; repair?: true }) =>
    run((context) =>
      interruptible(context.io, async (signal) => {
        requireRegistry(context.folder);
        const { verifyRegistry } = await import('../../registry/verify.ts');
        const report = await verifyRegistry(
          {
            directory: context.directory,
            env: context.io.env,
            actor: actorOf(context),
            // The report says what was found: the log would say it twice.
            ...(context.settings.verbose ? { log: createCommandLog(context) } : {}),
          },
          { deep: flags.deep, repair: flags.repair, signal, onProgress: createStepLine(context) },
        );
        context.output.result({ text: formatVerify(report), json: report });
        return report.isSound ? exitCodes.done : exitCodes.doneWithFindings;
      }),
    ),
  );
}

const titles: Readonly<Record<VerifyStep['step'], string>> = {
  repository: 'git repository',
  state: 'state',
  ledger: 'ledger',
  index: 'served index',
  archives: 'archives',
  'temporary-files': 'temporary files',
};

const units: Readonly<Record<VerifyStep['step'], readonly [one: string, many: string]>> = {
  repository: ['object', 'objects'],
  state: ['fact', 'facts'],
  ledger: ['module', 'modules'],
  index: ['version', 'versions'],
  archives: ['archive', 'archives'],
  'temporary-files': ['file', 'files'],
};

function formatVerify({ steps, deep, isSound }: VerifyReport): string {
  const lines = steps.flatMap(formatStep);
  const verdict = isSound ? 'Sound.' : 'Not sound.';
  const hint = deep ? [] : ['Archives were looked at, not read: --deep reads every byte.'];
  return [...lines, verdict, ...describeRemedy(steps), ...hint].join('\n');
}

const stepsOfIndex: readonly string[] = ['repository', 'state', 'ledger', 'index'];

/** What is left to do where the index itself is damaged; of archives, each finding says it. */
function describeRemedy(steps: readonly VerifyStep[]): string[] {
  const left = steps
    .filter(({ step }) => stepsOfIndex.includes(step))
    .flatMap(({ findings }) => findings)
    .filter(
      ({ severity, isRepaired, detail }) =>
        severity === 'problem' && !isRepaired && !detail.includes('--repair'),
    );
  return left.length === 0 ? [] : [`To put the index right, ${restoreHint}.`];
}

function formatStep({ step, outcome, checked, findings }: VerifyStep): string[] {
  const amount = outcome === 'skipped' ? 'skipped' : `${count(checked, ...units[step])} checked`;
  const problems = findings.filter(({ severity }) => severity === 'problem');
  const result = problems.length === 0 ? '' : `, ${count(problems.length, 'problem')}`;
  return [`${titles[step]}: ${amount}${result}`, ...formatList(findings.map(formatFinding), 50)];
}

function formatFinding({ severity, subject, detail, isRepaired }: VerifyFinding): string {
  const label = severity === 'note' ? 'note: ' : isRepaired ? 'repaired: ' : '';
  return `${label}${subject} ${detail}`;
}

function createStepLine({ io, output }: CommandContext): (progress: VerifyProgress) => void {
  const isTime = createPace(io.now);
  let told: VerifyStep['step'] | undefined;
  return ({ step, done, total }) => {
    if (step !== told && !output.hasStatusLine) output.note(`Checking the ${titles[step]}…`);
    told = step;
    if (!isTime(step)) return;
    const amount = total > 0 ? ` ${groupDigits(done)}/${groupDigits(total)}` : '…';
    output.statusLine(`Checking the ${titles[step]}${amount}`);
  };
}
