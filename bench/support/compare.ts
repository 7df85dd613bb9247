import { formatNumber, formatTable, type Report, type Row } from './report.ts';
import type { Summary } from './statistics.ts';

/** What moved between two runs: ratios first, since they hold on another machine too. */
export function formatMoves(old: Report, current: Report): string {
  const lines = current.rows.flatMap((row) => {
    const before = old.rows.find(({ name }) => name === row.name);
    return before ? [...movedRatios(before, row), ...movedFigures(before, row)] : [];
  });
  if (lines.length === 0) return 'The two runs have no row in common.';
  return formatTable(['row', 'what', 'before', 'now', 'now ÷ before', ''], lines);
}

function movedRatios(before: Row, row: Row): string[][] {
  return row.comparisons.flatMap((comparison) => {
    const { of, against, metric } = comparison;
    if (against === undefined) return [];
    const was = before.comparisons.find(
      (other) => other.of === of && other.against === against && other.metric === metric,
    );
    return was ? [describeMove(row.name, `${of} ÷ ${against}: ${metric}`, was.value, comparison.value)] : [];
  });
}

function movedFigures(before: Row, row: Row): string[][] {
  return row.contenders.flatMap(({ name, metrics }) => {
    const was = before.contenders.find((other) => other.name === name)?.metrics ?? {};
    return Object.entries(metrics).flatMap(([metric, value]) => {
      const then = was[metric];
      return then ? [describeMove(row.name, `${name}: ${metric}`, then, value)] : [];
    });
  });
}

/** Beyond doubt only where the rounds of the two runs do not overlap. */
function describeMove(row: string, what: string, before: Summary, now: Summary): string[] {
  const isApart = now.min > before.max || now.max < before.min;
  const change = `${formatNumber(now.median / before.median)} ×`;
  return [row, what, formatNumber(before.median), formatNumber(now.median), change, isApart ? 'moved' : ''];
}
