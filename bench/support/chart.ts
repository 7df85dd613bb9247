export interface Chart {
  readonly title: string;
  readonly lines: readonly Line[];
}

interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

/** Both greater than 0: the scales are logarithmic. */
interface Point {
  readonly x: number;
  readonly y: number;
}

const chartWidth = 400;
const chartHeight = 300;
const columns = 2;
const plot = { left: 62, right: 16, top: 34, bottom: 34 };
// Told apart by people who see colours differently, on white and on black.
const colours = ['#0a84d0', '#d9730d', '#2a9d5c', '#b0569e', '#8a8f00', '#c9433c'];
const lineHeight = 15;

/** Charts side by side as one SVG, legible on light and dark pages; each with its own unit in its title. */
export function drawCharts(charts: readonly Chart[], xLabel: string): string {
  const cellHeight = chartHeight + lineHeight * Math.max(...charts.map(({ lines }) => lines.length));
  const width = chartWidth * columns;
  const height = cellHeight * Math.ceil(charts.length / columns);
  const cells = charts.map((chart, position) => {
    const x = (position % columns) * chartWidth;
    const y = Math.floor(position / columns) * cellHeight;
    return `<g transform="translate(${x} ${y})">\n${drawChart(chart, xLabel)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'font-family="system-ui, sans-serif" font-size="11" role="img">',
    `<title>${escapeXml(charts.map(({ title }) => title).join('; '))}</title>`,
    '<style>text{fill:#24292f}.grid{stroke:#8c959f;stroke-opacity:.35}' +
      '@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>',
    ...cells,
    '</svg>',
    '',
  ].join('\n');
}

function drawChart({ title, lines }: Chart, xLabel: string): string {
  const points = lines.flatMap((line) => line.points);
  const xs = createScale(
    points.map(({ x }) => x),
    plot.left,
    chartWidth - plot.right,
  );
  const ys = createScale(
    points.map(({ y }) => y),
    chartHeight - plot.bottom,
    plot.top,
  );
  const grid = [
    ...xs.decades.map((value) => gridLine(xs.at(value), plot.top, xs.at(value), chartHeight - plot.bottom)),
    ...ys.decades.map((value) => gridLine(plot.left, ys.at(value), chartWidth - plot.right, ys.at(value))),
    ...xs.decades.map((value) =>
      text(xs.at(value), chartHeight - plot.bottom + 14, 'middle', formatPower(value)),
    ),
    ...ys.decades.map((value) => text(plot.left - 6, ys.at(value) + 4, 'end', formatPower(value))),
    text((plot.left + chartWidth - plot.right) / 2, chartHeight - 6, 'middle', xLabel),
    `<text x="${plot.left}" y="18" font-weight="600">${escapeXml(title)}</text>`,
  ];
  const drawn = lines.map((line, position) => drawLine(line, position, xs.at, ys.at));
  return [...grid, ...drawn].join('\n');
}

function drawLine(
  { label, points }: Line,
  position: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const colour = colours[position % colours.length] ?? 'gray';
  const places = points.map((point) => [round(x(point.x)), round(y(point.y))] as const);
  const legendY = chartHeight + 4 + position * lineHeight;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
    ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
    `<rect x="${plot.left}" y="${legendY}" width="10" height="10" fill="${colour}"/>`,
    text(plot.left + 16, legendY + 9, 'start', label),
  ].join('\n');
}

/** From the power of ten below the smallest value to the one above the largest. */
function createScale(values: readonly number[], start: number, end: number) {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(Math.ceil(Math.log10(Math.max(...values))), first + 1);
  return {
    decades: Array.from({ length: last - first + 1 }, (_, k) => 10 ** (first + k)),
    at: (value: number) => start + ((Math.log10(value) - first) / (last - first)) * (end - start),
  };
}

function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(x: number, y: number, anchor: string, content: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function formatPower(value: number): string {
  if (value >= 1e6) return `${value / 1e6} M`;
  if (value >= 1000) return `${value / 1000} k`;
  return String(Number(value.toPrecision(1)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
