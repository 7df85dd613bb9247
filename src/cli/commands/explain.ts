import type { Command } from 'commander';
import { versionOf } from '../../model/finding.ts';
import { hosted } from '../../model/hosted.ts';
import type { When } from '../../model/when.ts';
import type { Operating } from '../../registry/registry.ts';
import type { Explanation } from '../../registry/sync/explain.ts';
import { shellLine } from '../../support/shell.ts';
import { type ModuleVersion, parseModuleVersion } from '../arguments.ts';
import { formatBlock } from '../block-text.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatFindings } from '../findings.ts';
import { nameVersions } from '../format.ts';
import { formatHeldBack, toCommandLine } from '../held-back.ts';
import { formatMoment, formatToday, parseMoment, requireState } from '../past-text.ts';
import { formatTable } from '../table.ts';

type SourceView = Explanation['sources'][number];

export function defineExplain(parent: Command, run: Run): void {
  const command = parent
    .command('explain')
    .summary('why a module is served from where it is, or not at all')
    .description(
      'Shows the decision about one module: every source, what it has, which rule decided, pin and cache.',
    )
    .argument('<module[@version]>', 'OWNER/NAME, or one version of it')
    .option(
      '--at <when>',
      'as it was served at a moment: 2026-11-27 (UTC; the end of that day), 2026-11-27T10:00:00Z, or the id of a state',
    );
  addExamples(command, [
    ['moonbit-registry explain moonbitlang/x', 'Where it comes from, and what the other sources have.'],
    [
      'moonbit-registry explain company/tool@1.2.0',
      'The same for one version: its checksum, pinned and offered.',
    ],
    [
      'moonbit-registry explain company/tool@1.2.0 --at 2026-11-27',
      'What was served of it that day, from where, and whether that is so today.',
    ],
  ]);
  command.action((text: string, { at }: { readonly at?: string }) =>
    run((context) => {
      const { module, version } = parseModuleVersion(text);
      const when = at === undefined ? undefined : parseMoment(at);
      return withRegistry(context, async (registry) => {
        if (when) return tellPast(context, registry, { module, version }, when);
        const explanation = await registry.explain(module, version);
        const text = formatExplanation(explanation, context.output.width);
        if (isThere(explanation)) {
          context.output.result({ text, json: explanation });
          return exitCodes.done;
        }
        const nearest = await suggestFor(registry, explanation);
        context.output.result({
          text: [text, '', adviceFor(nearest, explanation)].join('\n'),
          json: { ...explanation, nearest },
        });
        return exitCodes.failed;
      });
    }),
  );
}

async function tellPast(
  { output }: CommandContext,
  registry: Operating,
  { module, version }: ModuleVersion,
  when: When,
): Promise<ExitCode> {
  const state = await requireState(registry, when);
  const past = await registry.explainPast(module, version, state);
  const text = [formatMoment(when, past), formatExplanation(past, output.width), '', formatToday(past)].join(
    '\n',
  );
  output.result({ text, json: past });
  return isThere(past) ? exitCodes.done : exitCodes.failed;
}

/** Whether there is anything to explain: something that was served, is listed by a source, or was refused, by us or the operator. */
function isThere({ version, isServed, rule, pin, blocks, sources, findings }: Explanation): boolean {
  if (isServed || pin !== undefined || blocks.length > 0) return true;
  if (version !== undefined)
    return (
      sources.some(({ versions }) => versions.includes(version)) ||
      findings.some((one) => versionOf(one) === version)
    );
  const isRecorded = rule === 'recorded' || rule === 'held' || rule === 'moved';
  return (
    isRecorded ||
    findings.length > 0 ||
    sources.some((one) => one.listing === 'listed' || one.versions.length > 0)
  );
}

/** Another name where nobody knows this one; of a module that is there, its latest version. */
async function suggestFor(registry: Operating, explanation: Explanation): Promise<string | undefined> {
  const { module, version, versions } = explanation;
  const latest = version === undefined ? undefined : versions.at(-1);
  return latest === undefined ? registry.suggestModule(module) : `${module}@${latest}`;
}

function adviceFor(nearest: string | undefined, { sources, version, versions }: Explanation): string {
  if (nearest !== undefined && version !== undefined && versions.length > 0)
    return `There is no such version; the latest is ${nearest}.`;
  if (nearest !== undefined)
    return `Did you mean ${nearest}? (${shellLine`moonbit-registry explain ${nearest}`})`;
  const unread = sources.filter(({ listing }) => listing === 'never-read').map(({ source }) => source);
  return unread.length > 0
    ? `Nobody can tell before ${unread.join(' and ')} ${unread.length === 1 ? 'has' : 'have'} been read: moonbit-registry sync`
    : 'What is served: moonbit-registry list';
}

