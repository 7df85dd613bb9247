import type { Claims } from './identity-token.ts';

/** So far two clocks may be apart. */
export const clockSkewMs = 60_000;
/** A date beyond is none. */
const latestSeconds = 8.64e12 / 1000;

/** When a token counts: milliseconds since 1970. */
interface TokenTimes {
  readonly issuedAt: number;
  readonly endsAt: number;
}

export type JudgedTimes =
  | ({ readonly kind: 'current' } & TokenTimes)
  /** Some of them are missing, or are no times. */
  | { readonly kind: 'none'; readonly why: string }
  | ({ readonly kind: 'other-time'; readonly why: string } & TokenTimes);

/** Whether a token counts at `now`, in milliseconds since 1970, as its `exp`, `iat` and `nbf` say. Words go after "it". */
export function judgeTimes({ exp, iat, nbf }: Claims, now: number): JudgedTimes {
  const [endsAt, issuedAt, from] = [exp, iat, nbf ?? iat].map(millisecondsOf);
  if (endsAt === undefined || issuedAt === undefined || from === undefined)
    return { kind: 'none', why: 'does not say from when until when it counts (exp, iat, nbf)' };
  const times = { issuedAt, endsAt };
  if (endsAt + clockSkewMs <= now)
    return { kind: 'other-time', why: `expired at ${showTime(endsAt)}`, ...times };
  const begins = Math.max(from, issuedAt);
  if (begins - clockSkewMs > now)
    return {
      kind: 'other-time',
      why: `counts from ${showTime(begins)} on, and here it is ${showTime(now)}`,
      ...times,
    };
  return { kind: 'current', ...times };
}

function millisecondsOf(seconds: unknown): number | undefined {
  const isTime = typeof seconds === 'number' && seconds >= 0 && seconds <= latestSeconds;
  return isTime ? Math.floor(seconds * 1000) : undefined;
}

function showTime(ms: number): string {
  return new Date(ms).toISOString();
}
