/** What names a moment of the past, in an address or on the command line. */
export type When =
  /** A day by UTC, which stands for its end. */
  | { readonly kind: 'day'; readonly text: string; readonly atSeconds: number }
  | { readonly kind: 'time'; readonly text: string; readonly atSeconds: number }
  /** The id of a state, or how it begins. */
  | { readonly kind: 'state'; readonly text: string };

/** How they are written, for people. */
export const whenForms = '2026-11-27, 2026-11-27T10:00:00Z, or the id of a state (7 digits of it or more)';

const daySeconds = 24 * 60 * 60;

/**
 * `2026-11-27`, `2026-11-27T10:00Z`, `2026-11-27T10:00:00Z` (fractions are cut off, as states are dated to the second), or 7 to 40
 * hex digits. `undefined` for what is none of these, also for a day that no calendar has.
 */
export function parseWhen(text: string): When | undefined {
  if (/^[0-9a-f]{7,40}$/i.test(text)) return { kind: 'state', text: text.toLowerCase() };
  const [, day, minute, second = ':00'] =
    /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(:\d{2})?(?:\.\d{1,9})?Z)?$/.exec(text) ?? [];
  if (day === undefined) return undefined;
  const canonical = `${day}T${minute ?? '00:00'}${minute === undefined ? ':00' : second}Z`;
  const atSeconds = Date.parse(canonical) / 1000;
  // The 30th of February would be taken for the 2nd of March.
  if (Number.isNaN(atSeconds) || formatSeconds(atSeconds) !== canonical) return undefined;
  return minute === undefined
    ? { kind: 'day', text: day, atSeconds: atSeconds + daySeconds - 1 }
    : { kind: 'time', text: canonical, atSeconds };
}

/** ISO 8601, UTC, to the second. */
export function formatSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
