/** What a `token_command` prints; pure. */
import { parseJson } from '../support/parse-json.ts';

export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: string; readonly lifeMs: number }
  /** `problem`: in words that go after the command's name. */
  | { readonly kind: 'unusable'; readonly problem: string };

/** Of a token that does not say how long it is good. */
const unknownLifeMs = 5 * 60_000;
const longestLifeMs = 24 * 3_600_000;
const shortestLifeMs = 10_000;
/** What is left of its life when another is asked for: a request takes its time too. */
const marginMs = 60_000;

/**
 * The token is what was printed, but for a line end; or, of a JSON object, its `token` or `access_token`, which is good for
 * `expires_in` seconds or until `expires_at` (seconds since 1970, or a date). A JSON Web Token says so itself (`exp`).
 */
export function readTokenAnswer(text: string, now: number): TokenAnswer {
  const bare = text.replace(/\r?\n$/, '');
  if (bare.trim() === '') return unusable('printed nothing');
  if (!bare.trimStart().startsWith('{')) return tokenOf(bare, expiryOfJwt(bare), now);
  const answer = parseObject(bare);
  if (answer === undefined) return unusable('printed what begins as JSON, and is none');
  const token = answer.token ?? answer.access_token;
  if (typeof token !== 'string' || token === '')
    return unusable('printed JSON in which neither "token" nor "access_token" is a text');
  return tokenOf(token, expiryOf(answer, now) ?? expiryOfJwt(token), now);
}

function tokenOf(token: string, expiresAt: number | undefined, now: number): TokenAnswer {
  const left = expiresAt === undefined ? unknownLifeMs : expiresAt - now;
  const lifeMs = left - Math.min(marginMs, left / 10);
  return { kind: 'token', token, lifeMs: Math.min(Math.max(lifeMs, shortestLifeMs), longestLifeMs) };
}

function expiryOf({ expires_in, expires_at }: Record<string, unknown>, now: number): number | undefined {
  if (typeof expires_in === 'number') return now + expires_in * 1000;
  if (typeof expires_at === 'number') return expires_at * 1000;
  const date = typeof expires_at === 'string' ? Date.parse(expires_at) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

function expiryOfJwt(token: string): number | undefined {
  const claims = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)?.[1];
  if (claims === undefined) return undefined;
  const exp = parseObject(Buffer.from(claims, 'base64url').toString())?.exp;
  return typeof exp === 'number' ? exp * 1000 : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function unusable(problem: string): TokenAnswer {
  return { kind: 'unusable', problem };
}
