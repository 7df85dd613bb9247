/** Words and numbers as people read them. Everything here is pure. */
import { toVisibleLine } from '../support/visible-text.ts';

/** `1 module`, `2 modules`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${groupDigits(number)} ${number === 1 ? singular : plural}`;
}

/** `1,234,567`. */
export function groupDigits(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `512 B`, `1.5 KiB`. */
export function formatBytes(sizeBytes: number): string {
  let size = sizeBytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(size) : size.toFixed(1)} ${units[unit]}`;
}

/** `just now`, `5 minutes ago`; `time` is ISO 8601. */
export function formatAge(time: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(time)) / 1000);
  if (seconds < 10) return 'just now';
  if (seconds < 120) return `${seconds} seconds ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} hours ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** How long something took: `0.4 s`, `12 s`, `3 min 5 s`. */
export function formatElapsed(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The first `limit` items, one per line and indented by two, then how many more there are. */
export function formatList(items: readonly string[], limit: number): string[] {
  const shown = items.slice(0, limit).map((item) => `  ${toVisibleLine(item)}`);
  const rest = items.length - shown.length;
  return rest === 0 ? shown : [...shown, `  … and ${groupDigits(rest)} more (--json lists all)`];
}
