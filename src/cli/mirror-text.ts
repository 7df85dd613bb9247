/** What `mirror` has done, for people, and whether it did all it was asked to. */
import { anySource } from '../model/mirror-target.ts';
import type { MirrorReport } from '../registry/mirror/mirror-report.ts';
import { quoteForShell } from '../support/shell.ts';
import { formatFindings, formatStale, needsAttention } from './findings.ts';
import { count, formatBytes, formatElapsed, formatSection, groupDigits, nameSome } from './format.ts';
import { formatHeldBack } from './held-back.ts';
import { formatTable } from './table.ts';

/**
 * Whether nothing is left that running it again, or somebody's decision, would bring. What no client can have from any registry is
 * not among that, unless the whole closure is asked for.
 */
export function isComplete(report: MirrorReport, isClosureRequired: boolean): boolean {
  if (report.failed.length > 0) return false;
  if (report.unsatisfied.some(({ kind }) => isClosureRequired || kind === 'open')) return false;
  if (report.skipped.some(({ kind }) => kind !== 'other-origin')) return false;
  return !needsAttention({ ...report, refreshes: report.refresh });
}

interface MirrorTextOptions {
  readonly defaultSource: string;
  readonly durationMs: number;
  /** Columns of the terminal; `undefined` where a program may read it. */
  readonly width: number | undefined;
}

export function formatMirror(report: MirrorReport, options: MirrorTextOptions): string {
  const sections = [
    [formatSummary(report, options)],
    formatSection(`${count(report.toDownload.length, 'archive')} would be downloaded:`, report.toDownload),
    formatDecided(report),
    formatSection(
      `${count(report.failed.length, 'archive')} failed:`,
      report.failed.map(
        ({ module, version, source, reason }) => `${module}@${version} (${source}): ${reason}`,
      ),
    ),
    ...formatUnsatisfied(report),
    formatSection(
      `${count(report.skipped.length, 'module')} skipped:`,
      report.skipped.map(({ module, reason }) => `${module}: ${reason}`),
    ),
    formatSection(
      `${count(report.blocked.length, 'version')} not downloaded, as blocked (moonbit-registry block --list):`,
      report.blocked.map(({ module, version }) => `${module}@${version}`),
    ),
    formatSection(
      `${count(report.unmatched.length, 'pattern')} of [mirror] packages took nothing:`,
      report.unmatched.map(({ reason, hint }) => (hint === undefined ? reason : `${reason}; ${hint}`)),
    ),
    formatStale(report.refresh),
    formatFindings(report.findings),
    // A dry run decides nothing, so what it counts as waiting holds names that the run itself would decide.
    report.dryRun && report.decided.length > 0 ? [] : formatHeldBack(report.heldBack),
    formatUndecided(report, options.defaultSource),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function formatSummary({ sources, dryRun }: MirrorReport, { durationMs, width }: MirrorTextOptions): string {
  const took = formatElapsed(durationMs);
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

/** What mirroring by name decided, by source. */
function formatDecided({ decided, dryRun }: MirrorReport): string[] {
  const sources = [...new Set(decided.map(({ source }) => source))];
  return sources.flatMap((source) => {
    const modules = decided.filter((one) => one.source === source).map(({ module }) => module);
    const verb = dryRun ? 'would be decided' : 'decided';
    return formatSection(
      `${count(modules.length, 'new name')} ${verb}, since you mirror by name: ${modules.length === 1 ? 'it comes' : 'they come'} from "${source}":`,
      modules,
    );
  });
}

function formatUnsatisfied({ unsatisfied }: MirrorReport): string[][] {
  const describe = ({ module, requirement, requiredBy, reason }: MirrorReport['unsatisfied'][number]) =>
    `${module}@${requirement}, required by ${requiredBy}: ${reason}`;
  const open = unsatisfied.filter(({ kind }) => kind === 'open');
  const remarks = unsatisfied.filter(({ kind }) => kind !== 'open');
  return [
    formatSection(
      `${count(open.length, 'dependency', 'dependencies')} could not be had:`,
      open.map(describe),
    ),
    formatSection(
      `${count(remarks.length, 'dependency', 'dependencies')} that nobody can have from here (a remark):`,
      remarks.map(describe),
    ),
  ];
}

/** So many names are spelled out in a command. */
const spelledOut = 20;

/** Last, since it says what to do. */
function formatUndecided({ undecided, dryRun }: MirrorReport, defaultSource: string): string[] {
  const sources = [...new Set(undecided.map(({ source }) => source))];
  return sources.flatMap((source) => {
    const owners = undecided.filter((one) => one.source === source);
    const modules = owners.flatMap((one) => one.modules);
    const one = modules.length === 1;
    const versions = owners.reduce((total, one) => total + one.versions, 0);
    const which = source === defaultSource || source === anySource ? '' : ` -s ${source}`;
    const whose = nameSome(
      owners.map(({ owner }) => owner),
      5,
      'more owners',
    );
    const names = modules.map((module) => ` ${quoteForShell(module)}`);
    const separator = names.some((name) => /^ '?-/.test(name)) ? ' --' : '';
    const words = modules.length <= spelledOut ? `${separator}${names.join('')}` : ` "<owner>/*"`;
    return [
      `Not listed yet: ${count(modules.length, 'new name')} of ${whose}, since nobody has decided that ${one ? 'it is' : 'they are'} "${source}"'s own (${count(versions, 'archive')} ${dryRun ? 'would be taken' : 'taken'} as it lists ${one ? 'it' : 'them'}).`,
      ...formatRequiring(owners.flatMap(({ requiredBy }) => requiredBy)),
      one ? 'If it is:' : 'If they are:',
      `  $ moonbit-registry mirror${which} --strict${words}`,
    ];
  });
}

function formatRequiring(modules: readonly string[]): string[] {
  const all = [...new Set(modules)].sort();
  if (all.length === 0) return [];
  return [`Until then moon cannot resolve what requires that: ${nameSome(all, 10)}.`];
}
