import type { Command } from 'commander';
import type { StagedDesk } from '../../author/staged-client.ts';
import { addExamples, type CommandContext, type Run } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findApproved, findStagedId, parseStagedName, type StagedName } from '../find-staged.ts';
import { readReason } from '../reason.ts';
import { saveArchives } from '../save-archives.ts';
import { type DeskFlags, withStagedDesk } from '../staged-desk.ts';
import { formatContents, formatStagedList, namesOf } from '../staged-text.ts';

export function defineStaged(parent: Command, run: Run): void {
  const staged = parent
    .command('staged')
    .summary('what waits for approval before it is published')
    .description(
      'Versions that were sent by "publish --stage", or whose names hosting.require_approval names, wait until somebody approves them. ' +
        'Works in the directory of the registry, or with --registry by a token that may "admin" the modules.',
    );
  defineStagedList(staged, run);
  defineShow(staged, run);
  defineApprove(staged, run);
  defineReject(staged, run);
}

function addPlace(command: Command): Command {
  return command
    .option('--registry <url>', 'a registry elsewhere, which is asked over the wire')
    .option('--token-env <name>', 'with --registry: the environment variable that holds the token');
}

const whichArgument = '<id|module@version>';

function defineStagedList(staged: Command, run: Run): void {
  const command = addPlace(
    staged
      .command('list')
      .summary('list what waits for approval')
      .description('Lists what waits: who sent it, when, and its id, which says which bytes it is about.')
      .option('--all', 'also what was approved, rejected, replaced or dropped of late'),
  );
  addExamples(command, [
    ['moonbit-registry staged list', 'In the directory of the registry.'],
    [
      'moonbit-registry staged list --registry https://moon.company.com',
      'By the token in $MOONBIT_REGISTRY_TOKEN.',
    ],
  ]);
  command.action((flags: DeskFlags & { readonly all?: true }) =>
    run((context) =>
      withStagedDesk(context, flags, async (desk) => {
        const every = await desk.list();
        const shown = flags.all ? every : every.filter(({ decision }) => !decision);
        const hidden = every.length - shown.length;
        const { registry } = flags;
        const text = formatStagedList(shown, { hidden, registry, now: context.io.now() });
        context.output.result({ text, json: shown });
        return exitCodes.done;
      }),
    ),
  );
}

function defineShow(staged: Command, run: Run): void {
  const command = addPlace(
    staged
      .command('show')
      .summary('show what is in an archive that waits, and what is new in it')
      .description(
        'Shows who sent it, its manifest, its files, what is different from the version before, and what the checks say.',
      )
      .argument(whichArgument, 'what waits')
      .option('--save <folder>', 'write its archives there, to be unpacked and read'),
  );
  addExamples(command, [
    ['moonbit-registry staged show company/core@1.2.0', 'What would be published as 1.2.0.'],
    ['moonbit-registry staged show company/core@1.2.0 --save .', 'The same, and its archive to look into.'],
  ]);
  command.action((which: string, flags: DeskFlags & { readonly save?: string }) =>
    run((context) => {
      const name = parseStagedName(which);
      return withStagedDesk(context, flags, async (desk) => {
        const facts = await desk.show(await idOf(desk, name));
        const saved = flags.save === undefined ? [] : await saveArchives(context, desk, facts, flags.save);
        const text = formatContents(facts, context.io.now(), flags.registry);
        context.output.result({ text, json: { ...facts, ...(saved.length > 0 && { saved }) } });
        return exitCodes.done;
      });
    }),
  );
}

function defineApprove(staged: Command, run: Run): void {
  const command = addPlace(
    staged
      .command('approve')
      .summary('publish what waits, exactly as it was shown')
      .description(
        'Publishes what waits under an id, with all checks anew: these bytes and no others, and all that was sent together or none. ' +
          'Over the wire, nobody approves what was sent with a token of the same owner.',
      )
      .argument(whichArgument, 'what waits; a version needs --checksum')
      .option('--checksum <sha256>', 'the bytes that were looked at, as "staged show" says'),
  );
  addExamples(command, [
    [`moonbit-registry staged approve ${'3f'.repeat(32)}`, 'Publish what "staged show" has shown.'],
  ]);
  command.action((which: string, flags: DeskFlags & { readonly checksum?: string }) =>
    run((context) => {
      const name = parseStagedName(which);
      return withStagedDesk(context, flags, async (desk) => {
        const every = await desk.list();
        const id = findApproved(every, name, flags.checksum);
        await desk.approve(id);
        return tell(context, every, id, 'published');
      });
    }),
  );
}

function defineReject(staged: Command, run: Run): void {
  const command = addPlace(
    staged
      .command('reject')
      .summary('drop what waits, and say why')
      .description(
        'Drops what waits, all that was sent together. Whoever sent it reads the reason, and may take it back in the same way.',
      )
      .argument(whichArgument, 'what waits')
      .option('--reason <text>', 'why; whoever sent it reads this'),
  );
  addExamples(command, [
    ['moonbit-registry staged reject company/core@1.2.0 --reason "has no tests"', 'Do not publish it.'],
  ]);
  command.action((which: string, flags: DeskFlags & { readonly reason?: string }) =>
    run((context) => {
      const name = parseStagedName(which);
      const reason = readReason(flags.reason, ['staged reject', which]);
      return withStagedDesk(context, flags, async (desk) => {
        const every = await desk.list();
        const id = name.kind === 'id' ? name.id : findStagedId(every, name);
        await desk.reject(id, reason);
        return tell(context, every, id, 'rejected');
      });
    }),
  );
}

async function idOf(desk: StagedDesk, name: StagedName): Promise<string> {
  return name.kind === 'id' ? name.id : findStagedId(await desk.list(), name);
}

function tell(
  { output }: CommandContext,
  every: Awaited<ReturnType<StagedDesk['list']>>,
  id: string,
  outcome: 'published' | 'rejected',
) {
  const subject = every.find((one) => one.id === id);
  const text = `${outcome === 'published' ? 'Published' : 'Rejected'}: ${subject ? namesOf(subject) : id}.`;
  output.result({ text, json: { id, outcome, versions: subject?.versions ?? [] } });
  return exitCodes.done;
}
