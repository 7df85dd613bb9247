import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { parseJson } from '../support/parse-json.ts';
import { readAtMost } from '../support/read-at-most.ts';
import { manifestAddress } from './judge-reply.ts';
import type { ArchiveToSend } from './publish-form.ts';

export interface Wait {
  /** The registry's address. */
  readonly registry: string;
  readonly token: string;
  readonly versions: readonly Pick<ArchiveToSend, 'module' | 'version'>[];
  readonly limitMs: number;
  readonly clock: MonotonicClock;
  readonly signal: AbortSignal;
}

/** `not-yet`: not all of them within the time allowed; `unreadable`: the token may not read, so nobody can tell. */
export type Waited =
  | { readonly kind: 'listed' }
  | { readonly kind: 'not-yet' | 'unreadable'; readonly missing: readonly string[] };

const firstPauseMs = 100;
const longestPauseMs = 2000;
const longestAnswerBytes = 4 * 1024 * 1024;

/** Asks for one after the other, ever more seldom, until it is listed. */
export async function waitUntilListed(http: HttpClient, wait: Wait): Promise<Waited> {
  const until = wait.clock.now() + wait.limitMs;
  for (const [position, version] of wait.versions.entries()) {
    const found = await waitForOne(http, wait, version, until);
    if (found === 'listed') continue;
    const missing = wait.versions.slice(position).map((one) => `${one.module}@${one.version}`);
    return { kind: found, missing };
  }
  return { kind: 'listed' };
}

type Found = Waited['kind'];

async function waitForOne(
  http: HttpClient,
  wait: Wait,
  version: Wait['versions'][number],
  until: number,
): Promise<Found> {
  const { clock, signal } = wait;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const found = await look(http, wait, version);
    if (found !== 'not-yet' || clock.now() + pauseMs > until) return found;
    await clock.sleep(pauseMs, signal);
  }
}

async function look(
  http: HttpClient,
  { registry, token, signal }: Wait,
  { module, version }: Wait['versions'][number],
): Promise<Found> {
  const result = await http.request({
    url: manifestAddress(registry, `${module}@${version}`),
    authorization: `Bearer ${token}`,
    // What stands in front may keep answers.
    headers: { 'cache-control': 'no-cache' },
    signal,
    retries: 0,
  });
  if (result.kind === 'failure') return 'not-yet';
  const { status, body } = result.response;
  if (status !== 200) {
    result.response.discard();
    return status === 401 || status === 403 ? 'unreadable' : 'not-yet';
  }
  const bytes = await readAtMost(body, longestAnswerBytes).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
  const answer = parseJson(bytes?.toString('utf8') ?? '');
  const stated = typeof answer === 'object' && answer !== null && 'version' in answer ? answer.version : '';
  return stated === version ? 'listed' : 'not-yet';
}
