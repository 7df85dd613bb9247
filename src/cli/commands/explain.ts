import type { Command } from 'commander';
import type { Explanation } from '../../registry/reports.ts';
import { parseModuleVersion } from '../arguments.ts';
import { formatBlock } from '../block-text.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatFindings } from '../findings.ts';
import { formatTable } from '../format.ts';
import { formatHeldBack, toCommandLine } from '../held-back.ts';
import { quoteForShell } from '../shell.ts';

type SourceView = Explanation['sources'][number];

export function defineExplain(parent: Command, run: Run): void {
  const command = parent
    .command('explain')
    .summary('why a module is served from where it is, or not at all')
    .description(
      'Shows the decision about one module: every source, what it has, which rule decided, pin and cache.',
    )
    .argument('<module[@version]>', 'OWNER/NAME, or one version of it');
  addExamples(command, [
    ['moonbit-registry explain moonbitlang/x', 'Where it comes from, and what the other sources have.'],
    [
      'moonbit-registry explain company/tool@1.2.0',
      'The same for one version: its checksum, pinned and offered.',
    ],
  ]);
  command.action((text: string) =>
    run((context) => {
      const { module, version } = parseModuleVersion(text);
      return withRegistry(context, async (registry) => {
        const explanation = await registry.explain(module, version);
        context.output.result({ text: formatExplanation(explanation), json: explanation });
        return exitCodes.done;
      });
    }),
  );
}

export function formatExplanation(explanation: Explanation): string {
  const { pin, isCached } = explanation;
  const lines = [
    formatVerdict(explanation),
    `  Rule: ${explanation.rule}`,
    `  ${explanation.because}`,
    '',
    formatSources(explanation.sources),
    '',
  ];
  lines.push(...explanation.blocks.map(formatBlock));
  if (explanation.versions.length > 0) lines.push(`Served versions: ${explanation.versions.join(', ')}`);
  if (pin) lines.push(`Pinned: ${pin.checksum} since ${pin.firstSeen} from "${pin.source}"`);
  if (isCached !== undefined) lines.push(`Archive: ${isCached ? 'cached' : 'not cached'}`);
  lines.push(...formatFindings(explanation.findings), ...formatWaiting(explanation));
  return lines.join('\n').trimEnd();
}

/** What it waits for, and how to decide about it all the same. */
function formatWaiting({ module, heldBack, sources }: Explanation): string[] {
  if (!heldBack) return [];
  const supplier = sources.find(({ listing }) => listing === 'listed')?.source;
  const accept = `conflicts accept ${quoteForShell(module)} --origin ${supplier}`;
  const isDecidable = heldBack.kind === 'new' && heldBack.waitsFor.length > 0 && supplier !== undefined;
  return [
    ...formatHeldBack([heldBack]),
    ...(isDecidable ? [toCommandLine([accept, `or: take it from "${supplier}" now`])] : []),
  ];
}

function formatVerdict({ module, version, origin, isServed, sources, blocks }: Explanation): string {
  const name = version === undefined ? module : `${module}@${version}`;
  const whole = blocks.find((block) => version !== undefined || block.version === undefined);
  if (whole) return `${name} is blocked: ${whole.reason}`;
  if (isServed) return `${name} is served${origin === undefined ? '' : ` from "${origin}"`}.`;
  if (origin === undefined) return `${name} is not served.`;
  const supplier = sources.find(({ source }) => source === origin);
  const lacksIt = version !== undefined && !supplier?.versions.includes(version);
  const reason = lacksIt
    ? `${module} comes from "${origin}", which does not have that version`
    : `origin: "${origin}"`;
  return `${name} is not served (${reason}).`;
}

function formatSources(sources: readonly SourceView[]): string {
  if (sources.length === 0) return '  No source is configured.';
  const hasChecksum = sources.some((source) => source.checksum !== undefined);
  const header = ['SOURCE', 'PRIORITY', 'ANSWER', ...(hasChecksum ? ['CHECKSUM'] : [])];
  const rows = sources.map((source) => [
    source.source,
    String(source.priority),
    describeListing(source),
    source.checksum?.slice(0, 16) ?? '',
  ]);
  return formatTable(header, rows, [1]);
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
  const versions = source.versions.length === 0 ? '' : `: ${abbreviate(source.versions)}`;
  return `${answers[source.listing]}${versions}${source.isStale ? ' (stale)' : ''}`;
}

function abbreviate(versions: readonly string[]): string {
  if (versions.length <= 4) return versions.join(', ');
  return `${versions.length} versions, ${versions[0]} to ${versions.at(-1)}`;
}
