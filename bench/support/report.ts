import { type Bar, type Figures, measureInTurn, type Prepared, type Scenario } from './scenario.ts';
import { type Summary, summarise } from './statistics.ts';

/** The outcome of a run, as it is kept in a file. */
export interface Report {
  readonly format: 1;
  readonly about: About;
  readonly rows: readonly Row[];
}

/** Where, with what, and on what. */
export type About = Readonly<Record<string, string | number | boolean>>;

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly notes: readonly string[];
  readonly contenders: readonly MeasuredContender[];
  readonly comparisons: readonly Comparison[];
  /** The scenario ended with this error; what it measured until then is not shown. */
  readonly failure?: string;
}

interface MeasuredContender {
  readonly name: string;
  readonly missing?: string | undefined;
  readonly rounds: readonly Figures[];
  readonly metrics: Readonly<Record<string, Summary>>;
}

/** A bar, with what was measured: of each round by itself, since a noisy machine disturbs the whole round. */
interface Comparison extends Bar {
  readonly value: Summary;
  /** By the median; `undefined` where nothing is asked for. */
  readonly isReached?: boolean | undefined;
}

export async function measureRow(
  { name, title }: Scenario,
  { contenders, bars, notes = [] }: Prepared,
  rounds: number,
): Promise<Row> {
  const measured = await measureInTurn(contenders, rounds);
  return {
    name,
    title,
    notes,
    contenders: contenders.map((contender) => {
      const figures = measured.get(contender.name) ?? [];
      return {
        name: contender.name,
        missing: contender.missing,
        rounds: figures,
        metrics: summariseMetrics(figures),
      };
    }),
    comparisons: bars.flatMap((bar) => compareRounds(bar, measured)),
  };
}

function summariseMetrics(rounds: readonly Figures[]): Record<string, Summary> {
  const metrics = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    metrics.map((metric) => [metric, summarise(rounds.map((figures) => figures[metric] ?? Number.NaN))]),
  );
}

function compareRounds(bar: Bar, measured: ReadonlyMap<string, readonly Figures[]>): Comparison[] {
  const ours = measured.get(bar.of);
  const theirs = bar.against === undefined ? undefined : measured.get(bar.against);
  if (!ours || (bar.against !== undefined && !theirs)) return [];
  const values = ours.map((figures, round) => {
    const own = figures[bar.metric] ?? Number.NaN;
    const other = theirs?.[round]?.[bar.metric];
    if (other === undefined) return own;
    return bar.isDifference ? own - other : own / other;
  });
  const value = summarise(values);
  const { atLeast, atMost } = bar;
  if (atLeast === undefined && atMost === undefined) return [{ ...bar, value }];
  const isReached =
    value.median >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    value.median <= (atMost ?? Number.POSITIVE_INFINITY);
  return [{ ...bar, value, isReached }];
}

/** A report as Markdown tables: what was compared, then what was measured. */
export function formatReport({ about, rows }: Report): string {
  const facts = Object.entries(about).map(([key, value]) => `${key}: ${value}`);
  return [
    facts.join('; '),
    formatTable(['row', 'ours', 'against', 'median (min to max)', 'bar', ''], rows.flatMap(compareLines)),
    formatTable(['row', 'who', 'metric', 'median', 'min to max'], rows.flatMap(measuredLines)),
    rows.map(({ name, title, notes }) => `- ${name}: ${[title, ...notes].join('; ')}`).join('\n'),
  ].join('\n\n');
}

function compareLines({ name, comparisons, failure, contenders }: Row): string[][] {
  if (failure !== undefined) return [[name, '', '', `failed: ${failure.split('\n')[0]}`, '', '']];
  const missing = contenders.flatMap((one) =>
    one.missing === undefined ? [] : [[name, one.name, '', one.missing, '', '']],
  );
  const lines = comparisons.map((comparison) => {
    const { of, against, value, isReached, metric } = comparison;
    const verdict = isReached === undefined ? '' : isReached ? 'reached' : 'missed';
    return [
      name,
      `${of}: ${metric}`,
      against ?? '',
      formatSummary(value, unitOf(comparison)),
      formatBar(comparison),
      verdict,
    ];
  });
  return [...lines, ...missing];
}

function measuredLines({ name, contenders }: Row): string[][] {
  return contenders.flatMap((contender) =>
    Object.entries(contender.metrics).map(([metric, { median, min, max }]) => [
      name,
      contender.name,
      metric,
      formatNumber(median),
      `${formatNumber(min)} to ${formatNumber(max)}`,
    ]),
  );
}

function formatBar(bar: Bar): string {
  const unit = unitOf(bar);
  if (bar.atLeast !== undefined) return `≥ ${bar.atLeast}${unit}`;
  return bar.atMost === undefined ? '' : `≤ ${bar.atMost}${unit}`;
}

function unitOf({ against, isDifference, metric }: Bar): string {
  if (against === undefined) return ` ${metric.split(' ').at(-1)}`;
  return isDifference ? ` ${metric.split(' ').at(-1)} more` : ' ×';
}

function formatSummary({ median, min, max }: Summary, unit: string): string {
  return `${formatNumber(median)}${unit} (${formatNumber(min)} to ${formatNumber(max)})`;
}

/** Three digits that count. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [
    line(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}
