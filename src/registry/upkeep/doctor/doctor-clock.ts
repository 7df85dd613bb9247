import type { SourceConfig } from '../../../config/config.ts';
import { userAgentOf } from '../../../sources/user-agent.ts';
import type { Environment } from '../../../support/environment.ts';
import { anyDestination } from '../../../support/net/destination.ts';
import { createHttpClient } from '../../../support/net/fetch-http.ts';
import type { TlsSettings } from '../../../support/net/tls-settings.ts';
import { ok, type Verdict, warning } from './probe.ts';

/** How far this machine's clock is ahead of what one source's server says; negative: behind. */
export interface ClockReading {
  readonly source: string;
  readonly aheadMs: number;
}

const toleranceMs = 60_000;
const timeouts = { connectMs: 5000, firstByteMs: 10_000, totalMs: 15_000 };

/** Any answer has a `Date`, so nothing but a `HEAD` without credentials is needed. */
export async function readClock(
  source: SourceConfig,
  tls: TlsSettings | undefined,
  { env, now }: { readonly env: Environment; readonly now: () => number },
): Promise<ClockReading[]> {
  if (!/^https?:/i.test(source.url)) return [];
  const http = createHttpClient({
    userAgent: userAgentOf(source),
    timeouts,
    environment: env,
    destinations: anyDestination,
  });
  try {
    const sentAt = now();
    const request = { url: source.url, method: 'HEAD', tls, retries: 0, maxRedirects: 0 } as const;
    const result = await http.request(request);
    if (result.kind !== 'response') return [];
    const arrivedAt = now();
    result.response.discard();
    const stated = Date.parse(result.response.headers.date ?? '');
    if (Number.isNaN(stated)) return [];
    // Half a second, as the header counts whole ones.
    return [{ source: source.name, aheadMs: (sentAt + arrivedAt) / 2 - (stated + 500) }];
  } finally {
    await http.close();
  }
}

/** A wrong clock of one server is that server's; when most say the same, it is ours. */
export function judgeClock(readings: readonly ClockReading[]): Verdict {
  const sorted = [...readings].sort((a, b) => a.aheadMs - b.aheadMs);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (!middle) return ok('no source told the time, so it was not compared');
  const seconds = Math.round(Math.abs(middle.aheadMs) / 1000);
  if (Math.abs(middle.aheadMs) <= toleranceMs)
    return ok(`within ${Math.max(seconds, 1)} s of what sources say`);
  return warning(
    `${seconds} s ${middle.aheadMs > 0 ? 'ahead of' : 'behind'} what "${middle.source}" says`,
    'let this machine follow a time server (NTP): certificates and recorded times depend on it',
  );
}

/** `since`: when the newest state counts from, ISO 8601. Nothing where it has begun by this machine's clock. */
export function judgeStateDate(since: string | undefined, now: number): Verdict[] {
  if (since === undefined || Date.parse(since) - now <= toleranceMs) return [];
  return [
    warning(
      `the newest state is dated ${since}, which this machine's clock has not reached: a clock was ahead, and until then no date names what is served now`,
      'name it by its id, for /at/STATE/ and explain --at: moonbit-registry state at',
    ),
  ];
}
