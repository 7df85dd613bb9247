import { parseDuration } from '../config/duration.ts';
import { CommandLineError } from './exit-codes.ts';

/** Nobody means a later day than this, and dates have an end. */
const longestMs = 10 * 365 * 86_400_000;

/** An option's `90d`, `12h` or `15m` in milliseconds; `undefined` for `never`. */
export function parseLifetime(option: string, text: string): number | undefined {
  if (text === 'never') return undefined;
  const lifetimeMs = parseDuration(text);
  if (lifetimeMs !== undefined && lifetimeMs > 0 && lifetimeMs <= longestMs) return lifetimeMs;
  throw new CommandLineError(`${option} takes a duration such as 15m, 12h or 90d, or "never", not "${text}"`);
}