export function formatExplanation(explanation: Explanation, width?: number): string {
  const { pin, published, adopted, yanked, isCached, decidedBy } = explanation;
  const lines = [
    formatVerdict(explanation),
    `  ${explanation.because}`,
    `  Rule: ${explanation.rule}`,
    ...(decidedBy === undefined ? [] : [`  Decided by: ${decidedBy}`]),
    '',
    ...explanation.blocks.map(formatBlock),
    ...(explanation.blocks.length > 0 ? [''] : []),
    formatSources(explanation.sources, width),
    '',
  ];
  if (explanation.versions.length > 0) lines.push(`Served versions: ${explanation.versions.join(', ')}`);
  if (pin) lines.push(`Pinned: ${pin.checksum} since ${pin.firstSeen} from "${pin.source}"`);
  if (published) lines.push(...formatPublished(published));
  if (adopted) lines.push(`Adopted: from "${adopted.from}" (by ${adopted.by}, ${adopted.at})`);
  if (yanked) {
    const at = yanked.at === undefined ? '' : `, ${yanked.at}`;
    lines.push(`Yanked: ${yanked.reason ?? ''} (by ${yanked.by}${at})`);
  }
  if (isCached !== undefined) lines.push(`Archive: ${isCached ? 'cached' : 'not cached'}`);
  lines.push(...formatFindings(explanation.findings, 'all'), ...formatWaiting(explanation));
  return lines.join('\n').trimEnd();
}

/** A machine's name says which run it was; its claims say it in full. */
function formatPublished(published: NonNullable<Explanation['published']>): string[] {
  const { owner, token, at, oidc } = published;
  if (!oidc) return [`Published: by ${owner} with the token "${token}", ${at}`, ...formatApproval(published)];
  const claims = Object.entries(oidc.claims).map(([claim, value]) => `    ${claim}: ${value}`);
  return [
    `Published: by ${token}, ${at}`,
    `  Let in by "${oidc.entry}", as ${oidc.issuer} says:`,
    ...claims,
    ...formatApproval(published),
  ];
}

function formatApproval({ staged }: NonNullable<Explanation['published']>): string[] {
  if (!staged) return [];
  const way =
    staged.approvedWith === undefined
      ? 'in the directory of the registry'
      : `with the token "${staged.approvedWith}"`;
  return [`  Sent ${staged.at}, and approved by ${staged.approvedBy} ${way}`];
}

/** What it waits for, and how to decide about it all the same. */
function formatWaiting({ module, heldBack, sources }: Explanation): string[] {
  if (!heldBack) return [];
  const supplier = sources.find(({ listing }) => listing === 'listed')?.source;
  const shown = formatHeldBack([heldBack]);
  if (heldBack.kind !== 'new' || heldBack.waitsFor.length === 0 || supplier === undefined) return shown;
  const accept = shellLine`conflicts accept ${module} --origin ${supplier}`;
  return [...shown, toCommandLine([accept, `or: take it from "${supplier}" now`])];
}

function formatVerdict({ module, version, origin, isServed, sources, blocks }: Explanation): string {
  const name = version === undefined ? module : `${module}@${version}`;
  const whole = blocks.find((block) => version !== undefined || block.version === undefined);
  if (whole) return `${name} ${whole.isWithdrawn ? 'was withdrawn' : 'is blocked'}: ${whole.reason}`;
  if (isServed) return `${name} is served${origin === undefined ? '' : ` from "${origin}"`}.`;
  if (origin === undefined) return `${name} is not served.`;
  const supplier = sources.find(({ source }) => source === origin);
  const lacksIt = version !== undefined && !supplier?.versions.includes(version);
  const reason = lacksIt
    ? `${module} comes from "${origin}", which does not have that version`
    : `origin: "${origin}"`;
  return `${name} is not served (${reason}).`;
}

function formatSources(sources: readonly SourceView[], width: number | undefined): string {
  if (sources.length === 0) return '  No source is configured.';
  const hasChecksum = sources.some((source) => source.checksum !== undefined);
  const header = ['SOURCE', 'PRIORITY', 'ANSWER', ...(hasChecksum ? ['CHECKSUM'] : [])];
  const rows = sources.map((source) => [
    source.source,
    source.source === hosted ? '' : String(source.priority),
    describeListing(source),
    source.checksum?.slice(0, 16) ?? '',
  ]);
  return formatTable(header, rows, [1], width);
}

const answers: Readonly<Record<SourceView['listing'], string>> = {
  listed: 'lists it',
  absent: 'does not have it',
  excluded: 'may not supply it (include/exclude)',
  'claimed-elsewhere': 'may not supply it (another source claims the name)',
  disabled: 'disabled, not asked',
  'never-read': 'never read: unknown',
  removed: 'no longer configured',
};

function describeListing(source: SourceView): string {
  const versions = source.versions.length === 0 ? '' : `: ${nameVersions(source.versions, 4)}`;
  return `${answers[source.listing]}${versions}${source.isStale ? ' (stale)' : ''}`;
}
