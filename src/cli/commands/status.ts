import type { Command } from 'commander';
import { isOpenConflict } from '../../model/finding.ts';
import type { StatusReport } from '../../registry/upkeep/status.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatFindings } from '../findings.ts';
import { count, formatAge, formatBytes, groupDigits } from '../format.ts';
import { formatHeldBack, waitsForSources } from '../held-back.ts';
import { formatTable } from '../table.ts';
import { describeView } from '../view-text.ts';

type SourceStatus = StatusReport['sources'][number];

export function defineStatus(parent: Command, run: Run): void {
  const command = parent
    .command('status')
    .summary('sources, their age, counts, conflicts and disk use')
    .description('Shows what is served, from where, how old it is, and what waits for you. Asks no source.');
  addExamples(command, [
    ['moonbit-registry status', 'Look at the registry in the working directory.'],
    ['moonbit-registry status --json -d /srv/registry', 'The same as data, e.g. for monitoring.'],
  ]);
  command.action(() =>
    run((context) =>
      withRegistry(context, async (registry) => {
        const report = await registry.status();
        context.output.result({
          text: formatStatus(report, context.io.now(), context.output.width),
          json: report,
        });
        const needsCare =
          report.findings.some(isOpenConflict) ||
          report.sources.some(isFailing) ||
          waitsForSources(report.heldBack);
        return needsCare ? exitCodes.doneWithFindings : exitCodes.done;
      }),
    ),
  );
}

export function formatStatus(report: StatusReport, now: number, width?: number): string {
  const { archives, indexBytes } = report;
  const rows = report.sources.map((source) => [
    `${source.name}${source.isDefault ? ' (default)' : ''}`,
    String(source.priority),
    groupDigits(source.listed),
    groupDigits(source.served),
    describeState(source, now),
  ]);
  const failing = report.sources.filter(isFailing);
  return [
    `Registry "${report.name}" in ${report.directory}`,
    `  Health:    ${describeHealth(report)}`,
    `  Serving:   ${count(report.modules, 'module')} at ${report.commit.slice(0, 12)}`,
    `  Archives:  ${groupDigits(archives.count)}, ${formatBytes(archives.bytes)}`,
    `  Index:     ${formatBytes(indexBytes)}`,
    `  Fallback:  ${report.upstreamFallback ? 'on (archives are fetched on demand)' : 'off (only cached archives are listed)'}`,
    ...describeHosting(report.hosting, now),
    ...report.views.map((view) => `  ${describeView(view)}`),
    ...describeCaching(report.caching),
    ...(report.blocks.length > 0
      ? [`  Blocked:   ${groupDigits(report.blocks.length)} (moonbit-registry block --list)`]
      : []),
    ...(rows.length === 0
      ? []
      : ['', formatTable(['SOURCE', 'PRIORITY', 'LISTED', 'SERVED', 'STATE'], rows, [1, 2, 3], width)]),
    ...failing.map(
      ({ name, failure, failingSince }) =>
        `  ${name}: ${failure ?? 'its index is stale'}${failingSince === undefined ? '' : ` (since ${failingSince})`}`,
    ),
    ...report.sources.flatMap(describeMissingCredentials),
    ...separate(formatFindings(report.findings, 'all')),
    ...separate(formatHeldBack(report.heldBack)),
  ].join('\n');
}

function describeHealth({ health, sources }: StatusReport): string {
  const names = sources.filter(({ isStale }) => isStale).map(({ name }) => name);
  return health === 'ok' ? health : `${health}: not current: ${names.join(', ')}`;
}

function describeHosting(hosting: StatusReport['hosting'], now: number): string[] {
  if (!hosting) return [];
  const names = hosting.namespaces.join(', ') || 'takes no more (hosting.namespaces is empty)';
  const { staged } = hosting;
  return [
    `  Hosting:   ${count(hosting.modules, 'module')}; ${names}`,
    ...(staged.since === undefined
      ? []
      : [
          `  Waiting:   ${count(staged.count, 'version')} for approval, the first came ${formatAge(staged.since, now)} (moonbit-registry staged list)`,
        ]),
  ];
}

function describeCaching(caching: StatusReport['caching']): string[] {
  if (!caching?.isPaused) return [];
  const { freeBytes = 0, reserveBytes } = caching;
  return [
    `  Caching:   PAUSED: ${formatBytes(freeBytes)} of the disk are free, ${formatBytes(reserveBytes)} are kept so (registry.cache_reserve)`,
  ];
}

function describeState(source: SourceStatus, now: number): string {
  const read = source.readAt === undefined ? 'never read' : `read ${formatAge(source.readAt, now)}`;
  if (source.removed) return 'removed; what is cached stays served';
  if (!source.enabled) return `disabled, ${read}`;
  if (source.isHeld) return `HELD, ${read}`;
  return isFailing(source) ? `STALE, ${read}` : read;
}

/** Its last reading failed; a source that nobody tried to read yet is merely new. */
function isFailing(source: SourceStatus): boolean {
  if (source.removed || !source.enabled) return false;
  return source.failure !== undefined || (source.isStale && source.readAt !== undefined);
}

/** Said before anybody has tried to read it, too. */
function describeMissingCredentials({ name, failureClass, missingCredentials }: SourceStatus): string[] {
  if (missingCredentials === undefined || failureClass === 'no-credentials') return [];
  return [`  ${name}: its credentials cannot be sent: ${missingCredentials}`];
}

function separate(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}
