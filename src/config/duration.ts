export const durationSyntax = /^\d{1,10}(ms|s|m|h|d)$/;
const unitMs = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
export const durationForm = 'a duration such as "500ms", "60s", "15m", "1h" or "7d"';
// Node's timers hold a signed 32-bit number of milliseconds and fire at once for anything larger.
const maxDurationMs = 24 * 86_400_000;

/** Reads `500ms`, `60s`, `15m`, `1h` or `7d` as milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const unit = unitMs.get(durationSyntax.exec(text)?.[1] ?? '');
  return unit === undefined ? undefined : Number.parseInt(text, 10) * unit;
}

/** As `registry.toml` writes durations: `500ms`, `60s`, `5m`, `6h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0 || durationMs % 1000 !== 0) return `${durationMs}ms`;
  const seconds = durationMs / 1000;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 && seconds > 60 ? `${seconds / 60}m` : `${seconds}s`;
}

/** Why a well-formed duration cannot be used; `undefined` if it can. */
export function durationRangeProblem(text: string): string | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds === 0) return 'expected a duration above zero';
  if (milliseconds !== undefined && milliseconds > maxDurationMs)
    return `expected at most 24 days, got "${text}"`;
  return undefined;
}
