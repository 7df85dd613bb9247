import { toVisibleLine } from '../support/visible-text.ts';
import { wrapWords } from './wrap.ts';

const indent = '  ';
const gap = '  ';

/**
 * Columns two spaces apart, each line indented by two. Where they are wider than the terminal, cells wrap at words within their
 * column; where the words themselves are, each record becomes a block of labelled lines. `right` names the columns of numbers;
 * `width` is `undefined` where a program may read it, which wants one record a line. No final newline.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
  width: number | undefined,
): string {
  const lines = [header, ...rows].map((line) => line.map(toVisibleLine));
  const longest = (lengthOf: (cell: string) => number) =>
    header.map((_, column) => lines.reduce((most, line) => Math.max(most, lengthOf(line[column] ?? '')), 0));
  const natural = longest((cell) => cell.length);
  if (width === undefined || totalOf(natural) <= width) return layOut(lines, natural, right);
  const least = longest((cell) => Math.max(...cell.split(' ').map((word) => word.length)));
  if (totalOf(least) > width) return asBlocks(lines, width);
  return layOut(lines, narrow(natural, least, width), right);
}

function totalOf(widths: readonly number[]): number {
  return indent.length + widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
}

/** Takes from the widest column that has words to wrap until all fit. */
function narrow(natural: readonly number[], least: readonly number[], width: number): number[] {
  const widths = [...natural];
  const spare = (column: number) => (widths[column] ?? 0) > (least[column] ?? 0);
  while (totalOf(widths) > width) {
    const columns = widths.flatMap((_, column) => (spare(column) ? [column] : []));
    const widest = columns.reduce((best, column) =>
      (widths[column] ?? 0) > (widths[best] ?? 0) ? column : best,
    );
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function layOut(
  lines: readonly (readonly string[])[],
  widths: readonly number[],
  right: readonly number[],
): string {
  return lines
    .flatMap((line) => {
      const cells = line.map((cell, column) => wrapCell(cell, widths[column] ?? 0));
      const height = Math.max(1, ...cells.map((cell) => cell.length));
      return Array.from({ length: height }, (_, row) => {
        const padded = cells.map((cell, column) => {
          const width = widths[column] ?? 0;
          return right.includes(column) ? (cell[row] ?? '').padStart(width) : (cell[row] ?? '').padEnd(width);
        });
        return `${indent}${padded.join(gap)}`.trimEnd();
      });
    })
    .join('\n');
}

function wrapCell(cell: string, width: number): string[] {
  return cell.length <= width ? [cell] : wrapWords(cell, width);
}

/** The first cell of a record as a title, the others below it, each behind the name of its column. */
function asBlocks([header = [], ...rows]: readonly (readonly string[])[], width: number): string {
  const labels = Math.max(0, ...header.slice(1).map((label) => label.length)) + gap.length;
  const inset = indent.repeat(2);
  const blocks = rows.map(([title = '', ...cells]) => [
    `${indent}${title}`,
    ...cells.flatMap((cell, column) =>
      wrapCell(cell, width - inset.length - labels).map(
        (line, row) => `${inset}${(row === 0 ? (header[column + 1] ?? '') : '').padEnd(labels)}${line}`,
      ),
    ),
  ]);
  return blocks.map((block) => block.map((line) => line.trimEnd()).join('\n')).join('\n');
}
