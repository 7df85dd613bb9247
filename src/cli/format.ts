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

/** `a, b and 3 more`: the first `limit` of them, and how many are left. */
export function nameSome(items: readonly string[], limit: number, left = 'more'): string {
  const shown = items.slice(0, limit).join(', ');
  return items.length > limit ? `${shown} and ${items.length - limit} ${left}` : shown;
}

/** `1.0.0, 1.1.0`, or `12 versions, 1.0.0 to 2.3.0` where there are more than `limit`; oldest first. */
export function nameVersions(versions: readonly string[], limit: number): string {
  if (versions.length <= limit) return versions.join(', ');
  return `${groupDigits(versions.length)} versions, ${versions[0]} to ${versions.at(-1)}`;
}

/** A headline and `formatList` below it; nothing where there are no items. */
export function formatSection(headline: string, items: readonly string[], limit = 20): string[] {
  return items.length === 0 ? [] : [headline, ...formatList(items, limit)];
}

/** The first `limit` items, one per line and indented by two, then how many more there are. */
export function formatList(items: readonly string[], limit: number): string[] {
  const shown = items.slice(0, limit).map((item) => `  ${toVisibleLine(item)}`);
  const rest = items.length - shown.length;
  return rest === 0 ? shown : [...shown, `  … and ${groupDigits(rest)} more (--json lists all)`];
}
